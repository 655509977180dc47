"""A lock that is interrupted while it solves leaves everything as it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.channel import everywhere, write_channel

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = """\
name: ai
channels: ['http://127.0.0.1:{port}/channel']
platforms: [linux-64, linux-aarch64]
dependencies: [python]
"""
OLD_LOCK = b"version: 1  # the old one\n"


@pytest.fixture
def silent_channel() -> Iterator[socket.socket]:
    """Listen, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_the_old_lock_survives(
    tmp_path: Path, silent_channel: socket.socket, number: signal.Signals, status: int
) -> None:
    port = silent_channel.getsockname()[1]
    envs, scratch = tmp_path / "envs", tmp_path / "scratch"
    envs.mkdir()
    scratch.mkdir()
    (envs / "ai.yml").write_text(ENVIRONMENT.format(port=port))
    (envs / "ai.conda-lock.yml").write_bytes(OLD_LOCK)
    running = subprocess.Popen(
        [sys.executable, "-m", "condabox", "lock", "envs/ai.yml", "--add", "numpy"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
    )
    with running:
        asked, _ = silent_channel.accept()  # a solver waits for its answer now
        running.send_signal(number)
        running.wait(timeout=60)
        asked.close()

    assert running.returncode == status
    assert sorted(path.name for path in envs.iterdir()) == ["ai.conda-lock.yml", "ai.yml"]
    assert (envs / "ai.conda-lock.yml").read_bytes() == OLD_LOCK
    assert (envs / "ai.yml").read_text() == ENVIRONMENT.format(port=port)
    if number is not signal.SIGKILL:
        assert list(scratch.iterdir()) == []
        assert _programs_of(tmp_path) == []


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_what_was_written_before_is_told(
    tmp_path: Path, silent_channel: socket.socket, option: str
) -> None:
    write_channel(tmp_path / "channel", everywhere("libc"))
    (tmp_path / "good.yml").write_text(
        f"name: good\nchannels: ['{(tmp_path / 'channel').as_uri()}']\nplatforms: [linux-64]\n"
        "dependencies: [libc]\ncondabox: {base: 'oci:/nowhere'}\n"
    )
    port = silent_channel.getsockname()[1]
    (tmp_path / "slow.yml").write_text(ENVIRONMENT.format(port=port))
    running = subprocess.Popen(
        [sys.executable, "-m", "condabox", "lock", option, "good.yml", "slow.yml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with running:
        asked, _ = silent_channel.accept()
        running.send_signal(signal.SIGINT)
        told, _ = running.communicate(timeout=60)
        asked.close()

    assert running.returncode == 130
    assert b"good.conda-lock.yml" in told
    assert b"slow" not in told
    assert {path.name for path in tmp_path.glob("*.conda-lock.yml")} == {"good.conda-lock.yml"}


def _programs_of(folder: Path) -> list[str]:
    """Return what still runs in or for ``folder``, when it has had time to end."""
    found: list[str] = []
    for _ in range(100):
        found = [
            path.read_bytes().replace(b"\0", b" ").decode()
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if _mentions(path, str(folder).encode())
        ]
        if not found:
            break
        time.sleep(0.05)
    return found


def _mentions(path: Path, text: bytes) -> bool:
    try:
        return text in path.read_bytes() or text in path.with_name("environ").read_bytes()
    except OSError:
        return False
