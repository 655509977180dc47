"""Programs that join a container which runs already, as ``docker exec`` has it."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from condabox import process
from condabox.development.places import TOOLS
from condabox.errors import BackendError
from condabox.outputs.engines import is_podman
from condabox.outputs.interrupts import Interrupts, has_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS_TO_LIST = 60.0
_SECONDS_TO_HANG_UP = 10.0
_MARK = "CONDABOX_SESSION"
_HANG_UP = """\
import os, signal, sys
for name in filter(str.isdecimal, os.listdir("/proc")):
    try:
        with open(f"/proc/{name}/environ", "rb") as file:
            if sys.argv[1].encode() in file.read().split(b"\\0"):
                os.kill(int(name), signal.SIGHUP)
                os.kill(int(name), signal.SIGCONT)
    except OSError:
        pass  # it has ended, or is somebody else's
"""
"""What a terminal does when it is closed: to a program that was stopped, too."""


def running_containers(engine: str, label: str) -> tuple[str, ...]:
    """Return the IDs of all running containers with ``label``, ``NAME=value``: the newest first."""
    command = [engine, "ps", "--filter", f"label={label}", "--format", "{{.ID}}"]
    found = process.run(command, seconds=_SECONDS_TO_LIST).stdout.decode(errors="replace").split()
    return tuple(reversed(found) if is_podman(engine) else found)


def join_container(engine: str, container: str, *, command: Sequence[str], folder: str) -> int:
    """Run ``command`` in a development container that runs, on this process's own terminal.

    It starts in ``folder``.  Return its exit status.  Engines let it go on when they are ended
    themselves; so when a signal ends us or them, it is told that its terminal is gone.
    """
    mark = f"{_MARK}={secrets.token_hex(8)}"
    terminal = ["--tty"] if has_terminal() and os.isatty(1) else []
    options = ["--interactive", *terminal, "--workdir", folder, "--env", mark]
    with Interrupts() as interrupts:
        try:
            status = process.attach([engine, "exec", *options, container, *command])
        except (KeyboardInterrupt, SystemExit):
            interrupts.hold()
            _hang_up(engine, container, mark)
            raise
        if status < 0:
            interrupts.hold()
            _hang_up(engine, container, mark)
    return status if status >= 0 else 128 - status


def _hang_up(engine: str, container: str, mark: str) -> None:
    python = [f"{TOOLS}/bin/python", "-I", "-c", _HANG_UP, mark]
    try:
        process.attempt([engine, "exec", container, *python], seconds=_SECONDS_TO_HANG_UP)
    except BackendError:
        return  # we are asked to end, and do
