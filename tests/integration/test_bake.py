"""``condabox bake``: what is written for several environments, and what buildx makes of it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.devtools import development_packages, python_package
from tests.fakes.packages import make_package
from tests.fakes.project import make_project
from tests.fakes.servedworld import served_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.fakes.project import Project
    from tests.world.world import World

MIRROR = "https://mirror.example/conda-forge"
SUBDIRS = "[linux-64, linux-aarch64]"


@pytest.fixture
def fleet(tmp_path: Path) -> Project:
    """Return a project of two environments: one for two platforms, one with development."""
    packages = tmp_path / "packages"
    archives = [
        make_package(packages, "zlib", files={"lib/zlib": b"1"}, noarch="generic"),
        python_package(packages),
        *development_packages(packages),
    ]
    project = make_project(tmp_path / "project", archives=archives, specs=["zlib"])
    settings, channel = project.root / "condabox.toml", project.channel.as_uri()
    settings.write_text(
        settings.read_text().replace(f'["{channel}"]', f'["{channel}", "{MIRROR}"]')
    )
    text = project.environment.read_text().replace("name: example", "name: {}")
    project.environment.unlink()
    (project.root / "web.yml").write_text(text.format("web").replace("[linux-64]", SUBDIRS))
    (project.root / "tools.yml").write_text(f"{text.format('tools')}condabox: {{dev: {{}}}}\n")
    return project


def bake(project: Project, *arguments: str) -> dict[str, Any]:
    done = project.run("bake", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def printed(folder: Path, *names: str, **variables: str) -> dict[str, Any]:
    """Return the targets that buildx finds behind ``names``."""
    done = subprocess.run(
        ["docker", "buildx", "bake", "--print", *names],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    targets: dict[str, Any] = json.loads(done.stdout)["target"]
    return targets


def test_contexts_are_what_the_command_for_one_writes(fleet: Project) -> None:
    answer = bake(fleet, "web.yml", "tools.yml")

    assert answer["command"] == "cd docker && docker buildx bake"
    assert {each["folder"]: each["platforms"] for each in answer["environments"]} == {
        "docker/web": ["linux/amd64", "linux/arm64"],
        "docker/tools": ["linux/amd64"],
    }
    before = tree(fleet.root / "docker")
    for name, *options in (("web",), ("tools", "--dev")):
        done = fleet.run("dockerfile", f"{name}.yml", *options)
        assert done.returncode == 0, done.stderr
    assert bake(fleet, "tools.yml", "web.yml")["groups"] == answer["groups"]
    assert tree(fleet.root / "docker") == before
    assert "tools/linux-amd64/packages-dev.txt" in before
    assert "web/linux-amd64/packages-dev.txt" not in before


def test_nothing_is_written_where_one_environment_fails(fleet: Project) -> None:
    assert fleet.run("lock", "web.yml").returncode == 0

    done = fleet.run("bake", "web.yml", "tools.yml", "--locked")

    assert done.returncode == 4
    assert "tools.conda-lock.yml" in done.stderr
    assert not (fleet.root / "docker").exists()


def test_two_environments_of_one_name_are_an_error(fleet: Project) -> None:
    other = fleet.root / "other.yml"
    other.write_text((fleet.root / "web.yml").read_text().replace("name: web", "name: WEB"))

    done = fleet.run("bake", "web.yml", "other.yml")

    assert done.returncode == 3
    assert "other.yml and web.yml both have the target 'web'" in done.stderr
    assert not (fleet.root / "docker").exists()


def test_a_bake_file_that_was_changed_by_hand_is_not_lost(fleet: Project) -> None:
    bake(fleet, "web.yml", "tools.yml")
    path = fleet.root / "docker" / "docker-bake.json"
    path.write_text("{}")

    done = fleet.run("bake", "web.yml")

    assert done.returncode == 9
    assert "docker-bake.json was changed since condabox wrote it" in done.stderr
    assert path.read_text() == "{}"


def test_a_context_that_was_changed_by_hand_keeps_the_others_as_they_are(fleet: Project) -> None:
    bake(fleet, "web.yml", "tools.yml")
    (fleet.root / "docker" / "web" / "Dockerfile").write_text("FROM mine")
    before = tree(fleet.root / "docker")

    done = fleet.run("bake", "tools.yml", "web.yml", "--prune", "none")

    assert done.returncode == 9
    assert "docker/web/Dockerfile was changed since condabox wrote it" in done.stderr
    assert tree(fleet.root / "docker") == before


def test_a_context_that_is_no_longer_baked_is_told(fleet: Project) -> None:
    bake(fleet, "web.yml", "tools.yml")

    answer = bake(fleet, "web.yml")

    assert answer["warnings"] == [
        "docker/tools is there, too, and docker-bake.json has nothing of it"
    ]
    assert (fleet.root / "docker" / "tools" / "Dockerfile").exists()


def named(fleet: Project, name: str, packages: str, section: str = "") -> None:
    channel = (fleet.root / "web.yml").read_text().partition("channels:")[2].partition("\n")[0]
    (fleet.root / f"{name}.yml").write_text(
        f"name: {name}\nchannels:{channel}\nplatforms: [linux-64]\n"
        f"dependencies: [{packages}]\n{section}"
    )


def test_the_tools_of_another_s_development_are_no_image_of_their_own(fleet: Project) -> None:
    named(fleet, "dev-tools", "jupyterlab, openssh, tini")

    done = fleet.run("bake", "dev-tools.yml", "tools.yml", "web.yml", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["groups"]["default"] == ["tools", "web"]
    assert "left out dev-tools.yml: it is the tools of tools.yml, for development" in done.stderr
    assert not (fleet.root / "docker" / "dev-tools").exists()


def test_tools_are_known_by_the_file_that_the_environment_names(fleet: Project) -> None:
    named(fleet, "mine", "jupyterlab, openssh, tini")
    named(fleet, "dev-tools", "zlib")
    section = "condabox: {dev: {tools: ./mine.yml}}\n"
    (fleet.root / "tools.yml").write_text(
        (fleet.root / "tools.yml").read_text().replace("condabox: {dev: {}}\n", section)
    )

    answer = bake(fleet, "dev-tools.yml", "mine.yml", "tools.yml")

    assert answer["groups"]["default"] == ["dev-tools", "tools"]


def test_tools_alone_are_an_environment_like_any_other(fleet: Project) -> None:
    named(fleet, "dev-tools", "jupyterlab, openssh, tini")

    assert bake(fleet, "dev-tools.yml", "web.yml")["groups"]["default"] == ["dev-tools", "web"]


def test_a_kernel_in_prod_asks_for_no_development(fleet: Project) -> None:
    # with this prefix it would be refused
    named(fleet, "notebooks", "ipykernel, python", "condabox: {prefix: /workspace/env}\n")

    answer = bake(fleet, "notebooks.yml")

    assert answer["targets"] == ["notebooks", "notebooks-amd64"]
    assert not (fleet.root / "dev-tools.yml").exists()


@pytest.mark.buildx
def test_buildx_reads_every_name_wherever_the_folder_is(fleet: Project) -> None:
    answer = bake(fleet, "web.yml", "tools.yml")
    folder = fleet.root / "elsewhere"
    (fleet.root / "docker").rename(folder)

    for name, members in answer["groups"].items():
        assert printed(folder, name).keys() == {*members}
    assert printed(folder).keys() == {"web", "tools"}
    assert printed(folder, *answer["targets"]) == {
        name: {
            "context": image,
            "dockerfile": "Dockerfile",
            "target": target,
            "platforms": platforms,
            "tags": [tag],
        }
        for name, image, target, platforms, tag in [
            ("tools", "tools", "prod", ["linux/amd64"], "tools:latest"),
            ("tools-amd64", "tools", "prod", ["linux/amd64"], "tools:latest-amd64"),
            ("tools-dev", "tools", "dev", ["linux/amd64"], "tools:dev"),
            ("tools-dev-amd64", "tools", "dev", ["linux/amd64"], "tools:dev-amd64"),
            ("web", "web", "prod", ["linux/amd64", "linux/arm64"], "web:latest"),
            ("web-amd64", "web", "prod", ["linux/amd64"], "web:latest-amd64"),
            ("web-arm64", "web", "prod", ["linux/arm64"], "web:latest-arm64"),
        ]
    }


@pytest.mark.buildx
def test_buildx_takes_variables(fleet: Project) -> None:
    bake(fleet, "web.yml", "tools.yml")
    (fleet.root / "docker" / "ca.pem").touch()
    (fleet.root / "docker" / "netrc").touch()
    (fleet.root / "docker" / "it's here").touch()

    found = printed(
        fleet.root / "docker",
        "web-arm64",
        "tools-dev",
        REGISTRY="registry.example:5000/team",
        TAG="1.0",
        BUILDER="micromamba:own",
        CA="ca.pem",
        NETRC="netrc",
        PROXY="it's here",
    )

    assert {name: target["tags"] for name, target in found.items()} == {
        "web-arm64": ["registry.example:5000/team/web:1.0-arm64"],
        "tools-dev": ["registry.example:5000/team/tools:1.0-dev"],
    }
    for target in found.values():
        assert target["args"] == {"BUILDER": "micromamba:own"}
        assert target["secret"] == [
            "id=ca,src=ca.pem",
            "id=netrc,src=netrc",
            "id=proxy,src=it's here",
        ]


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Serve the world, and return copies of ``envs/`` of which minimal has development."""
    with served_world(world, tmp_path_factory.mktemp("served")) as server:
        project = server.project(tmp_path_factory.mktemp("project"))
        minimal = project.root / "envs" / "minimal.yml"
        text = minimal.read_text()
        assert "\ncondabox:\n" in text
        development = "\ncondabox:\n  dev: {dependencies: [ipython]}\n"
        minimal.write_text(text.replace("\ncondabox:\n", development))
        yield project


@pytest.fixture
def registry() -> Iterator[str]:
    """Return the beginning of images' names; those that have it are removed."""
    name = f"condabox-test-{secrets.token_hex(4)}"
    yield name
    listed = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]
    images = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    made = [image for image in images if image.startswith(f"{name}/")]
    if made:  # else the test says why there is none
        subprocess.run(["docker", "rmi", "--force", *made], check=True, capture_output=True)


def python(image: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "run", "--rm", image, "python", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.world
@pytest.mark.docker
@pytest.mark.buildx
def test_what_is_baked_runs(served: Project, registry: str) -> None:
    answer = bake(served, "envs/minimal.yml", "envs/serving.yml", "--platform", "linux/amd64")
    folder = served.root / "docker"
    # Buildx has `network` in JSON since 0.18; in files of Compose's it always had.
    services = {
        name: {"build": {"context": name, "network": "host"}} for name in ("minimal", "serving")
    }
    (folder / "compose.yml").write_text(json.dumps({"services": services}))

    done = subprocess.run(
        [
            *("docker", "buildx", "bake", "--progress", "plain", "--load"),
            *("-f", "docker-bake.json", "-f", "compose.yml", "default", "dev"),
        ],
        cwd=folder,
        env={**os.environ, "REGISTRY": registry, "TAG": "1.0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert answer["command"].endswith(" --allow network.host")
    assert python(f"{registry}/minimal:1.0", "import ssl").returncode == 0
    assert "No module named 'IPython'" in python(f"{registry}/minimal:1.0", "import IPython").stderr
    assert python(f"{registry}/minimal:1.0-dev", "import IPython").returncode == 0
    assert python(f"{registry}/serving:1.0", "import lightgbm, main").returncode == 0
