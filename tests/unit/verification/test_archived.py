"""What archives have and images have not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.reporting.findings import State
from condabox.verification.archived import Archived, left_out_findings, unreachable_findings
from condabox.verification.contents import read_contents
from condabox.verification.installed import read_installed
from condabox.verification.wanted import Wanted
from tests.fakes.condaimage import conda_image, record

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.verification.installed import Environment

SITE = "lib/python3.12/site-packages"
INFO = "a-1.0.dist-info"


def environment(tmp_path: Path, *files: str) -> Environment:
    image = conda_image(tmp_path, [record("a", "1.0", *files)])
    (found,) = read_installed(read_contents(image, marks=())).environments
    return found


def left_out(
    tmp_path: Path, *files: str, archive: set[str], imports: tuple[str, ...] = ()
) -> list[tuple[str, State, str]]:
    archived = {"a": Archived(imports=imports, files=frozenset(archive))}
    found = left_out_findings(environment(tmp_path, *files), archived)
    return [(each.name, each.state, each.detail) for each in found]


def test_what_is_all_there_is_not_told(tmp_path: Path) -> None:
    files = ("a/__init__.py", f"{INFO}/METADATA")

    assert (
        left_out(tmp_path, *(f"{SITE}/{each}" for each in files), archive={*files}, imports=("a",))
        == []
    )


@pytest.mark.parametrize(
    "file",
    [
        "a/tests.py",
        "a/tests/__init__.py",
        "a/tests.cpython-312-x86_64-linux-gnu.so",
        "a/tests.abi3.so",
        "a/tests.so",
    ],
)
def test_a_test_of_what_pruning_left_out_is_a_note(tmp_path: Path, file: str) -> None:
    found = left_out(
        tmp_path,
        f"{SITE}/a/__init__.py",
        archive={"a/__init__.py", file},
        imports=("a", "a.tests"),
    )

    assert found == [("a", State.NOTE, "import a.tests: left out by pruning")]


def test_many_modules_that_were_left_out_are_counted(tmp_path: Path) -> None:
    names = tuple(f"a.m{number}" for number in range(9))
    files = {f"{each.replace('.', '/')}.py" for each in names}

    found = left_out(tmp_path, f"{SITE}/a/__init__.py", archive=files, imports=names)

    detail = "import a.m0, a.m1, a.m2, a.m3, a.m4 and 4 more: left out by pruning"
    assert found == [("a", State.NOTE, detail)]


def test_what_no_archive_has_was_not_left_out(tmp_path: Path) -> None:
    assert left_out(tmp_path, f"{SITE}/a/__init__.py", archive=set(), imports=("a.x",)) == []


@pytest.mark.parametrize(
    "path",
    [f"{INFO}/METADATA", f"{INFO}/entry_points.txt", "a.egg-info/PKG-INFO", "a.egg-info"],
)
def test_metadata_that_was_left_out_is_a_problem(tmp_path: Path, path: str) -> None:
    found = left_out(tmp_path, f"{SITE}/a/__init__.py", archive={"a/__init__.py", path})

    detail = f"its {path} was left out: Python does not know of it, or of its entry points"
    assert found == [("a", State.PROBLEM, detail)]


def test_what_another_package_brings_is_not_left_out(tmp_path: Path) -> None:
    paths = (f"{SITE}/a/tests.py", f"{SITE}/{INFO}/METADATA")
    image = conda_image(tmp_path, [record("a"), record("b", "1.0", *paths)])
    (both,) = read_installed(read_contents(image, marks=())).environments
    archive = Archived(imports=("a.tests",), files=frozenset({"a/tests.py", f"{INFO}/METADATA"}))

    assert not tuple(left_out_findings(both, {"a": archive}))


def test_what_tells_nothing_of_a_distribution_may_be_left_out(tmp_path: Path) -> None:
    paths = {f"{INFO}/RECORD", f"{INFO}/licenses/METADATA", "x/_vendor/b-1.dist-info/METADATA"}

    assert left_out(tmp_path, f"{SITE}/a/__init__.py", archive=paths) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("share/site-packages/a.py", True),
        ("lib/python3/dist-packages/a/__init__.py", True),
        (f"{SITE}/a/__init__.py", False),
        (f"{SITE}/a-1.0.dist-info/METADATA", False),
        ("share/a.py", False),
    ],
)
def test_modules_where_python_does_not_look_are_told(
    tmp_path: Path, path: str, *, told: bool
) -> None:
    wanted = Wanted(conda=frozenset({"a"}), wheels=frozenset())

    found = tuple(unreachable_findings(environment(tmp_path, path), wanted))

    folder = path.partition("-packages/")[0]
    detail = f"nothing of it is imported: its modules are in /opt/env/{folder}-packages"
    assert [(each.state, each.detail) for each in found] == [(State.NOTE, detail)] * told
    other = Wanted(conda=frozenset({"b"}), wheels=frozenset())
    assert not tuple(unreachable_findings(environment(tmp_path / "b", path), other))
