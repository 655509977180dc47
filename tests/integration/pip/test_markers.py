"""One name, asked for differently on each platform: every lock has the wheel of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.pip_index import FakeWheel, PipIndex
from tests.fakes.pip_project import EVERY_SUBDIR, PipProject

if TYPE_CHECKING:
    from pathlib import Path


def test_markers_of_the_platform_choose_among_requirements_of_one_name(tmp_path: Path) -> None:
    with PipIndex(
        *(FakeWheel(name="app", version=version) for version in ("1", "2", "3"))
    ) as index:
        project = PipProject(tmp_path)
        project.use(index)
        found = project.lock(
            "app==1; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "app==2; platform_machine == 'aarch64'",
            "App==3; os_name == 'nt'",
            subdirs=EVERY_SUBDIR,
        )

    versions = {subdir: [each.version for each in found[subdir].values()] for subdir in found}
    assert versions == {
        "linux-64": ["1"],
        "linux-aarch64": ["2"],
        "osx-arm64": [],
        "win-64": ["3"],
    }


def test_markers_of_the_file_hold_as_pip_has_them(tmp_path: Path) -> None:
    """Versions are compared as such, and the file itself has no extras."""
    names = ("app", "bare", "kernel", "late", "windows")
    with PipIndex(*(FakeWheel(name=name) for name in names)) as index:
        project = PipProject(tmp_path)
        project.use(index)
        found = project.lock(
            "app; implementation_version >= '3.9'",
            "bare; platform_system == 'Linux' or extra == 'x'",
            "kernel; platform_release >= '6'",
            "late; python_full_version >= '3.100'",
            "windows; os_name == 'nt' and python_version >= '3.8'",
            subdirs=("linux-64", "win-64"),
        )

    locked = {subdir: sorted(w.name for w in found[subdir].values()) for subdir in found}
    assert locked == {
        "linux-64": ["app", "bare", "kernel"],
        "win-64": ["app", "kernel", "windows"],
    }
