"""Which package a file is of, whatever records claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.inspection.ownership import ownership_of
from condabox.inspection.stack import stacked
from tests.fakes.contents import conda_record, contents, wheel_record
from tests.fakes.tars import hardlink, symlink

if TYPE_CHECKING:
    from tests.fakes.tars import Entry

SITE = "opt/env/lib/python3.12/site-packages"


def owners(*layers: list[Entry]) -> dict[str, str]:
    """Return the name of each file's package, without the records' own."""
    found = [contents(*each) for each in layers]
    stack = stacked(found)
    ownership = ownership_of(stack, found)
    return {
        path: f"{package.name} {package.version}".strip()
        for path in {path for written in stack.written for path in written}
        if path in ownership.owners
        and "conda-meta" not in path
        and "-info" not in path
        and "dpkg" not in path
        for package in [ownership.packages[ownership.owners[path]]]
    }


def test_a_file_may_lie_in_another_layer_than_its_record() -> None:
    layers: tuple[list[Entry], ...] = (["opt/env/bin/x", "bin/sh"], [conda_record("x", "bin/x")])

    assert owners(*layers) == {"opt/env/bin/x": "x 1.0"}


def test_a_claim_is_followed_through_links() -> None:
    """dpkg lists /lib/libc.so.6, and /lib is a link."""
    listed = ("var/lib/dpkg/info/libc6:amd64.list", b"/lib/libc.so.6\n")
    status = ("var/lib/dpkg/status", b"Package: libc6\nVersion: 2.39\n")

    found = owners([symlink("lib", "usr/lib"), "usr/lib/libc.so.6", listed, status])

    assert found == {"usr/lib/libc.so.6": "libc6 2.39"}


def test_the_newer_record_is_right() -> None:
    old, new = conda_record("numpy", "lib/a"), conda_record("numpy", "lib/a", version="2.0")
    gone = "opt/env/conda-meta/.wh.numpy-1.0-0.json"

    assert owners([old, "opt/env/lib/a"], [gone, new, "opt/env/lib/a"]) == {
        "opt/env/lib/a": "numpy 2.0"
    }


def test_files_of_a_package_that_was_removed_are_still_its_own_below() -> None:
    gone = "opt/env/conda-meta/.wh.numpy-1.0-0.json"

    found = owners([conda_record("numpy", "lib/a"), "opt/env/lib/a"], [gone, "opt/env/lib/.wh.a"])

    assert found == {"opt/env/lib/a": "numpy 1.0"}


def test_a_wheel_that_conda_has_brought_is_conda_s_package() -> None:
    path, data = wheel_record("numpy", "numpy/a.py")
    record = conda_record(
        "numpy", f"{SITE}/numpy/a.py"[8:], f"{SITE}/numpy-1.0.dist-info/RECORD"[8:], build="py_0"
    )
    layer = contents(record, (path, data), f"{SITE}/numpy/a.py")

    ownership = ownership_of(stacked([layer]), [layer])

    assert [(each.name, each.manager) for each in ownership.packages] == [("numpy", "conda")]


def test_what_pip_puts_over_conda_s_files_is_pip_s() -> None:
    found = owners(
        [
            conda_record("numpy", f"{SITE}/numpy/a.py"[8:]),
            wheel_record("numpy", "numpy/a.py", version="2.0"),
            f"{SITE}/numpy/a.py",
        ]
    )

    assert found == {f"{SITE}/numpy/a.py": "numpy 2.0"}


def test_of_two_that_claim_the_same_the_first_by_name_has_it() -> None:
    everything = ("bin/a", "bin/b")

    found = owners(
        [
            conda_record("thief", *everything),
            conda_record("own", "bin/a"),
            "opt/env/bin/a",
            "opt/env/bin/b",
        ]
    )

    assert found == {"opt/env/bin/a": "own 1.0", "opt/env/bin/b": "thief 1.0"}


def test_prefixes_are_told_apart() -> None:
    found = owners(
        [
            conda_record("python", "bin/python", prefix="opt/conda"),
            conda_record("python", "bin/python", version="3.12", prefix="opt/env"),
            "opt/conda/bin/python",
            "opt/env/bin/python",
        ]
    )

    assert found == {"opt/conda/bin/python": "python 1.0", "opt/env/bin/python": "python 3.12"}


def test_who_has_a_hard_link_has_what_it_leads_to() -> None:
    """conda links out of its own cache where that was left in the image."""
    found = owners(
        [
            "opt/conda/pkgs/numpy/a",
            hardlink("opt/env/lib/a", "opt/conda/pkgs/numpy/a"),
            conda_record("numpy", "lib/a"),
        ]
    )

    assert found == {"opt/conda/pkgs/numpy/a": "numpy 1.0"}


def test_byte_code_is_of_the_package_that_has_its_source() -> None:
    found = owners(
        [
            conda_record("six", "lib/six.py"),
            "opt/env/lib/six.py",
            "opt/env/lib/__pycache__/six.cpython-312.opt-1.pyc",
            "opt/env/lib/__pycache__/other.cpython-312.pyc",
        ]
    )

    assert found == {
        "opt/env/lib/six.py": "six 1.0",
        "opt/env/lib/__pycache__/six.cpython-312.opt-1.pyc": "six 1.0",
    }
