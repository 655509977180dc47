"""Modules are found as Python finds them, and what imports of all that stays lead to stays."""

from __future__ import annotations

import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.facts import SITE, elf, modules, package, proven, reasons
from tests.fakes.realprefix import RealPrefix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from condabox.pruning.facts import PackageFacts


def kept(facts: PackageFacts, *taken: str) -> dict[str, str]:
    """Prove ``facts`` without ``taken``, which are relative to site-packages."""
    return reasons(proven(facts, taken={f"{SITE}/{path}" for path in taken}))


def site(*paths: str) -> list[str]:
    return [f"{SITE}/{path}" for path in paths]


def test_an_import_of_what_was_to_go_keeps_it_and_its_packages() -> None:
    imports = modules({"np/testing/utils.py": ["np.core.tests._natype"]})
    tests = ("np/core/tests/__init__.py", "np/core/tests/_natype.py", "np/core/tests/test_a.py")
    facts = package(site("np/__init__.py", "np/core/__init__.py", *tests), imports=imports)

    because = "np/testing/utils.py imports np.core.tests._natype"
    assert kept(facts, *tests) == dict.fromkeys(tests[:2], because)


def test_what_stays_imports_others() -> None:
    facts = package(
        site("a/tests/d.py"),
        imports=modules(
            {
                "a/__init__.py": ["a.tests.b"],
                "a/tests/b.py": ["a.tests.c", "os"],
                "a/tests/c.py": ["a.tests.b", "a.tests.c"],
                "a/tests/e.py": ["a.tests.d"],
            }
        ),
    )

    assert kept(facts, *(f"a/tests/{name}.py" for name in "bcde")) == {
        "a/tests/b.py": "a/__init__.py imports a.tests.b",
        "a/tests/c.py": "a/tests/b.py imports a.tests.c",
    }


def test_the_first_who_needs_it_is_told() -> None:
    needed = ("t/__init__.py", "t/x.csv", "u/__init__.py")
    facts = package(
        site(*needed, "u/b/m.py", "u/a/n.py"),
        imports=modules({"c.py": ["t"], "b.py": ["t"], "d.py": ["t"]}),
        resources=modules({"e.py": ["t"], "a/f.py": ["t"]}),
    )

    assert kept(facts, *needed) == {
        "t/__init__.py": "a/f.py reads data of t",
        "t/x.csv": "a/f.py reads data of t",
        "u/__init__.py": "u/a/n.py is in this package",
    }


def test_a_module_needs_the_packages_that_it_is_in() -> None:
    inits = ("a/tests/__init__.py", "a/tests/sub/__init__.py", "a/tests/other/__init__.py")
    facts = package(site(*inits, "a/tests/sub/stays.so", "a/tests/other/data.txt"))

    assert kept(facts, *inits) == dict.fromkeys(
        inits[:2], "a/tests/sub/stays.so is in this package"
    )


def test_a_library_that_stays_needs_the_package_that_it_is_in() -> None:
    files = ("a/tests/__init__.py", "a/tests/m.so", "a/tests/b.py")
    facts = package(
        site(*files),
        libraries={f"{SITE}/a/x.so": elf("m.so", runpath=["$ORIGIN/tests"])},
        imports=modules({"a/tests/__init__.py": ["a.tests.b"]}),
    )

    assert kept(facts, *files) == {
        "a/tests/m.so": f"{SITE}/a/x.so needs m.so",
        "a/tests/__init__.py": "a/tests/m.so is in this package",
        "a/tests/b.py": "a/tests/__init__.py imports a.tests.b",
    }


def test_data_that_stays_needs_no_package() -> None:
    files = ("a/tests/__init__.py", "a/tests/x.csv")
    facts = package(site(*files), links={"share/x.csv": f"../{SITE}/a/tests/x.csv"})

    assert kept(facts, *files) == {"a/tests/x.csv": "share/x.csv is a link to it"}


def test_entry_points_need_their_modules() -> None:
    files = ("a/tests/__init__.py", "a/tests/plugin.py", "a/tests/other.py")
    facts = package(site(*files), entry_points=["a.tests.plugin"])

    assert kept(facts, *files) == dict.fromkeys(files[:2], "an entry point names a.tests.plugin")


def test_who_reads_data_needs_it() -> None:
    needed = ("a/tests/__init__.py", "a/tests/one.csv", "a/tests/data/two.csv", "a/tests/x.pyi")
    others = (
        "a/tests/test_a.py",
        "a/tests/data/make.py",
        "a/tests/package/__init__.py",
        "a/tests/package/three.csv",
        "a/other/four.csv",
    )
    facts = package(site(*needed, *others), resources=modules({"a/b.py": ["a.tests"]}))

    assert kept(facts, *needed, *others) == dict.fromkeys(needed, "a/b.py reads data of a.tests")


def test_who_reads_data_of_a_package_that_stays_needs_what_is_beside_its_modules() -> None:
    files = ("a/one.pyi", "a/build/two.js", "a/data/three.csv", "a/data/inner/four.csv")
    facts = package(
        site("a/__init__.py", *files), resources=modules({"a/b.py": ["a"], "c.py": ["a.data"]})
    )

    assert kept(facts, *files) == {
        "a/one.pyi": "a/b.py reads data of a",
        "a/data/three.csv": "c.py reads data of a.data",
        "a/data/inner/four.csv": "c.py reads data of a.data",
    }


def test_who_names_a_folder_needs_all_data_in_it() -> None:
    needed = ("a/tests/one.csv", "a/tests/inner/two.csv", "a/tests/inner/three.pyi")
    others = (
        "a/tests/__init__.py",
        "a/tests/__pycache__/__init__.cpython-311.pyc",
        "a/tests/inner/__init__.py",
        "a/b/tests/four.csv",
    )
    facts = package(
        site("a/__init__.py", *needed, *others), data=modules({"a/m.py": ["a/tests", "c/tests"]})
    )

    assert kept(facts, *needed, *others) == dict.fromkeys(needed, "a/m.py names a/tests")


def test_a_module_that_stays_needs_the_data_beside_it() -> None:
    needed = ("a/tests/__init__.py", "a/tests/m.py", "a/tests/x.csv", "a/tests/data/y.csv")
    others = ("a/tests/n.py", "a/tests/inner/__init__.py", "a/tests/inner/z.csv")
    facts = package(site(*needed, *others), imports=modules({"a/b.py": ["a.tests.m"]}))

    assert kept(facts, *needed, *others) == {
        **dict.fromkeys(needed[:2], "a/b.py imports a.tests.m"),
        **dict.fromkeys(needed[2:], "a/tests/__init__.py is beside it"),
    }


def test_what_is_no_module_of_a_package_needs_nothing_beside_it() -> None:
    files = ("lib/liba.so", "lib/x.txt", f"{SITE}/top.py", f"{SITE}/x.txt")
    facts = package(
        files,
        libraries={"bin/a": elf("liba.so")},
        imports=modules({"b.py": ["top"]}),
    )

    assert set(reasons(proven(facts, taken=files))) == {"lib/liba.so", "top.py"}


def test_the_last_package_that_has_a_file_says_what_it_imports() -> None:
    first = package(site("a/tests.py"), imports=modules({"a/__init__.py": ["a.tests"]}))
    last = package(site("a/__init__.py"))
    taken = set(site("a/tests.py"))

    assert reasons(proven(first, last, taken=taken)) == {}
    assert set(reasons(proven(last, first, taken=taken))) == {"a/tests.py"}


def test_names_of_any_bytes_are_shown_in_one_line() -> None:
    facts = package(
        site("a/tests.py"), imports={f"{SITE}/caf\udce9\n.py": ["a.tests", "a.tests\n"]}
    )

    assert kept(facts, "a/tests.py") == {"a/tests.py": r"'caf\udce9\n.py' imports a.tests"}


EXTENSION = EXTENSION_SUFFIXES[0]
FILES = (
    "p/__init__.py",
    "p/__init__.pyc",
    "p/m.py",
    "p/m.pyc",
    f"p/m{EXTENSION}",
    "p/m/__init__.py",
    "p/m/x.py",
    "p/m/data.txt",
    "p/m/inner/data.txt",
    "p/m/inner/__init__.py",
    "q.py",
    "q/x.pyc",
    "q/data/d.txt",
    "r.py",
)
NAMES = (
    "p",
    "p.m",
    "p.m.x",
    "p.m.x.attribute",
    "p.attribute",
    "q",
    "q.x",
    "r",
    "absent",
    "p.m.inner",
)


def some(names: Iterable[str]) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(sorted(names)), max_size=3)


PREFIXES = st.builds(
    lambda files, imports, resources, entry_points: package(
        site(*files),
        imports=modules({path: imports[path] for path in imports.keys() & {*files, "r.py"}}),
        resources=modules({path: names for path, names in resources.items() if path in files}),
        entry_points=entry_points,
    ),
    st.sets(st.sampled_from(FILES), min_size=3),
    st.dictionaries(st.sampled_from(FILES), some(NAMES), min_size=3),
    st.dictionaries(st.sampled_from(FILES), some(["p", "p.m", "q", "q.data"]), max_size=1),
    some(["p.m", "q.x"]),
)


@settings(max_examples=150, deadline=None)
@given(PREFIXES, st.data())
def test_exactly_that_stays_without_which_python_finds_something_else(
    facts: PackageFacts, data: st.DataObject
) -> None:
    taken = data.draw(st.sets(st.sampled_from(sorted(facts.sizes))))

    with tempfile.TemporaryDirectory() as folder:
        needed = RealPrefix(Path(folder), facts).needed(taken)

    proof = proven(facts, taken=taken)
    assert {each.path for every in proof.kept.values() for each in every} == needed
