"""Joining a container that runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ToolFailedError
from condabox.outputs.sessions import join_container, running_containers

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.tool("sh")


@pytest.fixture
def engine(tmp_path: Path) -> Callable[[str], str]:
    """Return a maker of engines that note how they are called."""

    def make(script: str, name: str = "docker") -> str:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n{script}\n')
        path.chmod(0o755)
        return str(path)

    return make


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().splitlines()


def join(engine: str) -> int:
    return join_container(engine, "abc", command=["start", "bash", "-l"], folder="/workspace")


@pytest.mark.parametrize(("name", "ids"), [("docker", ("abc", "def")), ("podman", ("def", "abc"))])
def test_the_newest_container_with_the_label_is_the_first(
    tmp_path: Path, engine: Callable[..., str], name: str, ids: tuple[str, ...]
) -> None:
    """Docker lists it first, podman last."""
    found = running_containers(engine("echo abc; echo def", name), "io.condabox.dev=ai")

    assert found == ids
    assert calls(tmp_path) == ["ps --filter label=io.condabox.dev=ai --format {{.ID}}"]


def test_there_may_be_none(engine: Callable[[str], str]) -> None:
    assert running_containers(engine(""), "io.condabox.dev=ai") == ()


def test_an_engine_that_fails_is_reported(engine: Callable[[str], str]) -> None:
    with pytest.raises(ToolFailedError, match="no socket"):
        running_containers(engine("echo no socket >&2; exit 1"), "io.condabox.dev=ai")


def test_a_command_runs_in_it_and_has_its_exit_status(
    tmp_path: Path, engine: Callable[[str], str]
) -> None:
    status = join(engine("exit 7"))

    assert status == 7
    (line,) = calls(tmp_path)
    assert line.startswith("exec --interactive --workdir /workspace --env CONDABOX_SESSION=")
    assert line.endswith(" abc start bash -l")


def test_when_the_engine_s_command_is_killed_the_session_ends_too(
    tmp_path: Path, engine: Callable[[str], str]
) -> None:
    assert join(engine('[ "$2" = abc ] || kill -9 $$')) == 137
    assert calls(tmp_path)[1].startswith("exec abc /opt/tools/bin/python -I -c import os")


@pytest.mark.parametrize(("name", "status"), [("TERM", 143), ("HUP", 129)])
def test_when_a_signal_ends_us_the_session_ends(
    tmp_path: Path, engine: Callable[[str], str], name: str, status: int
) -> None:
    # a second signal does not keep us from it
    again = f"kill -{name} $PPID; sleep 0.2; echo told > {tmp_path}/told; exit"
    script = f'[ "$2" = abc ] && {{ {again}; }}; kill -{name} $PPID; exec sleep 5'

    with pytest.raises(SystemExit) as caught:
        join(engine(script))

    assert caught.value.code == status
    assert (tmp_path / "told").exists()
    started, *ending = calls(tmp_path)
    assert ending[0].startswith("exec abc /opt/tools/bin/python -I -c import os, signal, sys")
    assert ending[-1].strip() == started.partition("--env ")[2].partition(" ")[0]


@pytest.mark.skipif(sys.platform != "linux", reason="what runs in a container runs on Linux")
def test_only_programs_of_the_session_are_told(
    tmp_path: Path, engine: Callable[[str], str]
) -> None:
    """Let the engine run what it is asked to on this machine, in this machine's Python."""
    script = (
        'if [ "$2" = abc ]; then shift 5; exec ' + f'{sys.executable} -I -c "$@"; fi\n'
        'export "$6"; sleep 60 & echo $! > ' + f"{tmp_path}/ours\n"
        "kill -TERM $PPID; exec sleep 5"
    )
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "CONDABOX_SESSION": "x"}) as other:
        with pytest.raises(SystemExit):
            join(engine(script))
        until_it_ends(int((tmp_path / "ours").read_text()))
        assert other.poll() is None
        other.kill()


def until_it_ends(pid: int) -> None:
    """Wait for a process that is nobody's child; who waits for ever has found a fault."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.01)
