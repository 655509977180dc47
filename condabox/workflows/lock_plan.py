"""What is to be locked for one environment file, and how that is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.base import open_first
from condabox.conda.lockfiles.base_choice import BasePins, base_names, is_settled
from condabox.conda.lockfiles.lockfile import LockFile, lock_path
from condabox.conda.locking.locker import LockJob, lock_environment, repinned
from condabox.errors import CondaboxError
from condabox.outputs.store import LocalStore
from condabox.platforms import PLATFORM_OF_SUBDIR
from condabox.reporting.lockcompare import compare_locks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.events import Reporter
    from condabox.reporting.lockdiff import LockDiff
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlan:
    """What is to be done for one environment file.

    ``today`` has what its lock would be made from now, by subdir, of those that are asked for.  The
    ``stale`` ones of them are to be solved, and the subdirs ``kept`` of ``previous``, the lock
    before, stay as they are.  Of the packages of stale subdirs those ``preferred`` stay where they
    can and those ``moving`` go as far as they can.  The base's digest is resolved anew for the
    subdirs ``refresh``.  ``content`` is what the environment file is to be, where it changes, and
    ``seen`` identifies what it and the lock were.
    """

    spec: EnvironmentSpec
    content: bytes | None
    seen: tuple[object, ...]
    previous: LockFile | None
    today: Mapping[str, LockInputs]
    stale: tuple[str, ...]
    kept: tuple[str, ...]
    preferred: Mapping[str, tuple[LockedPackage, ...]]
    moving: Mapping[str, tuple[LockedPackage, ...]]
    refresh: frozenset[str]
    solver: str | None
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockResult:
    """One lock file, and how it differs from the one before.

    ``written`` tells whether it had to be; ``before`` whether there was one.
    """

    environment: Path
    locked: LockFile
    diff: LockDiff
    before: bool
    written: bool

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints; digests and numbers of packages are by subdir."""
        return {
            "environment": str(self.environment),
            "path": str(self.locked.path),
            "written": self.written,
            "base": self.locked.base,
            "base_digests": dict(self.locked.base_digests),
            "packages": {
                subdir: len(found.packages) for subdir, found in self.locked.environments.items()
            },
            "changes": self.diff.to_json(),
            "error": None,
        }


def current(plan: LockPlan) -> LockResult | None:
    """Return the result where nothing is to be done, which takes neither network nor the cache."""
    previous = plan.previous
    if previous is None or plan.stale or plan.content is not None:
        return None
    names = base_names(plan.spec.image, previous.prod_of_images)
    same = (previous.subdirs, previous.base) == (plan.kept, _kept_name(plan, names))
    if same and all(_stays(plan, subdir) for subdir in _images(plan)):
        return _result(plan, previous)
    return None


def lock_planned(plan: LockPlan, *, reporter: Reporter) -> tuple[LockResult, bytes]:
    """Return what the lock file is to be, and its content where that is not what it was."""
    found = current(plan)
    if found is not None:
        return found, b""
    previous = plan.previous
    image = plan.spec.image
    # Which base the packages need is known now, unless some are to be solved that have a say in it.
    early = is_settled(image) or not plan.stale
    pins = BasePins()
    if early:
        pins = _pins(plan, base_names(image, _previous(plan).prod_of_images), reporter=reporter)
    if previous is not None and not plan.stale and _has(previous, plan, pins):
        return _result(plan, previous), b""
    if plan.stale:
        reporter.message(f"locking {plan.spec.path} for {', '.join(plan.stale)}")
    job = LockJob(
        spec=plan.spec,
        inputs={subdir: plan.today[subdir] for subdir in plan.stale},
        base=pins,
        previous=previous,
        kept=plan.kept,
        preferred=plan.preferred,
        moving=plan.moving,
        solver=plan.solver,
    )
    made, data = lock_environment(job, settings=plan.settings, reporter=reporter)
    if not early:
        pins = _pins(plan, base_names(image, made.prod_of_images), reporter=reporter)
        made, data = repinned(made, data, spec=plan.spec, base=pins)
    return _result(plan, made), data


def _has(previous: LockFile, plan: LockPlan, pins: BasePins) -> bool:
    """Say whether ``previous`` tells the base ``pins`` already, and for no other subdirs."""
    before = (previous.subdirs, previous.base, previous.base_digests)
    proven = set(_images(plan)) - pins.unproven
    return before == (plan.kept, pins.name, pins.digests) and proven <= previous.pinned


def _result(plan: LockPlan, locked: LockFile) -> LockResult:
    return LockResult(
        environment=plan.spec.path,
        locked=locked,
        diff=compare_locks(plan.previous or LockFile.empty(locked.path), locked),
        before=plan.previous is not None,
        written=locked is not plan.previous,
    )


def _pins(plan: LockPlan, names: Sequence[str], *, reporter: Reporter) -> BasePins:
    """Return the base that the lock has; it is resolved where there is none to keep."""
    previous = _previous(plan)
    chosen = _kept_name(plan, names)
    digests: dict[str, str] = {}
    unproven: set[str] = set()
    for subdir in _images(plan):
        if chosen is not None and chosen == previous.base and _stays(plan, subdir):
            digests |= {s: d for s, d in previous.base_digests.items() if s == subdir}
            unproven |= {subdir} - previous.pinned
            continue
        platform = PLATFORM_OF_SUBDIR[subdir]
        try:
            # All platforms have the one that the first has.
            chosen, found = open_first(
                names if chosen is None else [chosen],
                platform=platform,
                settings=plan.settings,
                blobs=LocalStore(plan.settings.cache_dir).blobs,
                reporter=reporter,
            )
        except CondaboxError as error:
            if subdir in plan.refresh:
                raise
            reporter.warning(f"the base is not pinned for {platform}: {error.message}")
        else:
            digests[subdir] = str(found.digest)
    return BasePins(name=chosen, digests=digests, unproven=frozenset(unproven))


def _previous(plan: LockPlan) -> LockFile:
    return plan.previous or LockFile.empty(lock_path(plan.spec.path))


def _images(plan: LockPlan) -> list[str]:
    """Return the subdirs of the lock that is to be which have a base."""
    return sorted({*plan.stale, *plan.kept} & PLATFORM_OF_SUBDIR.keys())


def _kept_name(plan: LockPlan, names: Sequence[str]) -> str | None:
    """Return what the base is called whatever a registry says; None where one has to be asked."""
    if len(names) == 1:
        return names[0]
    previous = _previous(plan)
    # a name that no platform's seal vouches for may be anybody's
    return (
        previous.base if previous.base in names and previous.pinned and not plan.refresh else None
    )


def _stays(plan: LockPlan, subdir: str) -> bool:
    """Say whether ``subdir`` keeps what the lock has of its base, where that is still the base."""
    previous = _previous(plan)
    if subdir in plan.kept and subdir not in plan.today:
        return True  # nobody asked for it; what was changed by hand stays stale
    known = subdir in previous.pinned and subdir in previous.base_digests
    return known and subdir not in plan.refresh
