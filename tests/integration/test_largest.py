"""envs/ai.yml, the largest environment of the world: what it costs to build, and to change."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import measure
from condabox.oci.layout import ImageLayout
from tests.fakes.dockerregistry import DockerRegistry
from tests.fakes.meter import Meter
from tests.fakes.project import ROOT, Project

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.world.world import World

pytestmark = pytest.mark.world

MEMORY_LIMIT = 300_000_000
HEADERS = 64 << 10
"""Bytes that requests and their headers may take beside what they carry."""
PLATFORM = ("--platform", "linux/amd64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The project with its image in ``layout``, and the most memory that the build took."""

    project: Project
    peak: int

    @property
    def image(self) -> Image:
        return ImageLayout.open(self.project.root / "layout").resolve(None, platform=None)


@pytest.fixture(scope="module")
def built(world: World, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build ``envs/ai.yml`` with a web server that is not the newest."""
    root = tmp_path_factory.mktemp("largest")
    shutil.copytree(ROOT / "envs", root / "envs")
    env = {"CONDABOX_CONFIG": str(world.settings), "XDG_CACHE_HOME": str(root / "cache")}
    project = Project(root=root, env=env)
    text = environment(project).read_text().replace("  - uvicorn\n", "  - uvicorn <0.54\n")
    if not any(name.startswith("pytorch-") for _, name, _ in world.report.packages):
        # Where pip has no PyTorch for CPUs, the rest of the environment is the largest there is.
        text = text.replace("  - pytorch\n", "  - scipy\n  - lightgbm\n")
    environment(project).write_text(text)
    run(project, "lock", "envs/ai.yml", *PLATFORM)
    output = ("-o", str(root / "layout"))
    build = project.command("build", str(environment(project)), *output, *PLATFORM)
    found = measure(build, env=project.variables())
    project.assert_sound("layout")
    return Built(project=project, peak=found.peak)


def environment(project: Project) -> Path:
    return project.root / "envs" / "ai.yml"


def run(project: Project, *words: str) -> None:
    done = project.run(*words)
    assert done.returncode == 0, done.stderr


def test_it_builds_in_300_megabytes(built: Built) -> None:
    assert built.peak <= MEMORY_LIMIT


@pytest.mark.tool("docker-registry")
@pytest.mark.tool("skopeo")
def test_a_new_version_of_one_package_sends_no_byte_more_over_the_wire(
    built: Built, tmp_path: Path
) -> None:
    project, before = built.project, built.image
    with (
        DockerRegistry(tmp_path).running() as registry,
        Meter(registry.port).running() as network,
    ):
        run(project, "push", "layout", f"{network.host}/ai:1")
        there, network.sent = blobs(registry), 0

        text = environment(project).read_text()
        environment(project).write_text(text.replace("uvicorn <0.54", "uvicorn"))
        run(project, "lock", "envs/ai.yml", "--update", "uvicorn", *PLATFORM)
        place = ("--push", "-t", f"{network.host}/ai:2")
        run(project, "build", "envs/ai.yml", "--locked", *place, "-o", "newer", *PLATFORM)

        came = [path.read_bytes() for name, path in blobs(registry).items() if name not in there]
        found = registry.digest("ai:2")
    after = ImageLayout.open(project.root / "newer").resolve(None, platform=None)
    (changed,) = set(after.manifest.layers) - set(before.manifest.layers)
    assert "uvicorn" in changed.annotations["io.condabox.packages"].split(",")
    assert sum(layer.size for layer in after.manifest.layers) > 10 * changed.size
    assert sorted(map(len, came)) == sorted(
        (changed.size, after.manifest.config.size, after.descriptor.size)
    )
    assert {after.config.raw, after.manifest.raw} <= set(came)
    assert network.sent < sum(map(len, came)) + HEADERS
    assert found == after.digest


def blobs(registry: DockerRegistry) -> dict[str, Path]:
    """Return the files in the registry's storage, by the hash that they are filed under."""
    files = (registry.folder / "storage").glob("docker/registry/v2/blobs/*/*/*/data")
    return {path.parent.name: path for path in files}
