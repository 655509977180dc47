"""The test world, served to builds, and images of its environments by both backends."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from condabox.oci.layout import ImageLayout
from tests.contract.comparing import differences
from tests.contract.environments import odd_project
from tests.fakes.servedworld import served_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from tests.contract.comparing import Difference
    from tests.fakes.project import Project
    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World

PLATFORM = ("--platform", "linux/amd64")
BACKENDS = ("direct", "docker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An image by both backends, with its ``layers``; in Docker, BuildKit's is called ``name``."""

    name: str
    found: list[Difference]
    layers: dict[str, tuple[Digest, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Builds each environment and variant once, when somebody asks for it."""

    projects: dict[str, Project]
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)

    def pair(self, environment: str, variant: str) -> Pair:
        if (environment, variant) not in self.pairs:
            self.pairs[environment, variant] = self._built(environment, variant)
        return self.pairs[environment, variant]

    def _built(self, environment: str, variant: str) -> Pair:
        project = self.projects[environment]
        name = f"condabox-contract/{environment}:{variant}"
        build = ("build", f"envs/{environment}.yml", *PLATFORM, "--variant", variant, "-t", name)
        succeed(project, *build, "-o", f"{variant}-direct")
        with _group_shares_files():
            succeed(project, *build, "--builder", "docker", "-o", f"{variant}-docker", "--load")
        images = {backend: image_in(project.root / f"{variant}-{backend}") for backend in BACKENDS}
        return Pair(
            name=name,
            found=differences(images["direct"], images["docker"]),
            layers={
                backend: tuple(layer.digest for layer in image.manifest.layers)
                for backend, image in images.items()
            },
        )


@contextmanager
def _group_shares_files() -> Iterator[None]:
    """Let new files be the group's, too, as Debian has it for its users: no image tells of it."""
    before = os.umask(0o002)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(scope="session")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    folder = tmp_path_factory.mktemp("served")
    with served_world(world, folder) as served:
        yield served
    shutil.rmtree(folder)  # gigabytes, which pytest would keep


@pytest.fixture(scope="module")
def builds(
    served: ServedWorld, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Builds]:
    folder = tmp_path_factory.mktemp("contract")
    projects = {name: served.project(folder / name) for name in ("minimal", "serving", "ai")}
    if not any(file.startswith("pytorch-") for _, file, _ in world.report.packages):
        # where pip has no PyTorch for CPUs, the rest of the environment is the largest
        path = projects["ai"].root / "envs" / "ai.yml"
        path.write_text(path.read_text().replace("  - pytorch\n", "  - scipy\n  - lightgbm\n"))
    projects["odd"] = odd_project(served, folder / "odd")
    for name, project in projects.items():
        succeed(project, "lock", f"envs/{name}.yml", *PLATFORM)
    made = Builds(projects=projects)
    yield made
    shutil.rmtree(folder)
    names = [pair.name for pair in made.pairs.values()]
    if names:
        subprocess.run(["docker", "rmi", "-f", *names], capture_output=True, check=True)


def succeed(project: Project, *arguments: str) -> str:
    """Run condabox, which must end well, and return its output."""
    done = project.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def image_in(layout: Path) -> Image:
    return ImageLayout.open(layout).resolve(None, platform=None)
