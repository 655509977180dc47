"""What a change costs to push: what it changed, and nothing else."""

from __future__ import annotations

import json
import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from condabox.layering import SMALLEST_OWN
from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from tests.fakes.images import AMD64
from tests.fakes.packages import TIMESTAMP, make_package
from tests.fakes.project import index_channel, make_project
from tests.fakes.pushing import Pushing
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.project import Project


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Project:
    archives = [
        make_package(tmp_path / "packages", name, files={f"lib/{name}": noise(seed)})
        for seed, name in enumerate(("alpha", "beta", "gamma"))
    ]
    return make_project(tmp_path / "project", archives=archives, specs=["alpha", "beta", "gamma"])


def noise(seed: int) -> bytes:
    return random.Random(seed).randbytes(2 * SMALLEST_OWN)  # noqa: S311  (to be incompressible)


def push(project: Project, *words: str) -> list[dict[str, object]]:
    """Push what was built last, and return what ``--json`` says."""
    command = Pushing(project.root).command("image", *words, "--json")
    done = subprocess.run(
        command,
        cwd=project.root,
        env=project.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, object]] = json.loads(done.stdout)
    return answer


def built(project: Project) -> Image:
    return ImageLayout.open(project.root / "image").resolve(None, platform=None)


def test_a_new_version_of_one_package_costs_its_layer_config_and_manifest(
    project: Project, registry: FakeRegistry, tmp_path: Path
) -> None:
    project.build()
    push(project, f"{registry.host}/app:1.0")
    before = built(project)
    newer = make_package(
        tmp_path / "packages",
        "beta",
        "2.0",
        files={"lib/beta": noise(9)},
        index={"timestamp": TIMESTAMP + 86_400_000},
    )
    index_channel(project.channel, [*sorted((tmp_path / "packages").glob("*.conda")), newer])
    assert project.run("lock", "--update", "environment.yml").returncode == 0
    project.build()
    registry.seen.clear()

    (result,) = push(project, f"{registry.host}/app:1.1")

    after = built(project)
    (changed,) = set(after.manifest.layers) - set(before.manifest.layers)
    assert changed.annotations["io.condabox.packages"] == "beta"
    sent = {each.body for each in registry.seen if each.body}
    config = after.config.raw
    assert sent - {config, after.manifest.raw} == {
        (project.root / "image" / "blobs" / "sha256" / changed.digest.hex).read_bytes()
    }
    assert result["uploaded"] == changed.size + len(config) + after.descriptor.size


def test_the_base_is_mounted_from_where_it_is(project: Project, registry: FakeRegistry) -> None:
    """Though it has a name of Docker Hub, of which this registry is a mirror."""
    bases = ImageLayout.open(project.root / "base" / "library" / "ubuntu")
    registry.add("library/ubuntu", "24.04", [bases.resolve("24.04", platform=AMD64)])
    settings = project.root / "condabox.toml"
    mirror = f"oci:{project.root / 'base'}"
    settings.write_text(settings.read_text().replace(mirror, registry.host))
    project.build()

    (result,) = push(project, f"{registry.host}/team/app:1.0")

    base = built(project).manifest.layers[0]
    assert result["mounted"] == base.size
    assert ("team/app", str(base.digest)) in registry.links


def test_what_another_image_of_the_store_has_is_mounted(
    project: Project, registry: FakeRegistry
) -> None:
    project.build()
    push(project, f"{registry.host}/one:1.0")
    image = built(project)
    LocalStore(project.cache).save([image], names=[Reference.parse(f"{registry.host}/one:1.0")])

    (result,) = push(project, f"{registry.host}/two:1.0")

    assert result["mounted"] == sum(layer.size for layer in image.manifest.layers)


def test_the_names_of_an_image_say_where_it_goes(project: Project, registry: FakeRegistry) -> None:
    project.build("-t", f"{registry.host}/app:1.0")

    (result,) = push(project)

    assert result["reference"] == f"{registry.host}/app@{built(project).digest}"


def test_a_name_without_a_registry_is_not_pushed_to_docker_hub(project: Project) -> None:
    project.build()
    command = Pushing(project.root).command("image")

    done = subprocess.run(
        command,
        cwd=project.root,
        env=project.variables(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert "example:latest names no registry" in done.stderr
    assert "condabox push image registry.example/team/name:tag" in done.stderr
