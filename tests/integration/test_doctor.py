"""The doctor on a true machine, and on one where everything is wrong at the same time."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.dockerregistry import DockerRegistry
from tests.fakes.gate import Gate
from tests.fakes.packages import make_package
from tests.fakes.programs import MISMATCH, Programs
from tests.fakes.project import CONDA_FORGE, ROOT, make_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.project import Project
    from tests.world.world import World

SECRET = "open-sesame"  # noqa: S105  (of nothing)
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    archives = [make_package(tmp_path / "archives", "tool", "1.0", files={"share/tool": "1"})]
    return make_project(tmp_path / "project", archives=archives, specs=["tool"])


def diagnosed(project: Project, *arguments: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """Return the exit code, and state and detail of each line by group and name."""
    done = project.run("doctor", "--json", *arguments)
    assert done.stderr == ""
    assert SECRET not in done.stdout
    assert BASIC not in done.stdout
    told: dict[str, list[tuple[str, str]]] = {}
    for check in json.loads(done.stdout)["checks"]:
        assert check.keys() == {"group", "name", "state", "detail", "hint"}
        assert (check["hint"] is None) == (check["state"] == "ok")
        told.setdefault(f"{check['group']} {check['name']}", []).append(
            (check["state"], check["detail"])
        )
    return done.returncode, told


def test_a_sound_project(project: Project) -> None:
    assert project.run("lock", "environment.yml").returncode == 0

    status, told = diagnosed(project, "environment.yml")

    assert status == 0
    assert told["settings settings"] == [
        ("ok", f"{project.root}/condabox.toml (named by CONDABOX_CONFIG)")
    ]
    assert told["channels conda-forge"] == [
        ("ok", f"{project.channel.as_uri()} has linux-64, and nothing for noarch")
    ]
    assert told["registries docker.io mirror"] == [("ok", f"oci:{project.root}/base")]
    assert told["environments environment.yml"] == [("ok", "its lock is current, for linux-64")]
    assert told["gpu environment.yml"] == [("ok", "needs no GPU")]


def test_nothing_is_left_behind(project: Project) -> None:
    shutil.rmtree(project.cache, ignore_errors=True)
    before = sorted(project.root.rglob("*"))

    project.run("doctor", "environment.yml")

    assert sorted(project.root.rglob("*")) == before


@pytest.mark.world
def test_the_world_s_own_settings(project: Project, world: World, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "CONDABOX_CONFIG": str(world.settings)}
    shutil.copy(ROOT / "envs" / "serving.yml", project.environment)

    status, told = diagnosed(replace(project, env=home), "environment.yml")

    assert status == 0
    ((state, detail),) = told["channels conda-forge"]
    assert (state, detail.endswith("linux-64, linux-aarch64, noarch")) == ("ok", True)
    assert told["registries docker.io mirror"][0][0] == "ok"


@pytest.mark.docker
def test_the_daemon_of_this_machine(project: Project) -> None:
    _, told = diagnosed(project)

    assert told["docker command"][0][0] == told["docker daemon"][0][0] == "ok"
    ((_, store),) = told["docker store"]
    assert store.partition(" ")[0] in {"classic", "containerd"}


@pytest.mark.tool("podman")
def test_the_podman_of_this_machine(project: Project) -> None:
    _, told = diagnosed(project)

    assert told["podman command"][0][0] == "ok"


@pytest.mark.tool("docker-registry")
def test_a_real_registry_takes_credentials_or_does_not(project: Project, tmp_path: Path) -> None:
    registry = DockerRegistry(tmp_path)
    config = tmp_path / "docker" / "config.json"
    config.parent.mkdir()
    env = {"DOCKER_CONFIG": str(config.parent)}
    with registry.running(auth=registry.htpasswd()):
        answers = []
        for auth in (SECRET, "wrong-password"):
            encoded = base64.b64encode(f"me:{auth}".encode()).decode()
            config.write_text(json.dumps({"auths": {registry.host: {"auth": encoded}}}))
            status, told = diagnosed(replace(project, env=env))
            answers.append((status, *told[f"registries {registry.host}"][0]))

    (good, ok, taken), (bad, problem, refused) = answers
    assert (good, ok, bad, problem) == (0, "ok", 10, "problem")
    assert taken == f"{registry.host} takes the credentials from {config}"
    assert f"refuses the credentials from {config}" in refused
    assert "wrong-password" not in refused


def test_everything_is_wrong_and_all_of_it_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead proxy, hanging servers, refused credentials, a broken driver; and no secret told."""
    programs = Programs(tmp_path / "bin", monkeypatch)
    programs.say("nvidia-smi", MISMATCH, status=18)
    home = tmp_path / "home"
    (home / ".docker").mkdir(parents=True)
    with (
        Gate() as gate,
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as gone,
    ):
        gone.close()
        gate.rules.user, gate.rules.tokens = "me:changed", True
        hanging = f"127.0.0.1:{silent.getsockname()[1]}"
        auths = {gate.host: {"identitytoken": SECRET}, hanging: {"auth": BASIC}}
        (home / ".docker" / "config.json").write_text(
            json.dumps({"auths": auths, "credHelpers": {"gone.example": "missing"}})
        )
        (project.root / "condabox.toml").write_text(
            'cache-dir = "/proc/condabox"\n'
            f'[channels.mirrors]\n"{CONDA_FORGE}" = ["http://me:{SECRET}@{hanging}/t/{SECRET}/x", '
            f'"{gate.url}/x"]\n'
            f'[registries."{gate.host}"]\nmirrors = ["{hanging}/x"]\n'
        )
        env = {
            "HOME": str(home),
            "HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:1",
            "SSL_CERT_FILE": str(tmp_path / "none.pem"),
            "DOCKER_HOST": "tcp://127.0.0.1:1",
            "PATH": os.environ["PATH"],
        }
        status, told = diagnosed(replace(project, env=env), "environment.yml", "none.yml")

    states = {name: {state for state, _ in found} for name, found in told.items()}
    assert status == 10
    problems = {
        "settings HTTPS_PROXY",
        "settings SSL_CERT_FILE",
        "disk cache",
        "channels conda-forge",
        "registries docker.io",
        f"registries {gate.host}",
        f"registries {gate.host} mirror",
        "environments none.yml",
        "gpu driver",
    }
    assert {name for name, found in states.items() if "problem" in found} == problems
    assert states["docker command"] == {"note"}


def test_settings_that_cannot_be_read_leave_the_rest(project: Project) -> None:
    (project.root / "condabox.toml").write_text("[[[")

    status, told = diagnosed(project)

    assert status == 10
    assert told["settings settings"][0][0] == "problem"
    assert not [name for name in told if name.startswith(("disk", "channels", "registries"))]
    assert "gpu driver" in told
