"""``build --builder docker``: where its images go, and that nothing else stays anywhere."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.content import BytesContent
from condabox.oci.archive import read_archive
from condabox.oci.digest import Digest
from condabox.oci.layout import ImageLayout
from condabox.oci.tarball import TarFile
from condabox.oci.validate import validate_image
from tests.fakes.devbuilds import ENVIRONMENTS, built, developing
from tests.fakes.dockerbuilds import (
    WITHOUT_BUILDX,
    docker,
    docker_has,
    file_in,
    greeting,
    layers_of,
    old_docker,
)
from tests.fakes.images import AMD64, ARM64
from tests.fakes.otherbases import add_base
from tests.fakes.servedworld import served_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.dockerbuilds import DockerProject
    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.docker]

MACHINE = "opt/env/etc/machine"
RAN = re.compile(r"RUN .*: [0-9.]+ s")
CACHED = re.compile(r"RUN .*: cached")


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with served_world(world, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="module")
def locked(served: ServedWorld, tmp_path_factory: pytest.TempPathFactory) -> DockerProject:
    """Return a project whose package has a script that notes the machine it runs on."""
    project = greeting(
        served,
        tmp_path_factory.mktemp("locked") / "project",
        script=f'uname -m >"$PREFIX/{MACHINE.removeprefix("opt/env/")}"',
        platforms="[linux-64, linux-aarch64]",
    )
    assert project.run("lock", "environment.yml").returncode == 0
    return project


@pytest.fixture
def project(locked: DockerProject) -> DockerProject:
    """Return it as if nothing had been built; what BuildKit keeps of it is still there."""
    (locked.root / "told").unlink(missing_ok=True)
    locked.put_docker()
    return locked


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """Return a name for an image, which is gone from Docker afterwards."""
    name = f"condabox-test/{tmp_path.name.replace('_', '-')}:1"
    yield name
    subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True, check=False)


def test_an_archive_is_written_and_the_daemon_keeps_nothing(
    project: DockerProject, image: str
) -> None:
    answer = project.made("-t", image, "-o", "image.tar", "--metadata-file", "result.json")

    found = read_archive(project.root / "image.tar").resolve(None, platform=AMD64)
    assert validate_image(found) == ()
    assert file_in(found, MACHINE) == "x86_64\n"
    assert json.loads((project.root / "result.json").read_text()) == answer
    assert answer["names"] == [image]
    assert answer["places"] == ["in image.tar"]
    assert answer["digest"] == answer["images"][0]["digest"] == str(found.digest)
    layers = [layer["digest"] for layer in answer["images"][0]["layers"]]
    assert layers == [str(layer.digest) for layer in found.manifest.layers]
    assert not docker_has(image)
    assert not docker_has(answer["images"][0]["config"])
    assert project.left() == []


@pytest.mark.tool("qemu-aarch64-static")
def test_two_platforms_are_one_index_and_each_was_built_as_on_its_own_machine(
    project: DockerProject,
) -> None:
    shutil.rmtree(project.root / "layout", ignore_errors=True)
    answer = project.made("-o", "layout", "--platform", "linux/amd64,linux/arm64")

    project.assert_sound("layout")
    layout = ImageLayout.open(project.root / "layout")
    assert [each["platform"] for each in answer["images"]] == ["linux/amd64", "linux/arm64"]
    assert str(layout.find(None).digest) == answer["digest"]
    machines = [
        file_in(layout.resolve(None, platform=platform), MACHINE) for platform in (AMD64, ARM64)
    ]
    assert machines == ["x86_64\n", "aarch64\n"]
    assert not any(docker_has(each["config"]) for each in answer["images"])
    assert project.left() == []


def test_what_is_pushed_is_in_the_registry_alone(
    project: DockerProject, served: ServedWorld
) -> None:
    name = f"{served.registry.host}/team/greeter:1"

    answer = project.made("-t", name, "--push")

    pushed = served.registry.manifests["team/greeter", "1"]
    assert str(Digest.of(pushed)) == answer["digest"]
    for layer in answer["images"][0]["layers"]:
        assert served.registry.blob("team/greeter", layer["digest"])
    assert answer["places"] == []
    assert [each["tags"] for each in answer["pushed"]] == [["1"]]
    assert not docker_has(name)
    assert not docker_has(answer["images"][0]["config"])
    assert project.left() == []


@pytest.mark.parametrize(
    ("options", "places"),
    [
        pytest.param([], ["in the local store", "in Docker"], id="no-place"),
        pytest.param(["--load", "-o", "loaded.tar"], ["in loaded.tar", "in Docker"], id="load"),
    ],
)
def test_docker_runs_the_very_image_that_was_built(
    project: DockerProject, image: str, options: list[str], places: list[str]
) -> None:
    answer = project.made("-t", image, *options)

    assert answer["places"] == places
    assert (
        docker("image", "inspect", "--format", "{{.Id}}", image) == (answer["images"][0]["config"])
    )
    assert docker("run", "--rm", image, "cat", f"/{MACHINE}") == "x86_64"
    assert docker("image", "inspect", "--format", "{{.RepoTags}}", image) == f"[{image}]"
    listed = project.run("images").stdout
    assert (image in listed) is ("in the local store" in places)
    assert project.left() == []


def test_a_second_build_runs_no_step_and_makes_the_same_image(project: DockerProject) -> None:
    first = project.by_docker("-o", "first.tar")
    second = project.by_docker("-o", "second.tar")

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert RAN.findall(second.stderr) == []
    assert len(CACHED.findall(second.stderr)) == 2
    archives = [project.root / f"{name}.tar" for name in ("first", "second")]
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_every_step_runs_anew_where_that_is_asked_for(project: DockerProject) -> None:
    first = project.by_docker("-o", "first.tar")
    second = project.by_docker("-o", "second.tar", "--no-cache")

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert len(RAN.findall(second.stderr)) == 2
    assert CACHED.findall(second.stderr) == []
    assert project.left() == []


def test_a_classic_store_makes_the_same_layers_twice_and_shares_those_of_tools(
    served: ServedWorld, tmp_path: Path
) -> None:
    project = developing(served, tmp_path / "project")
    images = [(name, variant) for name in ENVIRONMENTS for variant in ("prod", "dev")]

    first = {image: built(project, *image) for image in images}
    again = {image: built(project, *image, "--no-cache") for image in images}

    assert {image: made.digest for image, made in again.items()} == {
        image: made.digest for image, made in first.items()
    }
    above = []
    for name in ENVIRONMENTS:
        prod, dev = (first[name, variant].config.diff_ids for variant in ("prod", "dev"))
        assert dev[: len(prod)] == prod
        # what development adds to the environment itself is the first
        above.append(dev[len(prod) + 1 :])
    assert len(above[0]) >= 3
    assert above[0] == above[1]
    assert project.left() == []


def test_development_has_its_account_on_a_base_with_few_programs(
    served: ServedWorld, world: World, tmp_path: Path
) -> None:
    accounts = TarFile(
        path="etc/passwd",
        content=BytesContent(b"root:x:0:0::/root:/bin/sh\nsomebody:x:1000:5::/:/bin/sh\n"),
        mode=0o640,
        uid=7,
        gid=7,
    )
    programs = ("chmod", "chown", "find", "mkdir", "sed", "touch")
    unusable = (TarFile(path=f"usr/bin/{name}", content=BytesContent(b"")) for name in programs)
    base = add_base(served, world, "bare", [accounts, *unusable])
    project = developing(served, tmp_path / "project", base=base)

    direct, made = (
        _topmost(built(project, "second", "dev", builder=builder), "etc/passwd", "workspace")
        for builder in ("direct", "docker")
    )

    assert made == direct
    assert made["etc/passwd"][:3] == (0o644, 0, 0)
    assert b"somebody" not in made["etc/passwd"][3]
    assert made["workspace"][:3] == (0o775, 1000, 0)


@pytest.mark.buildx
def test_a_docker_without_buildx_builds_the_same_image(project: DockerProject) -> None:
    by_buildx = project.made("-o", "image.tar")
    project.put_docker(old_docker(), first=WITHOUT_BUILDX)
    without = project.made("-o", "image.tar")

    assert without["images"] == by_buildx["images"]
    commands = [words[0] for _, words in project.told if "--target" in words]
    assert commands == ["buildx", "build"]
    assert project.left() == []


def _topmost(image: Image, *paths: str) -> dict[str, tuple[int, int, int, bytes]]:
    """Return mode, owner, group and content of ``paths`` in the last layer that has each."""
    found = {}
    for layer in layers_of(image):
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                path = member.name.strip("/")
                if path in paths:
                    file = tar.extractfile(member)
                    content = file.read() if file else b""
                    found[path] = (stat.S_IMODE(member.mode), member.uid, member.gid, content)
    return found
