from __future__ import annotations

import ast
import sysconfig
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from condabox.pruning.sources import Source, absolute, around, read_compiled, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator

STDLIB = Path(sysconfig.get_path("stdlib"))
HOSTILE = 1 << 20


def imports(text: str | bytes) -> set[str]:
    data = text.encode() if isinstance(text, str) else text
    return set(read_source([data]).imports)


def parsed(data: bytes) -> Iterator[str]:
    """Yield what Python itself imports, as `read_source` names it; raise SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(data)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            dot = "." if node.module else ""
            for alias in node.names:
                yield origin if alias.name == "*" else f"{origin}{dot}{alias.name}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a", {"a"}),
        ("import a.b.c as d, e\n", {"a.b.c", "e"}),
        ("from a.b import c as d, e", {"a.b.c", "a.b.e"}),
        ("from a import *", {"a"}),
        ("from . import a", {".a"}),
        ("from .. import *", {".."}),
        ("from.a import(b)", {".a.b"}),
        ("from . . a . b import c", {"..a.b.c"}),
        ("from ...a import b", {"...a.b"}),
        ("from a import (\n    b,  # not c)\n    d as e,\n)\nimport f", {"a.b", "a.d", "f"}),
        ("from a import (b, # one\r\n\r\n # two \r c \\\n)", {"a.b", "a.c"}),
        ("import a, \\\n  b\\\n.c", {"a", "b.c"}),
        ("from a \\\r\n import b", {"a.b"}),
        ("def f():\n\tif x: import a; import b\n\telse:import c", {"a", "b", "c"}),
        ("try:\n    import a\nexcept ImportError:\n    a = None", {"a"}),
        ("if TYPE_CHECKING:\n    import a", {"a"}),
        ("x = 1\rimport a\r", {"a"}),
        ("\f import a", {"a"}),
        ("\ufeffimport a", {"a"}),
        ("lazy import a\nlazy from b import c", {"a", "b.c"}),
        ("import ﬁle, ünï.é", {"file", "ünï.é"}),
        (b"# coding: latin-1\nname = '\xe9'\nimport a\n", {"a"}),
        ("print 'Python 2'\nimport a", {"a"}),
        ("from a import (b, c", {"a.b", "a.c"}),
        ("importing = from_ = 1\nx.import_ = y\nyield from a\nraise b from c\n", set()),
        ("# import a\nx = 'import b'\n", set()),
        ("", set()),
        (b"\x00\xff\xfe", set()),
    ],
)
def test_statements_are_found(text: str | bytes, expected: set[str]) -> None:
    assert imports(text) == expected


def test_text_that_looks_like_an_import_counts_and_hides_no_real_one() -> None:
    text = (
        '"""\nfrom a import (b,\n c # and""" \nfrom d import e\nx = """\nimport f,\n"""; import g\n'
    )

    assert imports(text) == {"a.b", "a.c", "d.e", "f", "g"}


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module('a.b')\n",
        "from importlib import import_module\nNAMES = {'x': \"a.b\"}\n",
        "__import__('a.b')",
        "import lazy_loader as lazy\nlazy.attach(__name__, submodules=['a.b'])\n",
        "from ..utils import _LazyModule\nNAMES = {'a.b': ['C']}\n",
    ],
)
def test_names_that_functions_import_count_from_the_root_and_the_package(text: str) -> None:
    assert {"a.b", ".a.b"} <= imports(text)


def test_relative_names_that_functions_import() -> None:
    text = "from importlib import import_module\nimport_module('..a', __package__)"

    assert imports(text) == {"importlib.import_module", "..a"}


def test_texts_are_no_names_where_nothing_is_imported_by_functions() -> None:
    assert imports("import a\nx = 'b.c'") == {"a"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pkgutil\npkgutil.get_data('a.b', 'c.txt')", {"a.b"}),
        ("from importlib.resources import files\nfiles('a') / 'b'", {"a"}),
        ("from importlib import resources\nresources.files( __package__ )", {"."}),
        ("import importlib.resources as r\nr.read_text(\n  \"a.b\", 'c')", {"a.b"}),
        ("from importlib.resources import files\nfiles()", {"."}),
        ("import pkg_resources\npkg_resources.resource_filename(__name__, 'a')", {"."}),
        ("import pkgutil\nprofiles('a')\nget_data(name)", set()),
        ("files('a')", set()),
    ],
)
def test_packages_whose_data_is_read(text: str, expected: set[str]) -> None:
    assert read_source([text.encode()]).resources == expected


def test_a_source_tells_that_it_has_a_stub() -> None:
    text = b"import lazy_loader as lazy\n_, _, _ = lazy.attach_stub(__name__, __file__)\n"

    assert read_source([text]).has_stub
    assert not read_source([b"import lazy_loader\n"]).has_stub


@pytest.mark.parametrize(
    ("name", "package", "expected"),
    [
        ("a.b", "p", ("a.b",)),
        ("a.b", None, ("a.b",)),
        (".a", "p.q", ("p.q.a",)),
        ("..a", "p.q", ("p.a",)),
        (".", "p.q", ("p.q",)),
        ("..", "p.q", ("p",)),
        ("...a", "p.q", ()),
        (".a", None, ()),
    ],
)
def test_names_become_absolute(name: str, package: str | None, expected: tuple[str, ...]) -> None:
    assert absolute([name], package=package) == expected


def test_absolute_names_are_sorted_and_there_once() -> None:
    assert absolute(["z", ".a", "p.a"], package="p") == ("p.a", "z")


def test_what_lies_across_two_pieces_is_found() -> None:
    source = b"\xef\xbb\xbfimport a\n" + b"#" * 70_000 + b"\nfrom b import (c,\n  d)\nimport e\n"
    pieces = [source[:70_020], source[70_020:70_030], source[70_030:]]

    assert {"a", "b.c", "b.d", "e"} <= read_source(pieces).imports


def test_compiled_modules_name_what_they_import() -> None:
    data = b"\x7fELF\0p._core.a\0q.b\0p.\0" + b"p.tests.c" + b"\0xp-1.2\0"
    pieces = [data[:10], data[10:]]

    found = read_compiled(pieces, package="p")

    assert found.imports == {"p._co", "p._core.a", "p.tests.c"}
    assert read_compiled(pieces, package=None) == Source(imports=frozenset())


@pytest.mark.parametrize("cut", [20, 5_000])
def test_compiled_modules_name_it_in_a_compressed_table(cut: int) -> None:
    noise = bytes(range(256)) * 36
    table = zlib.compress(b"axes" * 100 + b"p._core.ap.tests.c")
    data = b"\x7fELF\0" + noise + table + noise

    found = read_compiled([data[:cut], data[cut:]], package="p")

    assert found.beginnings == {"p._core.ap.tests.c", "p.tests.c"}
    assert read_compiled([data], package=None) == Source(imports=frozenset())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zlib.compress(bytes(HOSTILE << 6)) * 8, id="bombs"),
        pytest.param(zlib.compress(b"p.x" * HOSTILE), id="names"),
        pytest.param(zlib.compress(b"p." + b"x" * HOSTILE), id="one-long-name"),
        pytest.param(b"\x78\x9c" * HOSTILE, id="headers"),
        pytest.param(
            b"".join(b"\x78\x01\0\x04\x01\xfb\xfe" + bytes(9) for _ in range(HOSTILE >> 4)),
            id="one-within-the-other",
        ),
    ],
)
def test_compressed_tables_that_are_made_to_deceive_are_bounded(data: bytes) -> None:
    found = read_compiled([data], package="p")

    assert len(found.beginnings) <= 1 << 12
    assert max(map(len, found.beginnings), default=0) <= 256


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__file__, 'test', 'test.crt'", {"./test"}),
        ('__file__, "tests/data/x.csv"', {"./tests/data"}),
        ("__file__, '../b/tests/'", {"./b/tests"}),
        ("__file__, f'tests/data/{x}', 'tests/da%s'", {"./tests/data", "./tests"}),
        ("__file__, 'data/my-tests', 'testing', 'a test', 'test.py', 'latests/x'", set()),
        ("'tests'", set()),
        ('"\n    >>> f(a.__file__, "tests")\n    ... "tests"\n"\n"tests"', set()),
        ('"\n>>> f(a.__file__, "tests")\n"\n__file__', set()),
        ("import pkgutil\n'tests/x'", {"./tests"}),
        ("import pkgutil\nP = 'a.tests.data'", {"a/tests/data"}),
        ("__file__, 'a.tests.data'", set()),
    ],
)
def test_folders_of_tests_that_a_source_may_read(text: str, expected: set[str]) -> None:
    assert read_source([text.encode()]).data == expected


def test_no_source_names_more_folders_than_people_would() -> None:
    text = "__file__" + "".join(f" 'tests/{number}/x'" for number in range(10_000))
    found = read_source([text.encode()])

    assert len(found.data) == 256
    assert len(around(found, package=".".join(["a"] * 1000))) == 256 * 16


def test_a_source_that_says_where_it_is_in_an_earlier_piece() -> None:
    pieces = [b"__file__\n" + b"#" * (1 << 17), b"\n'tests'\n"]

    assert read_source(pieces).data == {"./tests"}


NAMES = st.sampled_from(["a", "b1", "_c", "as_", "import_x", "fromage", "é", "lazy"])
SPACE = st.sampled_from([" ", "\t", "  ", " \\\n", "\\\r\n ", " \f"])
GAP = st.one_of(st.just(""), SPACE)
IN_LIST = st.one_of(
    GAP, st.sampled_from(["\n", "\r\n  ", "# x), import y\n", "#;from a import (\n"])
)
NOISE = st.lists(st.sampled_from([*"\n\r \t;:#(),.\\ab*", "import", "from"])).map("".join)


@st.composite
def items(draw: st.DrawFn, name: st.SearchStrategy[str], gap: st.SearchStrategy[str]) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        alias = f"{draw(SPACE)}as{draw(SPACE)}{draw(NAMES)}" if draw(st.booleans()) else ""
        parts.append(f"{draw(name)}{alias}{draw(gap)}")
    return f",{draw(gap)}".join(parts)


@st.composite
def dotted(draw: st.DrawFn) -> str:
    dot = f"{draw(GAP)}.{draw(GAP)}"
    return dot.join(draw(st.lists(NAMES, min_size=1, max_size=3)))


@st.composite
def statements(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return f"import{draw(SPACE)}{draw(items(dotted(), GAP))}"
    dots = "".join(draw(st.lists(st.sampled_from([".", ". ", "..."]), max_size=2)))
    origin = f"{draw(SPACE)}{dots}{draw(dotted()) if not dots or draw(st.booleans()) else ''}"
    listed = draw(
        st.one_of(
            st.just("*"),
            items(NAMES, GAP),
            st.builds(
                "({}{}{})".format, IN_LIST, items(NAMES, IN_LIST), st.sampled_from(["", ","])
            ),
        )
    )
    return f"from{origin}{draw(SPACE)}import{draw(SPACE)}{listed}"


@st.composite
def sources(draw: st.DrawFn) -> str:
    lines = []
    for statement in draw(st.lists(statements(), min_size=1, max_size=4)):
        noise = draw(NOISE)
        before = ["", "x = 1; ", "if x: ", "x = {1:2};\t", f"'''{noise}'''; ", f"'''{noise}'''\n"]
        lines.append(f"{draw(st.sampled_from(before))}{statement}")
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return end.join(lines)


@given(sources())
@example("'''\nfrom a import (#'''\nfrom b import c")
def test_every_import_that_python_sees_is_found(text: str) -> None:
    data = text.encode()
    try:
        expected = set(parsed(data))
    except (SyntaxError, ValueError):
        reject()

    assert _missing(expected, imports(data)) == set()


def test_every_import_of_the_standard_library_is_found() -> None:
    checked = 0
    for path in sorted(STDLIB.glob("*/*.py"))[::10]:
        data = path.read_bytes()
        try:
            expected = set(parsed(data))
        except (SyntaxError, ValueError):
            continue
        checked += 1
        assert _missing(expected, imports(data)) == set(), path
    assert checked


@pytest.mark.parametrize(
    "repeated",
    [
        *(b"import a,\\\n", b"import \\\n", b"from .\\\nfrom", b"\nfrom a.\\\nfrom.\\\n", b"a."),
        *(b"from a import (\n", b"#;from a import (", b"from . ", b";", b"\\\n", b"'a.", b"'."),
        *(b"files(\n\n\n", b"\nlazy  ", b"import a as\\\n b,\\\n", b"\n from a import (#"),
        *(b"'a/", b"'tests/", b"'", b"'../", b"'a.tests.", b"a/"),
    ],
)
@pytest.mark.parametrize(
    "start", [b"import importlib\n", b"from a import (", b"'''", b"__file__ 'tests"]
)
def test_no_text_takes_more_than_one_pass(repeated: bytes, start: bytes) -> None:
    read_source([start + repeated * (HOSTILE // len(repeated))])  # or it takes hours


def _missing(expected: set[str], found: set[str]) -> set[str]:
    return {
        name
        for name in expected
        if name not in found and not any(each.startswith(f"{name.rstrip('.')}.") for each in found)
    }
