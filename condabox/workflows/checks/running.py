"""Runs checks side by side, none for longer than its time, and none so that another one fails."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import condabox
from condabox.conda.channels.access import redacted
from condabox.errors import CondaboxError
from condabox.reporting.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from condabox.reporting.findings import Group

PATIENCE = 8.0
"""Seconds for one address or one program."""

LONGEST = PATIENCE + 4.0
"""Seconds for a check that asks several."""

_ROOT = Path(condabox.__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something to look at.

    Where it gives no answer, ``late`` says what to do, and ``place`` what did not give it, if the
    name does not tell.
    """

    group: Group
    name: str
    run: Callable[[], Iterable[Finding]]
    late: str
    place: str = ""


def run_checks(checks: Sequence[Check], *, seconds: float) -> tuple[Finding, ...]:
    """Return what all of ``checks`` find, in their order.

    What goes wrong is a finding, too: an error of ours, one that nobody thought of, or an answer
    that does not come in ``seconds``.  No finding has credentials in it.
    """
    futures = [Future[tuple[Finding, ...]]() for _ in checks]
    until = time.monotonic() + seconds
    for check, future in zip(checks, futures, strict=True):
        # No thread keeps the program from ending, not even one that waits for a name server.
        threading.Thread(target=_work, args=(check, future), name=check.name, daemon=True).start()
    wait(futures, timeout=max(0.0, until - time.monotonic()))
    return tuple(
        _without_secrets(finding)
        for check, future in zip(checks, futures, strict=True)
        for finding in (future.result() if future.done() else (_late(check, seconds),))
    )


def _work(check: Check, future: Future[tuple[Finding, ...]]) -> None:
    try:
        future.set_result(tuple(check.run()))
    except CondaboxError as error:
        hint = error.hint or check.late
        future.set_result((Finding.problem(check.group, check.name, error.message, hint=hint),))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        detail = f"{where}{error.strerror or type(error).__name__}"
        future.set_result((Finding.problem(check.group, check.name, detail, hint=check.late),))
    except Exception as error:  # noqa: BLE001  (a doctor who faints helps nobody)
        # its message may quote what it was given
        detail = f"the check failed with {type(error).__name__}, at {_place(error)}"
        hint = "this is a bug in condabox; please report it with this line"
        future.set_result((Finding.problem(check.group, check.name, detail, hint=hint),))


def _late(check: Check, seconds: float) -> Finding:
    detail = f"{check.place} gave no answer in {seconds:.0f} seconds".lstrip()
    return Finding.problem(check.group, check.name, detail, hint=check.late)


def _place(error: Exception) -> str:
    """Return the last line of condabox's own that an error came through."""
    trace, place = error.__traceback__, "an unknown place"
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_ROOT):
            place = f"{path.relative_to(_ROOT.parent)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _without_secrets(finding: Finding) -> Finding:
    hint = None if finding.hint is None else redacted(finding.hint)
    name, detail = redacted(finding.name), redacted(finding.detail)
    return replace(finding, name=name, detail=detail, hint=hint)
