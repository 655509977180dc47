"""What Docker and podman say of themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ToolFailedError, ToolMissingError
from condabox.outputs.engine_info import DockerInfo, PodmanInfo, docker_info, podman_info
from tests.fakes.pipes import Pipe
from tests.fakes.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIENT = {"Version": "28.2.2", "Context": "default", "Plugins": []}
CLASSIC = {
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
    "OSType": "linux",
    "Architecture": "x86_64",
    "ServerVersion": "28.2.2",
    "Runtimes": {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}},
    "CDISpecDirs": [],
    "ClientInfo": CLIENT,
}
SILENT = {"ServerVersion": "", "Driver": "", "DriverStatus": None, "Runtimes": None}
NO_DAEMON = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
    "Is the docker daemon running?"
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "bin", monkeypatch)


def test_a_daemon_with_a_classic_store(programs: Programs) -> None:
    programs.say("docker", json.dumps(CLASSIC), error="WARNING: No swap limit support\n")

    assert docker_info(seconds=60) == DockerInfo(
        client="28.2.2",
        server="28.2.2",
        problem="",
        platform="linux/x86_64",
        storage="overlay2",
        containerd=False,
        runtimes=("nvidia", "runc"),
        devices=(),
        cdi=False,
    )


def test_a_daemon_with_containerd_s_store_and_devices(programs: Programs) -> None:
    more = {
        "Driver": "overlayfs",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"],
        "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}],
    }
    programs.say("docker", json.dumps({**CLASSIC, **more}))

    info = docker_info(seconds=60)

    assert (info.storage, info.containerd, info.cdi) == ("overlayfs", True, True)
    assert info.devices == ("nvidia.com/gpu=0",)


@pytest.mark.parametrize("printed", [json.dumps({**SILENT, "ClientInfo": CLIENT}), ""])
def test_no_daemon_is_told_in_docker_s_words(programs: Programs, printed: str) -> None:
    programs.say("docker", printed, status=1, error=f"ERROR: {NO_DAEMON}\n")

    info = docker_info(seconds=60)

    assert (info.server, info.problem) == ("", NO_DAEMON)


@pytest.mark.parametrize(
    "printed",
    ["<html>", "[]", '{"Runtimes": 1}', '{"DiscoveredDevices": ["x"]}', "[" * 100_000],
)
def test_nonsense_of_docker_is_an_error(programs: Programs, printed: str) -> None:
    path = programs.folder / "printed"
    path.write_text(printed)
    programs.add("docker", f"cat {path}")

    with pytest.raises(ToolFailedError, match="docker info"):
        docker_info(seconds=60)


def test_podman(programs: Programs) -> None:
    info = {
        "host": {"os": "linux", "arch": "amd64", "security": {"rootless": True}},
        "store": {"graphDriverName": "overlay"},
        "version": {"Version": "4.3.1"},
    }
    programs.say("podman", json.dumps(info))

    assert podman_info(seconds=60) == PodmanInfo(
        version="4.3.1", platform="linux/amd64", storage="overlay", rootless=True
    )


def test_podman_that_fails(programs: Programs) -> None:
    programs.say("podman", "", status=125, error="Error: cannot find newuidmap\n")

    with pytest.raises(ToolFailedError, match="newuidmap"):
        podman_info(seconds=60)


@pytest.mark.parametrize(("name", "ask"), [("docker", docker_info), ("podman", podman_info)])
def test_who_hangs_is_not_waited_for(
    programs: Programs, tmp_path: Path, name: str, ask: Callable[..., object]
) -> None:
    pipe = Pipe(tmp_path / "pipe")
    programs.add(name, pipe.hanging)

    with pytest.raises(ToolFailedError, match=f"{name} info .* gave no answer in 1 seconds"):
        ask(seconds=1)

    assert pipe.read_all() == b""


def test_what_is_not_there_is_missing(programs: Programs) -> None:
    assert programs.folder.is_dir()
    for ask in (docker_info, podman_info):
        with pytest.raises(ToolMissingError):
            ask(seconds=60)
