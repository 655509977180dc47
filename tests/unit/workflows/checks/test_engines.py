"""What is said of Docker, podman and emulators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.spec import parse_environment
from condabox.reporting.findings import Group, State
from condabox.workflows.checks import engines
from condabox.workflows.checks.engines import engine_checks
from tests.fakes.checking import found, lines
from tests.fakes.docker import FakeDaemon
from tests.fakes.pipes import Pipe

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.reporting.findings import Finding
    from tests.fakes.programs import Programs

DOCKER = {
    "ServerVersion": "28.2.2",
    "OSType": "linux",
    "Architecture": "x86_64",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "ClientInfo": {"Version": "28.3.0"},
}
CONTAINERD = {
    "Driver": "overlayfs",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
}
PODMAN = {
    "host": {"os": "linux", "arch": "amd64", "security": {"rootless": True}},
    "store": {"graphDriverName": "overlay"},
    "version": {"Version": "5.4.0"},
}


def look(group: Group, *specs: EnvironmentSpec, **env: str) -> list[Finding]:
    env = {"DOCKER_HOST": "unix:///nowhere.sock", **env}
    return [each for each in found(engine_checks(specs, env=env)) if each.group is group]


def test_docker_with_a_classic_store(programs: Programs) -> None:
    programs.say("docker", json.dumps(DOCKER))

    assert lines(look(Group.DOCKER)) == [
        "ok command: 28.3.0",
        "ok daemon: 28.2.2, linux/x86_64",
        "ok store: classic (overlay2): keeps one platform of an image",
    ]


def test_docker_with_containerd_s_store(programs: Programs) -> None:
    programs.say("docker", json.dumps(DOCKER | CONTAINERD))

    assert lines(look(Group.DOCKER))[-1] == (
        "ok store: containerd (overlayfs): keeps all platforms of an image"
    )


def test_nobody_needs_docker(programs: Programs) -> None:
    assert programs.folder.is_dir()

    (told,) = look(Group.DOCKER)

    assert (told.state, told.detail) == (State.NOTE, "docker is not on PATH")
    assert "builds and pushes without it" in str(told.hint)


def test_a_daemon_without_the_command_is_told(programs: Programs, tmp_path: Path) -> None:
    assert programs.folder.is_dir()
    with FakeDaemon(tmp_path).running() as daemon:
        (told,) = look(Group.DOCKER, DOCKER_HOST=daemon.host)

    assert "a daemon answers" in told.detail


@pytest.mark.parametrize(
    ("host", "error", "state", "hint"),
    [
        ("", "Cannot connect to the Docker daemon at unix:///x", State.NOTE, "start it"),
        ("", "permission denied while trying to connect to x", State.NOTE, "usermod -aG docker"),
        ("tcp://127.0.0.1:1", "Cannot connect to x", State.PROBLEM, "unset DOCKER_HOST"),
    ],
)
def test_a_daemon_that_does_not_answer(
    programs: Programs, host: str, error: str, state: State, hint: str
) -> None:
    programs.say("docker", "", status=1, error=error)

    command, daemon = look(Group.DOCKER, DOCKER_HOST=host)

    assert (command.state, command.detail) == (State.OK, "of unknown version")
    assert (daemon.state, daemon.detail) == (state, error)
    assert hint in str(daemon.hint)


def test_podman(programs: Programs) -> None:
    assert lines(look(Group.PODMAN)) == ["note command: podman is not on PATH"]
    programs.say("podman", json.dumps(PODMAN))
    assert lines(look(Group.PODMAN)) == ["ok command: 5.4.0, linux/amd64, rootless, overlay"]
    programs.say("podman", "", status=125, error="Error: cannot find newuidmap")
    assert lines(look(Group.PODMAN)) == ["note command: Error: cannot find newuidmap"]


def test_programs_that_hang_are_told_and_end(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 1.0)
    pipes = [Pipe(tmp_path / name) for name in ("docker", "podman")]
    for pipe in pipes:
        programs.add(pipe.path.name, pipe.hanging)

    (docker,), (podman,) = look(Group.DOCKER), look(Group.PODMAN)

    assert "docker info --format '{{json .}}' gave no answer in 1 seconds" in docker.detail
    assert (docker.state, podman.state) == (State.PROBLEM, State.NOTE)
    assert [pipe.read_all() for pipe in pipes] == [b"", b""]


def test_programs_that_print_nonsense_are_no_traceback(programs: Programs) -> None:
    programs.say("docker", "<html>")
    programs.say("podman", "[]")

    (docker,), (podman,) = look(Group.DOCKER), look(Group.PODMAN)

    assert (docker.state, podman.state) == (State.PROBLEM, State.NOTE)
    assert docker.hint


HANDLER = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
"""


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "binfmt_misc"
    folder.mkdir()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(engines, "HANDLERS", folder)
    return folder


def test_platforms_with_and_without_an_emulator(
    programs: Programs, handlers: Path, tmp_path: Path
) -> None:
    assert programs.folder.is_dir()
    text = "channels: [x]\ndependencies: [x]\nplatforms: [linux-aarch64, linux-ppc64le, win-64]"
    spec = parse_environment(text, path=tmp_path / "ai.yml")
    (handlers / "qemu-aarch64").write_text(HANDLER)

    assert lines(look(Group.PLATFORMS)) == [
        "ok linux/amd64: runs here natively",
        "ok linux/arm64: runs here by emulation",
    ]
    arm, power = look(Group.PLATFORMS, spec)

    assert lines([arm]) == ["ok linux/arm64: runs here by emulation"]
    assert (power.name, power.state) == ("linux/ppc64le", State.NOTE)
    assert "qemu-user-static" in str(power.hint)


def test_other_systems_emulate_as_they_do(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert programs.folder.is_dir()
    monkeypatch.setattr("sys.platform", "darwin")

    assert look(Group.PLATFORMS) == []
