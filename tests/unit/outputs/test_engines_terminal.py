"""What is typed at a terminal while an engine's command runs there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.fakes.terminal import terminal

pytestmark = [
    pytest.mark.tool("sh"),
    pytest.mark.skipif(os.name != "posix", reason="these terminals are Unix's"),
]

RUN = """\
import sys
from condabox.outputs.engines import Container, run_container
container = Container(
    name="condabox-1", image="ai", command=(), publish=(), env=(), platform=None,
    typed=sys.argv[2] == "typed",
)
sys.exit(run_container(sys.argv[1], container))
"""
WAITS = "echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    return tmp_path / "docker"


def command(engine: Path, script: str, *, typed: bool = True) -> list[str]:
    """Return what runs a container with an engine that notes how it is called."""
    note = f'echo "$@" >> {engine.parent}/log; [ "$1" = run ] || exit 0'
    engine.write_text(f"#!/bin/sh\n{note}\n{script}\n")
    engine.chmod(0o755)
    return [sys.executable, "-c", RUN, str(engine), "typed" if typed else "untyped"]


def calls(engine: Path) -> list[str]:
    return [line.split()[0] for line in (engine.parent / "log").read_text().splitlines()]


def variables() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


@pytest.mark.parametrize("typed", [True, False])
def test_ctrl_c_is_for_the_engine_alone(engine: Path, *, typed: bool) -> None:
    words = command(engine, f"trap 'exit 9' INT; {WAITS}", typed=typed)

    with terminal(words, env=variables()) as screen:
        screen.wait_for("ready")
        screen.type("\x03")

    assert screen.wait() == 9
    assert calls(engine) == ["run", "rm"]


def test_a_terminal_that_is_closed_ends_it(engine: Path) -> None:
    words = command(engine, f"trap '' HUP; {WAITS}")

    with terminal(words, env=variables()) as screen:
        screen.wait_for("ready")
        screen.hang_up()

    assert screen.wait() == 129
    assert calls(engine) == ["run", "stop", "rm"]


@pytest.mark.parametrize("typed", [True, False])
def test_in_the_background_only_who_wants_to_be_typed_to_is_stopped(
    engine: Path, *, typed: bool
) -> None:
    """An engine that reads its terminal is stopped by that, until it is in the foreground."""
    reads = 'case "$*" in *--interactive*) read line;; esac; echo so it goes on; exit 5'
    inner = " ".join(f"'{word}'" for word in command(engine, reads, typed=typed)[3:])
    python = f"{sys.executable} {engine.parent}/run.py {inner}"
    (engine.parent / "run.py").write_text(RUN)
    script = f"{python} & wait $!; echo ended with $?; fg; echo fg $?"

    with terminal(["bash", "-mc", script], env=variables()) as screen:
        screen.wait_for("ended with")
        screen.type("line\n")

    said = screen.seen.decode()
    assert ("ended with 5" in said) is not typed
    assert "so it goes on" in said


@pytest.mark.parametrize(("redirected", "given"), [(True, False), (False, True)])
def test_the_container_has_a_terminal_where_somebody_sees_it(
    engine: Path, tmp_path: Path, *, redirected: bool, given: bool
) -> None:
    words = command(engine, "exit 0")

    with terminal(words, env=variables(), stdout=tmp_path / "out" if redirected else None):
        pass

    (line, _) = (tmp_path / "log").read_text().splitlines()
    assert ("--tty" in line) is given
    assert "--interactive" in line
