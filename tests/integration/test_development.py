"""What development decides, and what it does not, where there is a lock from before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.channel import everywhere, small_world, write_channel
from tests.fakes.micromamba import install_micromamba
from tests.integration.test_lock import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.channel import FakePackage

DEVELOPMENT = "base: oci:/nowhere, dev: {dependencies: [tool]}"
ALONE = "base: oci:/nowhere"
PYTHON = "  - python\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(params=["condabox", "micromamba"])
def solver(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "condabox" else str(install_micromamba(tmp_path))


def publish(project: Project, *more: list[FakePackage]) -> None:
    packages = [package for some in more for package in some]
    write_channel(project.channel, [*small_world(), *packages])


def of_development(project: Project) -> list[str]:
    return [text for text in project.warnings if "development" in text]


def test_what_was_development_s_decides_no_version_of_prod(project: Project) -> None:
    tool = everywhere("tool", depends=("helper",))
    publish(project, tool, everywhere("helper", "1.0"))
    project.write(PYTHON, section=DEVELOPMENT)
    project.lock()
    publish(project, tool, everywhere("helper", "1.0"), everywhere("helper", "2.0"))
    project.write(PYTHON + "  - helper\n", section=DEVELOPMENT)
    project.lock()

    assert project.versions()["helper"] == "2.0"
    assert of_development(project) == []


def test_what_was_development_s_decides_nothing_after_it_is_gone(project: Project) -> None:
    tool = everywhere("tool", depends=("helper",))
    publish(project, tool, everywhere("helper", "1.0"))
    project.write(PYTHON, section=DEVELOPMENT)
    project.lock()
    publish(project, tool, everywhere("helper", "1.0"), everywhere("helper", "2.0"))
    project.write(PYTHON + "  - helper\n", section=ALONE)
    project.lock()

    assert project.versions()["helper"] == "2.0"


def test_what_development_binds_is_told_also_where_it_was_there_before(project: Project) -> None:
    publish(project, everywhere("tool", depends=("numpy <2",)))
    project.write(PYTHON, section=DEVELOPMENT)
    project.lock()
    assert project.versions()["numpy"] == "1.26.0"
    project.write(PYTHON + "  - numpy\n", section=DEVELOPMENT)
    project.lock()

    assert project.versions()["numpy"] == "1.26.0"
    assert of_development(project) == [
        f"{subdir}: development packages change prod: numpy 2.1.0 0 -> 1.26.0 0"
        for subdir in ("linux-64", "linux-aarch64")
    ]


def test_what_was_development_s_does_not_stay_in_prod_where_all_is_locked_at_once(
    project: Project,
) -> None:
    tool = everywhere("tool", depends=("helper",))
    publish(project, tool, everywhere("helper", "9.0"))
    project.write(PYTHON, section=DEVELOPMENT)
    project.lock()
    publish(project, tool, everywhere("helper", "9.0"), everywhere("helper", "10.0"))
    project.write(
        PYTHON + "  - helper\n  - numpy\n",
        section="base: oci:/nowhere, dev: {dependencies: [tool, numpy<2]}",
    )
    project.lock("linux-64")

    assert project.versions()["helper"] == "10.0"
    moved = "linux-64: development packages change prod: numpy 2.1.0 0 -> 1.26.0 0"
    assert of_development(project) == [moved]


def test_development_s_own_packages_stay_where_they_were(project: Project) -> None:
    tool = everywhere("tool", depends=("helper",))
    publish(project, tool, everywhere("helper", "1.0"))
    project.write(PYTHON, section=DEVELOPMENT)
    project.lock()
    publish(project, tool, everywhere("helper", "1.0"), everywhere("helper", "2.0"))
    project.write(PYTHON + "  - numpy\n", section=DEVELOPMENT)
    project.lock()

    assert project.versions()["helper"] == "1.0"


def test_a_platform_may_have_nothing_but_development(project: Project, solver: str | None) -> None:
    project.write(
        "  - intel-only  # [linux64]\n", section="base: oci:/nowhere, dev: {dependencies: [numpy]}"
    )
    project.lock(solver=solver)

    assert project.versions("linux-aarch64")["numpy"] == "2.1.0"
    found = project.locked.packages["linux-aarch64"]
    assert {package.category for package in found} == {"dev"}


def test_what_a_platform_has_for_development_alone_stays(project: Project) -> None:
    only = "  - intel-only  # [linux64]\n"
    project.write(only, section="base: oci:/nowhere, dev: {dependencies: [numpy]}")
    project.lock()
    publish(project, everywhere("numpy", "3.0", depends=("python", "libblas")))
    project.write(only, section="base: oci:/nowhere, dev: {dependencies: [numpy, libblas]}")
    project.lock()

    assert project.versions("linux-aarch64")["numpy"] == "2.1.0"


def test_a_package_that_needs_itself_can_be_locked(project: Project, solver: str | None) -> None:
    publish(project, everywhere("circle", depends=("circle >=1", "libc")))
    project.write("  - circle\n", section="base: oci:/nowhere, dev: {dependencies: [libblas]}")
    project.lock("linux-64", solver=solver)

    assert project.versions().keys() >= {"circle", "libblas", "libc"}
