"""Named pipes, by which a test knows who lives without asking for it again and again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Pipe:
    """A named pipe that a program can open for writing at once, and read to its end but once."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # without waiting for who writes
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    @property
    def hanging(self) -> str:
        """A shell script that never ends, and whose child has the pipe and all output open."""
        return f"exec 3>{self.path}; sleep 600 & wait"

    def read_all(self) -> bytes:
        """Return what was written, when nobody has the pipe open for writing any more."""
        os.set_blocking(self._reader, True)
        with os.fdopen(self._reader, "rb") as file:
            return file.read()
