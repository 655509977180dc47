"""Solves match specs to package records, with py-rattler in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from condabox.conda.channels.channel import candidates, without_credentials
from condabox.conda.channels.worker import ask_worker
from condabox.errors import SolveError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecord:
    """One concrete package from a channel's repodata, with canonical URLs.

    ``size`` is in bytes, ``timestamp`` in milliseconds; both are 0 where repodata does not tell.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    channel: str
    url: str
    filename: str
    sha256: str
    md5: str
    size: int
    timestamp: int
    depends: tuple[str, ...]
    constrains: tuple[str, ...]


def solve(
    specs: Iterable[str],
    *,
    channels: Sequence[str],
    subdir: str,
    virtual_packages: Mapping[str, str],
    settings: Settings,
    keep: Iterable[str] = (),
) -> tuple[PackageRecord, ...]:
    """Return the records that satisfy ``specs``, sorted by name.

    ``channels`` are URLs, first one first; mirrors of theirs are asked before them.  ``keep`` are
    canonical URLs of packages that are taken again wherever that is possible.  Raise SolveError,
    with the solver's own explanation, when there is no solution.
    """
    request = {
        "specs": list(specs),
        "channels": [channel_sources(channel, settings.channel_mirrors) for channel in channels],
        "subdir": subdir,
        "virtual_packages": dict(virtual_packages),
        "keep": sorted(keep),
        "cache": str(settings.cache_dir / "repodata"),
    }
    answer = ask_worker(
        "condabox.conda.channels.solver_worker", request, error=SolveError, task="the solver"
    )
    records = (_record(found) for found in answer["records"])
    return tuple(sorted(records, key=lambda record: record.name))


def channel_sources(channel: str, mirrors: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Return a channel's canonical URL and where to look for it; credentials only in the latter."""
    canonical = without_credentials(channel)
    return {"canonical": canonical, "sources": [*candidates(canonical, mirrors)[:-1], channel]}


def _record(found: Mapping[str, object]) -> PackageRecord:
    values = {field.name: found[field.name] for field in fields(PackageRecord)}
    for name in ("depends", "constrains"):
        values[name] = tuple(found[name])  # type: ignore[arg-type]  # the worker sends lists
    return PackageRecord(**values)  # type: ignore[arg-type]  # made by the worker, field by field
