"""Wheels' requirements as conda writes them, and their files where conda has them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet

from tests.world.architectures import ARCHITECTURES
from tests.world.wheel_packages import installed_path
from tests.world.wheels import match_spec, python_requirement, read_wheel, requirements

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.wheels import Wheel

X86, ARM = ARCHITECTURES["linux-64"], ARCHITECTURES["linux-aarch64"]


def make_wheel(directory: Path, name: str, *lines: str, entry_points: str = "") -> Wheel:
    path = directory / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    headers = ("Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *lines)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{info}/METADATA", "\n".join(headers) + "\n\nÜber\n")
        archive.writestr(f"{info}/entry_points.txt", entry_points)
    return read_wheel(path)


@pytest.mark.parametrize(
    ("specifiers", "expected"),
    [
        ("", "x"),
        (">=1.2,<2", "x <2,>=1.2"),
        ("==1.2.3", "x ==1.2.3"),
        ("==1.*", "x 1.*"),
        ("~=1.4.2", "x >=1.4.2,1.4.*"),
        ("!=1.5", "x !=1.5"),
    ],
)
def test_specifiers_become_match_specs(specifiers: str, expected: str) -> None:
    assert match_spec("x", SpecifierSet(specifiers)) == expected


def test_only_the_lower_bound_of_python_is_kept() -> None:
    assert python_requirement(">=3.9,<4") == "python >=3.9"
    assert python_requirement("") == "python >=3"


def test_markers_are_those_of_the_target(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        "demo",
        'Requires-Dist: intel; platform_machine == "x86_64"',
        'Requires-Dist: windows; sys_platform == "win32"',
        'Requires-Dist: backport; python_version < "3.11"',
        "Requires-Dist: typing_extensions>=4",
    )

    found = {arch: requirements(wheel, markers=arch.markers, wheels={}) for arch in (X86, ARM)}

    assert found[X86] == ("intel", "typing_extensions >=4")
    assert found[ARM] == ("typing_extensions >=4",)


def test_extras_of_others_are_written_out_and_own_ones_dropped(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path, "demo", "Requires-Dist: other[more]", 'Requires-Dist: never; extra == "own"'
    )
    other = make_wheel(
        tmp_path, "other", "Requires-Dist: always", 'Requires-Dist: tzdata>=1; extra == "more"'
    )

    found = requirements(wheel, markers=X86.markers, wheels={"other": other})

    assert found == ("other", "python-tzdata >=1")


def test_a_wheel_says_what_it_can_be_started_as(tmp_path: Path) -> None:
    text = "[console_scripts]\nDemo = demo.cli:main [extra]\n[other]\nx = y:z\n"

    wheel = make_wheel(tmp_path, "demo", entry_points=text)

    assert (wheel.scripts, wheel.packages, wheel.pure) == (
        ("Demo = demo.cli:main",),
        ("demo",),
        True,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo/x.py", "site-packages/demo/x.py"),
        ("demo-1.0.data/scripts/run", "python-scripts/run"),
        ("demo-1.0.data/data/etc/jupyter/x.json", "etc/jupyter/x.json"),
        ("demo-1.0.data/purelib/demo/y.py", "site-packages/demo/y.py"),
        ("demo-1.0.data/headers/demo.h", "include/python3.11/demo/demo.h"),
    ],
)
def test_the_directories_of_data_are_spread(name: str, expected: str) -> None:
    found = installed_path(name, site_packages="site-packages", scripts="python-scripts")

    assert found == expected
