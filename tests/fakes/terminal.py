"""A terminal, and a program that runs at it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(slots=True, kw_only=True)
class Terminal:
    """What a program that leads a session of its own has as its terminal."""

    pid: int
    descriptor: int
    seen: bytes = b""
    _statuses: list[int] = field(default_factory=list)

    def wait_for(self, text: str) -> None:
        """Read until the program, which must not end before, has shown ``text``."""
        while text.encode() not in self.seen:
            assert self._read(), self.seen.decode(errors="replace")

    def type(self, text: str) -> None:
        """Let the program read ``text``, or get the signal that its character stands for."""
        os.write(self.descriptor, text.encode())

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self.descriptor)
        self.descriptor = -1

    def wait(self) -> int:
        """Return the program's exit status when it ends, less than zero if a signal ended it."""
        if not self._statuses:
            while self.descriptor >= 0 and self._read():
                continue
            _, status = os.waitpid(self.pid, 0)
            self._statuses.append(os.waitstatus_to_exitcode(status))
        return self._statuses[0]

    def _read(self) -> bool:
        try:
            data = os.read(self.descriptor, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self.seen += data
        return bool(data)


@contextmanager
def terminal(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: Path | None = None,
) -> Iterator[Terminal]:
    """Run ``command``, which is waited for; what it prints goes to ``stdout`` if that is given."""
    pid, descriptor = os.forkpty()
    if pid == 0:
        try:
            if cwd is not None:
                os.chdir(cwd)
            if stdout is not None:
                os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT, 0o600), 1)
            os.execvpe(command[0], list(command), dict(os.environ if env is None else env))  # noqa: S606
        finally:
            os._exit(127)
    found = Terminal(pid=pid, descriptor=descriptor)
    try:
        yield found
    finally:
        found.wait()
        if found.descriptor >= 0:
            found.hang_up()
