"""The way to a Docker daemon on another machine."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ToolMissingError
from condabox.events import SilentReporter
from condabox.oci.reference import Reference
from condabox.outputs.docker import daemon_answers, load_into_docker
from condabox.outputs.sshtunnel import dial_command, tunnel
from tests.fakes.docker import FakeDaemon
from tests.fakes.images import make_image
from tests.fakes.pipes import Pipe
from tests.fakes.ssh import FakeSsh

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "ssh://me@far.example:2222"
AI = Reference.parse("ai:1.0")
REFUSES = "#!/bin/sh\necho me@far.example: Permission denied >&2\nexit 255\n"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    with FakeDaemon(tmp_path).running() as running:
        yield running


@pytest.fixture
def ssh(daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSsh:
    monkeypatch.setenv("DOCKER_HOST", HOST)
    return FakeSsh(tmp_path, monkeypatch, socket=daemon.socket)


def spoken(address: str, said: bytes) -> bytes:
    """Return the answer to ``said``, up to its end."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address.removeprefix("unix://"))
        connection.sendall(said)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("ssh://far", ["--", "far", "docker system dial-stdio"]),
        ("ssh://me@Far:22/", ["-l", "me", "-p", "22", "--", "Far", "docker system dial-stdio"]),
        ("ssh://[fe80::1%eth0]:7", ["-p", "7", "--", "fe80::1%eth0", "docker system dial-stdio"]),
        (
            "ssh://far/run/my docker.sock".replace(" ", "'"),
            ["--", "far", "docker --host 'unix:///run/my'\"'\"'docker.sock' system dial-stdio"],
        ),
        ("ssh://-oProxyCommand=x", ["--", "-oProxyCommand=x", "docker system dial-stdio"]),
    ],
)
def test_an_address_becomes_a_command_line(host: str, expected: list[str]) -> None:
    command = dial_command(host)

    assert command[: -len(expected)] == [
        *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
    ]
    assert command[-len(expected) :] == expected


@pytest.mark.parametrize(
    "host", ["ssh://", "ssh://me:open-sesame@far", "ssh://far:x", "ssh://a b", "ssh://far?x=1"]
)
def test_what_ssh_cannot_reach_is_refused_and_not_quoted(host: str) -> None:
    with pytest.raises(ToolMissingError) as caught:
        dial_command(host)

    assert "open-sesame" not in f"{caught.value.message}{caught.value.hint}"
    assert not daemon_answers({"DOCKER_HOST": host})


def test_a_far_daemon_answers(ssh: FakeSsh, capfd: pytest.CaptureFixture[str]) -> None:
    assert daemon_answers({"DOCKER_HOST": HOST})
    ssh.become(REFUSES)
    assert not daemon_answers({"DOCKER_HOST": HOST})
    assert capfd.readouterr() == ("", "")


def test_an_image_is_loaded_into_a_far_daemon(
    ssh: FakeSsh, daemon: FakeDaemon, tmp_path: Path
) -> None:
    image = make_image(tmp_path / "made", {"a": b"1" * 300_000}, {"b": b"2"})
    daemon.images = {f"sha256:{number}": ["sha256:x"] for number in range(20)}

    assert load_into_docker([image], names=[AI], reporter=SilentReporter()) == "ai:1.0"

    assert len(daemon.loaded) == 1
    # each has a connection of its own
    assert len(daemon.inspected) == 8
    assert all(call == dial_command(HOST)[1:] for call in ssh.calls)


def test_a_daemon_that_cannot_be_reached_says_what_to_try(ssh: FakeSsh, tmp_path: Path) -> None:
    image = make_image(tmp_path / "made", {"a": b"1"})
    ssh.become(REFUSES)

    with pytest.raises(ToolMissingError, match=r"no Docker daemon answers at ssh://") as caught:
        load_into_docker([image], names=[AI], reporter=SilentReporter())

    assert "password" in str(caught.value.hint)


def test_connections_stand_side_by_side(ssh: FakeSsh) -> None:
    ping = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
    with tunnel(HOST) as address, socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(address.removeprefix("unix://"))
        answer = spoken(address, ping.replace(b"1.1", b"1.0"))
        waiting.sendall(ping)

        assert answer.endswith(b'"OK"')
        assert waiting.recv(65536).startswith(b"HTTP/1.1 200")
    assert len(ssh.calls) == 2


def test_nobody_else_can_connect_and_nothing_is_left(ssh: FakeSsh) -> None:
    assert ssh.calls == []
    with tunnel(HOST) as address:
        folder = Path(address.removeprefix("unix://")).parent
        assert folder.stat().st_mode & 0o077 == 0

    assert not folder.exists()


def test_an_end_is_passed_on(ssh: FakeSsh) -> None:
    ssh.become(REFUSES)

    with tunnel(HOST) as address:
        assert spoken(address, b"") == b""


def test_without_the_command_a_connection_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with tunnel(HOST) as address:
        assert spoken(address, b"") == b""


def test_a_command_that_hangs_ends_with_the_tunnel(ssh: FakeSsh, tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    ssh.become(f"#!/bin/sh\nexec 3>{pipe.path}\nexec sleep 600\n")

    with tunnel(HOST) as address, socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(address.removeprefix("unix://"))

    assert pipe.read_all() == b""
