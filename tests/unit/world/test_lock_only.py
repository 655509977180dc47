"""What the world only locks for says the truth about itself, and has nothing in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from conda_package_streaming.package_streaming import stream_conda_component

from condabox.platforms import PLATFORM_OF_SUBDIR, SUBDIRS
from tests.fakes.wheels import publish
from tests.world.architectures import ARCHITECTURES
from tests.world.archive import write_package
from tests.world.lock_only import LOCK_ONLY, describe_python, describe_wheel
from tests.world.wheels import read_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.lock_only import LockOnlyPlatform

MAC, WINDOWS = LOCK_ONLY["osx-arm64"], LOCK_ONLY["win-64"]


def test_a_platform_is_built_for_or_only_locked_for() -> None:
    assert set(ARCHITECTURES) <= set(PLATFORM_OF_SUBDIR)
    assert set(LOCK_ONLY) <= set(SUBDIRS) - set(PLATFORM_OF_SUBDIR)


def test_every_platform_knows_the_markers_that_the_others_know() -> None:
    known = [each.markers for each in ARCHITECTURES.values()]
    known += [each.markers for each in LOCK_ONLY.values()]

    assert {tuple(sorted(markers)) for markers in known} == {
        ("os_name", "platform_machine", "platform_system", "sys_platform")
    }


def test_a_package_needs_what_its_wheel_needs_on_that_platform(tmp_path: Path) -> None:
    requires = (
        'colors; sys_platform == "win32"',
        'appearance; platform_system == "Darwin" and platform_machine == "arm64"',
        'terminal; os_name == "posix"',
        "typing_extensions>=4",
    )
    publish(tmp_path, "demo", "1.0", tag="cp311-cp311-manylinux2014_x86_64", requires=requires)
    (path,) = (tmp_path / "files").iterdir()

    found = {
        each: describe_wheel(read_wheel(path), LOCK_ONLY[each], projects={}) for each in LOCK_ONLY
    }

    python = ("python >=3.11,<3.12.0a0", "python_abi 3.11.* *_cp311")
    common = (*python, "typing_extensions >=4")
    assert found["osx-arm64"].depends == (
        "appearance",
        *python,
        "terminal",
        "typing_extensions >=4",
    )
    assert found["win-64"].depends == ("colors", *common)
    assert (found["win-64"].subdir, found["win-64"].build) == ("win-64", "py311lockonly_0")


@pytest.mark.parametrize(("platform", "needed"), [(MAC, "__osx >=11.0"), (WINDOWS, "__win")])
def test_an_interpreter_that_is_none_says_so(
    tmp_path: Path, platform: LockOnlyPlatform, needed: str
) -> None:
    described = describe_python(platform, version="3.11.2")

    (tmp_path / "staging").mkdir()
    built = write_package(tmp_path / "staging", described, directory=tmp_path)

    with built.path.open("rb") as stream:
        members = list(stream_conda_component(built.path.name, stream, "pkg"))
    assert members == []
    assert "lockonly" in built.path.name
    assert described.summary.endswith("no interpreter is in it")
    assert needed in described.depends


@pytest.mark.parametrize(
    ("subdir", "expected"),
    [
        ("linux-64", ("linux", "x86_64")),
        ("linux-aarch64", ("linux", "aarch64")),
        ("osx-arm64", ("osx", "arm64")),
        ("win-64", ("win", "x86_64")),
    ],
)
def test_the_index_names_system_and_machine(
    tmp_path: Path, subdir: str, expected: tuple[str, str]
) -> None:
    (tmp_path / "staging").mkdir()
    described = replace(describe_python(MAC, version="3.11.2"), subdir=subdir)

    record = write_package(tmp_path / "staging", described, directory=tmp_path).record

    assert (record["platform"], record["arch"]) == expected
