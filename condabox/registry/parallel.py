"""Several transfers at a time, which end together when one of them fails or the user wants to."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from condabox.registry.transport import Transport

    _Waiting = deque[tuple[Callable[[], None], Future[None]]]

_FAREWELL = 1.0
"""Seconds that an interrupted program waits for threads which end."""
_LAST_WORDS = 2.0
"""Seconds that it takes to say that what was begun is given up."""


def run_all(
    jobs: Sequence[Callable[[], None]], *, at_once: int, transport: Transport, name: str
) -> None:
    """Do all of ``jobs``, ``at_once`` of them at a time.

    The first that fails ends the others, and its error is raised; all of them use ``transport``.
    """
    waiting = deque((job, Future[None]()) for job in jobs)
    futures = [future for _, future in waiting]
    threads: list[threading.Thread] = []
    try:
        _start(threads, waiting, number=min(at_once, len(jobs)), name=name)
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            if future.done():
                future.result()
    except BaseException as error:
        waiting.clear()
        transport.stop()
        if isinstance(error, Exception):
            for thread in threads:
                thread.join()
            transport.resume()
        else:
            _join(threads, until=time.monotonic() + _FAREWELL)
        raise


def say_farewell(
    jobs: Sequence[Callable[[], None]], *, at_once: int, transport: Transport, name: str
) -> None:
    """Do of ``jobs``, which tidy up after a failure or an interrupt, what seconds are enough for.

    ``transport``, which may have been stopped, works again; it is stopped for good where a job
    would not end.
    """
    waiting = deque((job, Future[None]()) for job in jobs)
    threads: list[threading.Thread] = []
    transport.resume()
    try:
        _start(threads, waiting, number=min(at_once, len(jobs)), name=name)
        _join(threads, until=time.monotonic() + _LAST_WORDS)
    finally:
        waiting.clear()
        if any(thread.is_alive() for thread in threads):
            transport.stop()


def _start(threads: list[threading.Thread], waiting: _Waiting, *, number: int, name: str) -> None:
    """Add to ``threads``, one by one, as many as do what is ``waiting``."""
    for each in range(number):
        # No thread keeps the program from ending, not even one that waits for a name server.
        thread = threading.Thread(target=_work, args=(waiting,), name=f"{name}-{each}", daemon=True)
        thread.start()
        threads.append(thread)


def _join(threads: Sequence[threading.Thread], *, until: float) -> None:
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _work(waiting: _Waiting) -> None:
    while True:
        try:
            job, future = waiting.popleft()
        except IndexError:
            return
        try:
            job()
        except BaseException as error:  # noqa: BLE001  (raised again by who waits)
            waiting.clear()
            future.set_exception(error)
        else:
            future.set_result(None)
