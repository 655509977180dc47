"""What ``pip check`` would say, told without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.reporting.findings import State
from condabox.verification.contents import read_contents
from condabox.verification.installed import read_installed
from condabox.verification.requirements import requirement_findings
from tests.fakes.condaimage import conda_image, distribution, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.condaimage import Member

PYTHON = record("python", "3.12.1")
SITE = "lib/python3.12/site-packages"


def required(
    tmp_path: Path, *members: Member, subdir: str = "linux-64"
) -> list[tuple[str, State, str]]:
    contents = read_contents(conda_image(tmp_path, members), marks=())
    (environment,) = read_installed(contents).environments
    found = requirement_findings(environment, subdir=subdir)
    return [(each.name, each.state, each.detail) for each in found]


@pytest.mark.parametrize(
    "requirement",
    [
        "b",
        "B >=1,<2",
        "b[extra]~=1.0; python_version >= '3.8'",
        "gone; python_version < '3'",
        "gone; sys_platform == 'win32'",
        "gone; extra == 'test'",
        "gone; platform_machine == 'aarch64'",
    ],
)
def test_requirements_that_are_met_or_not_for_here(tmp_path: Path, requirement: str) -> None:
    found = required(
        tmp_path, PYTHON, *distribution("a", requires=[requirement]), *distribution("b", "1.5")
    )

    assert found == [("requirements", State.OK, "2 distributions have what they require")]


@pytest.mark.parametrize(
    ("requirement", "detail"),
    [
        ("gone>=2", "requires gone>=2, which is not there"),
        ("b>=2", "requires b>=2, and 1.5 is there"),
        ("b ==!", "requires b ==!, which cannot be understood"),
        (
            "gone; platform_machine == 'aarch64'",
            "requires gone; platform_machine == 'aarch64', which is not there",
        ),
    ],
)
def test_what_a_wheel_lacks_is_a_problem(tmp_path: Path, requirement: str, detail: str) -> None:
    found = required(
        tmp_path,
        PYTHON,
        *distribution("a", requires=[requirement]),
        *distribution("b", "1.5"),
        subdir="linux-aarch64",
    )

    assert found == [("a", State.PROBLEM, detail)]


def test_what_condas_metadata_lacks_is_a_note(tmp_path: Path) -> None:
    found = required(
        tmp_path,
        PYTHON,
        record("a", "1.0", f"{SITE}/a-1.0.dist-info/METADATA"),
        *distribution("a", requires=["gone"]),
    )

    assert found == [("a", State.NOTE, "requires gone, which is not there")]


def test_a_version_that_is_none_fits_nothing(tmp_path: Path) -> None:
    found = required(
        tmp_path, PYTHON, *distribution("a", requires=["b>1"]), *distribution("b", "2024.x.y")
    )

    assert found == [("a", State.PROBLEM, "requires b>1, and 2024.x.y is there")]


def test_without_python_nothing_is_required(tmp_path: Path) -> None:
    assert required(tmp_path, record("curl"), *distribution("a", requires=["gone"])) == []
