"""Solves what an image needs first, and around it what its development needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from condabox.conda.channels.solver import solve
from condabox.errors import SolveError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.channels.solver import PackageRecord
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedSolution:
    """The records of all specs together, and what became of those of the first stage that moved."""

    records: tuple[PackageRecord, ...]
    moved: tuple[str, ...] = ()


def solve_staged(
    specs: Sequence[str],
    *,
    main: Sequence[str],
    preferred: Sequence[str],
    channels: Sequence[str],
    subdir: str,
    virtual_packages: Mapping[str, str],
    settings: Settings,
) -> StagedSolution:
    """Solve ``main``, then ``specs``, which ``main`` is part of, without moving what came out.

    Where that cannot be, as little as possible moves, and the solution says what.  ``preferred``
    are URLs of packages that are taken again wherever that is possible.  Without ``main`` there is
    one stage.  Raise SolveError when there is no solution at all.
    """
    solved = partial(
        solve,
        channels=channels,
        subdir=subdir,
        virtual_packages=virtual_packages,
        settings=settings,
    )
    if not main:
        return StagedSolution(records=solved(specs, keep=preferred))
    first = solved(main, keep=preferred)
    keep = [*preferred, *(record.url for record in first)]
    try:
        return StagedSolution(records=solved([*specs, *map(_exactly, first)], keep=keep))
    except SolveError:
        records = solved(specs, keep=keep)
    return StagedSolution(records=records, moved=tuple(_moved(first, records)))


def _exactly(record: PackageRecord) -> str:
    return f"{record.name}[version='=={record.version}',build='{record.build}']"


def _moved(first: Iterable[PackageRecord], records: Iterable[PackageRecord]) -> Iterable[str]:
    found = {record.name: record for record in records}
    for before in first:
        after = found.get(before.name)
        if after is None:
            yield f"{before.name} {before.version} leaves"
        elif (before.version, before.build) != (after.version, after.build):
            yield f"{before.name} {before.version} {before.build} -> {after.version} {after.build}"
