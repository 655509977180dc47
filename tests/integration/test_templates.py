"""What `condabox init` writes can be locked as it is, with packages that really exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockreader import read_lock_file
from tests.fakes.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.world import World

pytestmark = pytest.mark.world

SUBDIRS = ("linux-64", "linux-aarch64")


@pytest.fixture(scope="module")
def started(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("started")
    env = {"CONDABOX_CONFIG": str(world.settings), "XDG_CACHE_HOME": str(root / "cache")}
    project = Project(root=root, env=env)
    for arguments in (["init", "envs/app.yml"], ["lock", "envs/app.yml", "envs/dev-tools.yml"]):
        done = project.run(*arguments)
        assert done.returncode == 0, done.stderr
    return root / "envs"


@pytest.mark.parametrize("subdir", SUBDIRS)
def test_the_tools_are_locked(started: Path, subdir: str) -> None:
    locked = read_lock_file(started / "dev-tools.conda-lock.yml").environments[subdir]

    names = {package.name for package in locked.packages}
    assert names >= {"curl", "git", "jupyterlab", "openssh", "procps-ng", "tini"}


@pytest.mark.parametrize("subdir", SUBDIRS)
def test_the_example_is_locked_with_its_development_dependencies(
    started: Path, subdir: str
) -> None:
    lock = read_lock_file(started / "app.conda-lock.yml")

    main, both = (
        {p.name for p in lock.environment(subdir, categories=categories).packages}
        for categories in (frozenset({"main"}), frozenset({"main", "dev"}))
    )
    assert "python" in main
    assert both - main >= {"ipdb", "ipykernel"}
