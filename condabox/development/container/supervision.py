"""Runs the container's services: all of them, or none."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.development.container.words import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PATIENCE = 1.5
"""Seconds that services have for their end, of the two in which a container shall stop."""
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""What other programs expect to end them."""
_STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_AWAITED = _STOP | {signal.SIGCHLD}
_BY_SIGNAL = 128
_ENDED = 1
"""For a service that says that it ended well: none does as long as it is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A program that runs as long as the container does, with its whole environment."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]


def supervise(services: Sequence[Service], *, patience: float = PATIENCE) -> int:
    """Run ``services`` until one of them ends or a signal asks for it; return what to end with.

    Then each is told to end, and killed after ``patience`` seconds with all that it has started in
    its process group.  The status is that of the service that ended first, or 128 and the number of
    the signal, as shells have it.  Where one cannot even start, that is said, and it is 1.
    """
    # before the first of them starts: none can end unseen
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    running: dict[int, str] = {}
    status = 0
    deadline: float | None = None
    for service in services:
        try:
            running[_started(service)] = service.name
        except OSError as error:
            say(f"{service.name} cannot start: {service.command[0]}: {error.strerror}")
            status = _ENDED
            deadline = _told_to_end(running, patience=patience)
            break
    while running:
        received = _awaited(deadline)
        if received is None:
            for pid in running:
                _kill_group(pid)
            deadline = time.monotonic() + patience
            continue
        ended = _reaped(running) if received == signal.SIGCHLD else ()
        if deadline is None and (ended or received in _STOP):
            status = _first_of(ended) if ended else _BY_SIGNAL + received
            deadline = _told_to_end(running, patience=patience)
    return status


def _started(service: Service) -> int:
    return os.posix_spawn(
        service.command[0],
        service.command,
        service.env,
        setsid=True,  # what is typed at a terminal, or sent to a group, is for us to pass on
        setsigmask=(),
        setsigdef=IGNORED_BY_PYTHON,
    )


def _told_to_end(running: Iterable[int], *, patience: float) -> float:
    """Return the time at which they have to have ended."""
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    return time.monotonic() + patience


def _awaited(deadline: float | None) -> int | None:
    """Return the number of the next signal, None where the time is over before there is one."""
    if deadline is None:
        return signal.sigwaitinfo(_AWAITED).si_signo
    received = signal.sigtimedwait(_AWAITED, max(0.0, deadline - time.monotonic()))
    return received.si_signo if received else None


def _reaped(running: dict[int, str]) -> tuple[tuple[str, int], ...]:
    """Take those that have ended out of ``running``; return them with their statuses."""
    ended = []
    with suppress(ChildProcessError):  # there are no more children at all
        # one signal may stand for several ends
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            # Until it is waited for, nobody else can have its number, nor its group's.
            if found.si_pid in running:
                _kill_group(found.si_pid)
            code = os.waitstatus_to_exitcode(os.waitpid(found.si_pid, 0)[1])
            if name := running.pop(found.si_pid, None):
                ended.append((name, code if code >= 0 else _BY_SIGNAL - code))
    return tuple(ended)


def _first_of(ended: Sequence[tuple[str, int]]) -> int:
    name, status = ended[0]
    if status:
        say(f"{name} ended with status {status}, and so does the container")
        return status
    say(f"{name} ended of itself, and so does the container, with status {_ENDED}")
    return _ENDED


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
