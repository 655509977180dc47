"""A command ``ssh`` that leads to a socket of this machine, whatever it is asked to run."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_SCRIPT = """#!{python}
import json, os, socket, sys, threading

with open({calls!r}, "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
daemon = socket.socket(socket.AF_UNIX)
daemon.connect({socket!r})

def send():
    while data := os.read(0, 65536):
        daemon.sendall(data)
    daemon.shutdown(socket.SHUT_WR)

threading.Thread(target=send, daemon=True).start()
while data := daemon.recv(65536):
    os.write(1, data)
"""


class FakeSsh:
    """Stands first on PATH, and remembers how it was called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, socket: Path) -> None:
        self._command = folder / "bin" / "ssh"
        self._calls = folder / "calls"
        self._command.parent.mkdir()
        self.become(
            _SCRIPT.format(python=sys.executable, calls=str(self._calls), socket=str(socket))
        )
        monkeypatch.setenv("PATH", str(self._command.parent), prepend=os.pathsep)

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call."""
        there = self._calls.read_text() if self._calls.exists() else ""
        return [json.loads(line) for line in there.splitlines()]

    def become(self, script: str) -> None:
        """Let the command be another one."""
        self._command.write_text(script)
        self._command.chmod(0o755)
