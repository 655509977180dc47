"""Runs a command and tells how long it took and how much memory its processes held together."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_EVERY = 0.02
_KIB = 1024
_REPEATS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Seconds of wall-clock time, and bytes at the peak.

    ``peak`` is the proportional set size of the command, the servers that work for it, and all
    their descendants, sampled every 20 ms: pages that they share count once.
    """

    seconds: float
    peak: int


def measure(
    command: Sequence[str], *, env: Mapping[str, str], servers: Sequence[int] = ()
) -> Measurement:
    """Run ``command``, which must succeed, and measure it; its output is dropped.

    ``servers`` are process ids.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peaks = [0]
    sampler = threading.Thread(target=_sample, args=(process, servers, peaks))
    sampler.start()
    _, messages = process.communicate()
    seconds = time.perf_counter() - started
    sampler.join()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{messages}")
    return Measurement(seconds=seconds, peak=peaks[0])


def best(take: Callable[[], Measurement], *, repeats: int = _REPEATS) -> Measurement:
    """Measure several times and return the quickest: the others were disturbed."""
    return min((take() for _ in range(repeats)), key=lambda each: each.seconds)


def _sample(process: subprocess.Popen[str], servers: Sequence[int], peaks: list[int]) -> None:
    while process.poll() is None:
        family = _family(process.pid, *servers)
        peaks[0] = max(peaks[0], sum(map(_proportional_size, family)))
        time.sleep(_EVERY)


def _family(*roots: int) -> Iterable[int]:
    """Yield ``roots`` and their descendants."""
    pending = list(roots)
    while pending:
        pid = pending.pop()
        yield pid
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                pending += map(int, (task / "children").read_text().split())


def _proportional_size(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KIB
    return 0
