"""Modules are looked for where Python looks for them, and in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.facts import SITE, modules, package, proven, reasons

if TYPE_CHECKING:
    from condabox.pruning.facts import PackageFacts


def kept(facts: PackageFacts, *taken: str) -> dict[str, str]:
    """Prove ``facts`` without ``taken``, which are relative to site-packages."""
    return reasons(proven(facts, taken={f"{SITE}/{path}" for path in taken}))


def site(*paths: str) -> list[str]:
    return [f"{SITE}/{path}" for path in paths]


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


def test_programs_of_several_folders_find_each_their_own() -> None:
    files = {"share/a/helper.py", "share/b/helper.py", f"{SITE}/helper.py"}
    imports = {
        "share/a/main.py": ["helper"],
        "share/b/main.py": ["helper"],
        f"{SITE}/m.py": ["helper"],
    }

    assert reasons(proven(package(files, imports=imports), taken=files)) == {
        "helper.py": "m.py imports helper",
        "share/a/helper.py": "share/a/main.py imports helper",
        "share/b/helper.py": "share/b/main.py imports helper",
    }


def test_deep_names_and_deep_folders() -> None:
    deep = "/".join(["a"] * 1500) + "/m.py"
    deeper = "/".join(["a"] * 5000) + "/m.py"
    names = [path.removesuffix(".py").replace("/", ".") for path in (deep, deeper)]
    names += [".".join(["a"] * 50_000), "." * 50_000]
    facts = package(site(deep, deeper), imports=modules({"b.py": names}))

    assert set(kept(facts, deep, deeper)) == {deep}
