"""conda-lock with a solver that is not condabox's own: the user's conda, mamba or micromamba."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from condabox.errors import SolveError, ToolMissingError
from tests.fakes.channel import everywhere, small_world, write_channel
from tests.fakes.micromamba import install_micromamba
from tests.integration.test_lock import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def micromamba(tmp_path: Path) -> str:
    """Return the one that is meant, or the one on PATH, or the stand-in."""
    found = os.environ.get("CONDABOX_TEST_MICROMAMBA") or shutil.which("micromamba")
    return found or str(install_micromamba(tmp_path))


def test_micromamba_makes_the_same_bytes(project: Project, micromamba: str) -> None:
    """From the mirror, under the channel's own name, and with the sizes of archives."""
    project.write(section="base: oci:/nowhere, dev: {dependencies: [ipdb, numpy]}")
    project.lock()
    ours = project.lock_path.read_bytes()
    project.lock_path.unlink()
    project.lock(solver=micromamba)

    assert project.lock_path.read_bytes() == ours
    sizes = {p.name: p.size for p in project.locked.environments["linux-64"].packages}
    assert all(sizes.values())


def test_development_moves_nothing_of_prod(project: Project, micromamba: str) -> None:
    """Left to itself the tool would be the newest, which wants an older libblas."""
    tools = [
        *everywhere("tool", "1.0", depends=("libblas",)),
        *everywhere("tool", "2.0", depends=("libblas <3",)),
        *everywhere("libblas", "2.9"),
    ]
    write_channel(project.channel, [*small_world(), *tools])
    project.write(section="base: oci:/nowhere")
    project.lock(solver=micromamba)
    alone = project.versions()
    project.lock_path.unlink()
    project.write(section="base: oci:/nowhere, dev: {dependencies: [tool]}")
    project.lock(solver=micromamba)

    assert project.versions().items() >= alone.items()
    assert project.versions()["tool"] == "1.0"
    assert not [text for text in project.warnings if "development" in text]


def test_what_development_has_to_move_is_told(project: Project, micromamba: str) -> None:
    tools = [*everywhere("tool", "2.0", depends=("libblas <3",)), *everywhere("libblas", "2.9")]
    write_channel(project.channel, [*small_world(), *tools])
    project.write(section="base: oci:/nowhere, dev: {dependencies: [tool]}")
    project.lock(solver=micromamba)

    assert project.versions()["libblas"] == "2.9"
    assert "linux-64: development packages change prod: libblas 3.9 0 -> 2.9 0" in project.warnings


def test_what_development_asks_of_prod_s_packages_counts(project: Project, micromamba: str) -> None:
    """conda-lock alone keeps one spec of a package that several files ask for."""
    project.write("  - numpy\n", section="base: oci:/nowhere, dev: {dependencies: [numpy<2]}")
    project.lock(solver=micromamba)

    assert project.versions()["numpy"] == "1.26.0"
    moved = "linux-64: development packages change prod: numpy 2.1.0 0 -> 1.26.0 0"
    assert moved in project.warnings


def test_a_solver_is_found_from_where_condabox_is_called(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from conda-lock's own folder, where it would download another one."""
    install_micromamba(project.folder)
    monkeypatch.chdir(project.folder)
    project.lock(solver="./micromamba")

    assert project.versions()["numpy"] == "1.26.0"


def test_micromamba_s_explanation_is_told(project: Project, micromamba: str) -> None:
    project.write("  - conflicting\n")

    with pytest.raises(SolveError, match="numpy <1"):
        project.lock(solver=micromamba)


def test_the_explanation_is_that_of_all_that_is_asked_for(
    project: Project, micromamba: str
) -> None:
    project.write(section="base: oci:/nowhere, dev: {dependencies: [conflicting]}")

    with pytest.raises(SolveError, match="numpy <1") as caught:
        project.lock(solver=micromamba)
    assert "==3.12.4" not in caught.value.message


def test_the_first_channel_that_has_a_package_is_the_only_one(
    project: Project, micromamba: str
) -> None:
    """Another order of the same channels would be another environment."""
    wants = everywhere("wants", depends=("numpy >=3",))
    write_channel(project.channel, [*small_world(), *wants])
    second = write_channel(project.folder / "second", everywhere("numpy", "3.0"))
    project.write("  - wants\n", channels=f"[conda-forge, '{second}']")

    for solver in (None, micromamba):
        with pytest.raises(SolveError, match="numpy"):
            project.lock("linux-64", solver=solver)


@pytest.mark.parametrize("at", ["--version", "create"])
@pytest.mark.parametrize("section", ["", ", dev: {dependencies: [ipdb]}"], ids=["prod", "dev"])
def test_a_solver_that_cannot_run_is_told(project: Project, at: str, section: str) -> None:
    solver = project.folder / "mamba"
    solver.write_text(
        f'#!/bin/sh\n[ "$1" = {at} ] && {{ echo "cannot find libx" >&2; exit 127; }}\necho 2.0\n'
    )
    solver.chmod(0o755)
    project.write(section=f"base: oci:/nowhere{section}")

    with pytest.raises(SolveError) as caught:
        project.lock("linux-64", solver=str(solver))
    assert caught.value.message == f"linux-64: {solver} ended with status 127:\ncannot find libx"
    assert f"`{solver} --version`" in str(caught.value.hint)


def test_a_solver_that_is_not_installed_is_told(project: Project) -> None:
    with pytest.raises(ToolMissingError, match="no-such-conda"):
        project.lock(solver="no-such-conda")


def test_another_solver_does_not_find_condabox_s_modules(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    solver = project.folder / "conda"
    solver.write_text(f'#!/bin/sh\necho "[$PYTHONPATH]" > {project.folder}/found\nexit 1\n')
    solver.chmod(0o755)

    with pytest.raises(SolveError, match="conda ended with status 1 and did not say why"):
        project.lock(solver=str(solver))

    # conda is a Python program itself, with modules of its own.
    assert (project.folder / "found").read_text() == "[]\n"
