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

_FAREWELL = 1.0
"""Seconds that an interrupted program waits for threads which tidy up."""


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
        for number in range(min(at_once, len(jobs))):
            # No thread keeps the program from ending, not even one that waits for a name server.
            thread = threading.Thread(
                target=_work, args=(waiting,), name=f"{name}-{number}", daemon=True
            )
            thread.start()
            threads.append(thread)
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


def _join(threads: Sequence[threading.Thread], *, until: float) -> None:
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _work(waiting: deque[tuple[Callable[[], None], Future[None]]]) -> None:
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
