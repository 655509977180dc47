"""Modules are found as Python finds them, and what imports of all that stays lead to stays."""

from __future__ import annotations

import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
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


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["a/m.py"], ["a/m.py"]),
        (["a/m.pyc"], ["a/m.pyc"]),
        (["a/m.py", "a/m.pyc"], ["a/m.py"]),
        (["a/m.so", "a/m.py"], ["a/m.so"]),
        (["a/m.abi3.so", "a/m.pyi"], ["a/m.abi3.so"]),
        (
            ["a/m.cpython-311-x86_64-linux-gnu.so", "a/m.py"],
            ["a/m.cpython-311-x86_64-linux-gnu.so"],
        ),
        (["a/m.cpython-313t-aarch64-linux-gnu.so"], ["a/m.cpython-313t-aarch64-linux-gnu.so"]),
        (["a/m.pypy39-pp73-x86_64-linux-gnu.so"], ["a/m.pypy39-pp73-x86_64-linux-gnu.so"]),
        (["a/m/__init__.py", "a/m.py"], ["a/m/__init__.py"]),
        (["a/m/__init__.pyc", "a/m.so"], ["a/m/__init__.pyc"]),
        (["a/m/__init__.abi3.so", "a/m/__init__.py"], ["a/m/__init__.abi3.so"]),
        (["a/m/x.py", "a/m.py"], ["a/m.py"]),
        (["a/m/x.py", "a/m/data.txt"], []),
        (["a/__pycache__/m.cpython-311.pyc", "a/m.x.py", "a/m.txt", "a/M.py", "m.py", "a/m"], []),
    ],
)
def test_python_takes_one_of_several_files(files: list[str], found: list[str]) -> None:
    facts = package(site(*files), imports=modules({"b.py": ["a.m"]}))

    assert kept(facts, *files) == dict.fromkeys(found, "b.py imports a.m")


def test_what_python_takes_is_not_to_go() -> None:
    facts = package(site("a/m.so", "a/m.py"), imports=modules({"b.py": ["a.m"]}))

    assert kept(facts, "a/m.py") == {}


@pytest.mark.parametrize("name", ["six", "six.moves", "six.moves.urllib.parse"])
def test_who_imports_from_a_module_needs_it(name: str) -> None:
    facts = package(site("six.py"), imports=modules({"b.py": [name]}))

    assert kept(facts, "six.py") == {"six.py": f"b.py imports {name}"}


@pytest.mark.parametrize("name", ["sixx", "a.six", "si", "six-x", "", ".", "..six", "six/__init__"])
def test_other_names_need_nothing(name: str) -> None:
    facts = package(site("six.py"), imports=modules({"b.py": [name]}))

    assert kept(facts, "six.py") == {}


@pytest.mark.parametrize(
    "root",
    [
        "lib/python3.11",
        "lib/python3.11/lib-dynload",
        "lib/python3.9/site-packages",
        "lib/python3.13t/site-packages",
        "lib/pypy3.9/site-packages",
    ],
)
def test_modules_are_among_the_standard_library_too(root: str) -> None:
    facts = package(
        [f"{root}/test/__init__.py", f"{root}/test/support.py"],
        imports={f"{root}/doctest.py": ["test.support"]},
    )

    proof = proven(facts, taken=set(facts.sizes) - {f"{root}/doctest.py"})

    assert {path.removeprefix(root): because for path, because in reasons(proof).items()} == {
        "/test/__init__.py": "doctest.py imports test.support",
        "/test/support.py": "doctest.py imports test.support",
    }


def test_other_folders_have_no_modules() -> None:
    places = {"lib/six.py", "lib/python3/six.py", "lib/python3.11/site-packages-old/six.py"}
    facts = package(places, imports={f"{SITE}/b.py": ["six"]})

    assert reasons(proven(facts, taken=places)) == {}


def test_a_program_finds_modules_beside_it() -> None:
    files = {"share/app/helper/__init__.py", "share/app/helper/m.py", "share/app/other.py"}
    facts = package(files, imports={"share/app/main.py": ["helper.m"], f"{SITE}/b.py": ["other"]})

    because = "share/app/main.py imports helper.m"
    assert reasons(proven(facts, taken=files)) == {
        "share/app/helper/__init__.py": because,
        "share/app/helper/m.py": because,
    }


@pytest.mark.parametrize("vendor", ["a/_vendor", "a/b/third_party/c", "a/externals", "_vendored"])
def test_packages_put_what_they_vendor_on_the_path(vendor: str) -> None:
    files = (f"{vendor}/six/__init__.py", f"{vendor}/six/moves.py")
    facts = package(site(*files), imports=modules({"a/m.py": ["six.moves"]}))

    assert kept(facts, *files) == dict.fromkeys(files, "a/m.py imports six.moves")


@pytest.mark.parametrize("folder", ["a/inventor", "a/_vendor/b/c", "vendors.d"])
def test_other_folders_are_not_on_the_path(folder: str) -> None:
    facts = package(site(f"{folder}/six.py"), imports=modules({"a/m.py": ["six"]}))

    assert kept(facts, f"{folder}/six.py") == {}


def test_a_module_does_not_find_modules_beside_it() -> None:
    facts = package(site("a/helper.py"), imports=modules({"a/m.py": ["helper"]}))

    assert kept(facts, "a/helper.py") == {}


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


def test_the_last_package_that_has_a_file_says_what_it_imports() -> None:
    first = package(site("a/tests.py"), imports=modules({"a/__init__.py": ["a.tests"]}))
    last = package(site("a/__init__.py"))
    taken = set(site("a/tests.py"))

    assert reasons(proven(first, last, taken=taken)) == {}
    assert set(reasons(proven(last, first, taken=taken))) == {"a/tests.py"}


def test_deep_names_and_deep_folders() -> None:
    deep = "/".join(["a"] * 1500) + "/m.py"
    deeper = "/".join(["a"] * 5000) + "/m.py"
    names = [path.removesuffix(".py").replace("/", ".") for path in (deep, deeper)]
    names += [".".join(["a"] * 50_000), "." * 50_000]
    facts = package(site(deep, deeper), imports=modules({"b.py": names}))

    assert set(kept(facts, deep, deeper)) == {deep}


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
