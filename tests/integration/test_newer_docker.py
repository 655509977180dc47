"""``build --builder docker`` where images are containerd's: they come out of BuildKit as files."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import pytest

from condabox.oci.archive import read_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.mediatype import OCI_MANIFEST
from condabox.oci.validate import validate_image
from tests.fakes.devbuilds import ENVIRONMENTS, built, developing
from tests.fakes.dockerbuilds import docker, docker_has, file_in, greeting
from tests.fakes.dockerregistry import DockerRegistry
from tests.fakes.images import AMD64
from tests.fakes.newerdocker import newer_docker
from tests.fakes.servedworld import served_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from tests.fakes.dockerbuilds import DockerProject
    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.newer_docker, pytest.mark.buildx]

RAN = re.compile(r"RUN .*: [0-9.]+ s")


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with served_world(world, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="module")
def images(world: World) -> Iterator[tuple[str, str]]:
    with newer_docker(world) as images:
        yield images


@pytest.fixture
def project(served: ServedWorld, images: tuple[str, str], tmp_path: Path) -> DockerProject:
    """Return a project whose prefix tells its steps from those of all others."""
    base, builder = images
    return greeting(
        served,
        tmp_path / "project",
        script='uname -m >"$PREFIX/etc/machine"',
        section=f"  prefix: /opt/{secrets.token_hex(8)}\n",
        base=f"docker:{base}",
        builder=builder,
    )


def prefix_of(project: DockerProject) -> str:
    found = re.search(r"prefix: (\S+)", project.environment.read_text())
    assert found is not None
    return found[1]


def forget(project: DockerProject) -> int:
    """Let BuildKit forget what it keeps of the project's steps; return how much that was.

    The copy of an environment does not say whose it is, and spares the steps before it: each goes.
    """
    listed = docker("buildx", "du", "--verbose", "--filter", "type=regular")
    parts = listed.split("\n\n")
    own = [part for part in parts if prefix_of(project) in part]
    for part in (*(part for part in parts if " /environment/ /" in part), *own):
        if match := re.search(r"^ID:\s+(\S+)$", part, re.MULTILINE):
            docker("buildx", "prune", "--force", "--filter", f"id={match[1]}")
    return len(own)


def digests(image: Image) -> list[Digest]:
    return [layer.digest for layer in image.manifest.layers]


def test_an_image_comes_out_as_a_file_and_the_daemon_keeps_nothing(project: DockerProject) -> None:
    answer = project.made("-t", "condabox-test/file:1", "-o", "image.tar")

    found = read_archive(project.root / "image.tar").resolve(None, platform=AMD64)
    assert validate_image(found) == ()
    assert found.manifest.media_type == OCI_MANIFEST
    assert file_in(found, f"{prefix_of(project).lstrip('/')}/etc/machine") == "x86_64\n"
    (command,) = [" ".join(words) for _, words in project.told if "--target" in words]
    assert "type=oci,dest=" in command
    assert not docker_has("condabox-test/file:1")
    assert not docker_has(answer["digest"])
    assert project.left() == []


def test_what_was_built_runs_and_is_the_same_there_as_in_the_store(project: DockerProject) -> None:
    name = f"condabox-test/newer:{secrets.token_hex(4)}"
    answer = project.made("-t", name)

    try:
        assert answer["places"] == ["in the local store", "in Docker"]
        assert docker("image", "inspect", "--format", "{{.Id}}", name) == answer["digest"]
        assert docker("run", "--rm", name, "cat", f"{prefix_of(project)}/etc/machine") == "x86_64"
    finally:
        docker("image", "rm", "--force", name)
    assert project.left() == []


def test_whoever_builds_again_from_the_beginning_makes_the_same_image(
    project: DockerProject,
) -> None:
    first = project.made("-o", "first.tar")
    assert forget(project) >= 2
    again = project.by_docker("-o", "second.tar")

    assert again.returncode == 0, again.stderr
    assert len(RAN.findall(again.stderr)) == 2, again.stderr
    assert (project.root / "second.tar").read_bytes() == (project.root / "first.tar").read_bytes()
    assert first["digest"] in again.stdout


def test_images_have_the_layers_of_those_below_them_and_the_tools_of_one_another(
    served: ServedWorld, world: World, images: tuple[str, str], tmp_path: Path
) -> None:
    ubuntu = ImageLayout.open(world.base_layouts / "library" / "ubuntu")
    base = digests(ubuntu.resolve("24.04", platform=AMD64))
    project = developing(
        served,
        tmp_path / "project",
        section="  workdir: /srv/made\n",
        base=f"docker:{images[0]}",
        builder=images[1],
    )

    found = {
        (name, variant): built(project, name, variant)
        for name in ENVIRONMENTS
        for variant in ("prod", "dev")
    }

    layers = {image: digests(made) for image, made in found.items()}
    above = []
    for name in ENVIRONMENTS:
        prod, dev = layers[name, "prod"], layers[name, "dev"]
        assert prod[: len(base)] == base
        assert dev[: len(prod)] == prod
        # what development adds to the environment itself is the first
        above.append(dev[len(prod) + 1 :])
    assert len(above[0]) >= 3
    assert above[0] == above[1]
    assert len({image.config.created for image in found.values()}) == 3
    for (name, variant), image in found.items():
        direct = built(project, name, variant, builder="direct")
        assert image.config.created == direct.config.created
        assert {entry.created for entry in image.config.history} == {
            entry.created for entry in direct.config.history
        }
    assert project.left() == []


@pytest.mark.tool("docker-registry")
def test_the_cache_of_a_registry_spares_the_steps_elsewhere(
    project: DockerProject, tmp_path: Path
) -> None:
    with DockerRegistry(tmp_path).running() as registry:
        place = f"type=registry,ref={registry.host}/team/cache:1,registry.insecure=true"
        options = ("--cache-from", place, "--cache-to", f"{place},mode=max")
        first = project.by_docker("-o", "first.tar", *options)
        assert first.returncode == 0, first.stderr
        assert (tmp_path / "storage").is_dir()
        assert forget(project) >= 2
        second = project.by_docker("-o", "second.tar", "--cache-from", place)

    assert second.returncode == 0, second.stderr
    # nothing is there for the first of all builds
    assert re.search("importing cache manifest .*not found", first.stderr)
    assert "not found" not in second.stderr
    assert len(RAN.findall(first.stderr)) == 2, first.stderr
    assert RAN.findall(second.stderr) == []
    assert (project.root / "second.tar").read_bytes() == (project.root / "first.tar").read_bytes()
    assert project.left() == []


@pytest.mark.tool("docker-registry")
def test_a_registry_that_refuses_the_cache_is_named(project: DockerProject, tmp_path: Path) -> None:
    registry = DockerRegistry(tmp_path)
    with registry.running(auth=registry.htpasswd()):
        place = f"type=registry,ref={registry.host}/team/refused:1,registry.insecure=true"
        done = project.by_docker("-o", "image", "--cache-to", place)

    assert done.returncode == 9, done.stderr
    error = done.stderr.partition("condabox: error: ")[2]
    assert "exporting cache" in error
    assert "docker login" in error
    assert not (project.root / "image").exists()
    assert project.left() == []
