"""From environment files to their lock files, and whether the two still belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.base import open_base
from condabox.conda.condarc import read_condarc
from condabox.conda.inputs import check_lock, inputs_of, package_of
from condabox.conda.locker import LockJob, lock_environment, lock_path
from condabox.conda.lockreader import read_lock_file
from condabox.conda.spec import read_environment
from condabox.conda.virtual_packages import DEFAULT_BASE
from condabox.errors import CondaboxError, LockError, SpecError, StaleLockError
from condabox.outputs.store import LocalStore
from condabox.platforms import PLATFORM_OF_SUBDIR

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.channels import ChannelNames
    from condabox.conda.inputs import LockInputs
    from condabox.conda.lockfile import LockFile
    from condabox.conda.spec import EnvironmentSpec
    from condabox.events import Reporter
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What the user asked for.

    ``subdirs`` are all of the environment file's where there are none.  ``update`` names the
    packages that may move; where it names none, all do.  ``solver`` is an executable to use
    instead of condabox's own solver.
    """

    environments: tuple[Path, ...]
    subdirs: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    solver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package whose version or build is another than before; None where it is not there."""

    name: str
    manager: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSubdir:
    """What was locked for one subdir, and how that differs from the lock before."""

    subdir: str
    packages: int
    changes: tuple[PackageChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockResult:
    """One lock file that was written.  ``base_digests`` are by subdir."""

    environment: Path
    path: Path
    base: str
    base_digests: Mapping[str, str]
    subdirs: tuple[LockedSubdir, ...]


def lock(
    request: LockRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> tuple[LockResult, ...]:
    """Lock every environment of ``request`` anew and write the lock files beside them."""
    names = read_condarc(env).channels
    specs = [read_environment(path) for path in request.environments]
    return tuple(
        _lock(spec, request, names=names, settings=settings, reporter=reporter) for spec in specs
    )


def check_locks(request: LockRequest, *, env: Mapping[str, str]) -> None:
    """Raise StaleLockError for the first environment of ``request`` whose lock is not current.

    Raise LockError for one that was not locked at all.  Nothing is solved, and no network asked.
    """
    names = read_condarc(env).channels
    for path in request.environments:
        spec = read_environment(path)
        locked = read_lock_file(lock_path(path))
        require_platforms(spec, request.subdirs, known={*spec.platforms, *locked.subdirs})
        require_current(spec, locked, subdirs=request.subdirs or spec.platforms, names=names)


def require_platforms(
    spec: EnvironmentSpec, subdirs: Sequence[str], *, known: Collection[str]
) -> None:
    """Refuse what no `condabox lock` would add to the lock file."""
    for subdir in subdirs:
        if subdir not in known:
            raise SpecError(
                f"{spec.path} is not for {subdir}, only for {', '.join(spec.platforms)}",
                hint=f"add {subdir} to `platforms:` and run `condabox lock {spec.path}`",
            )


def require_current(
    spec: EnvironmentSpec, locked: LockFile, *, subdirs: Sequence[str], names: ChannelNames
) -> None:
    """Raise StaleLockError, with what has changed, when ``locked`` is not made from ``spec``."""
    changes = check_lock(spec, locked, subdirs=subdirs, names=names)
    if changes:
        raise StaleLockError(
            _told(f"{locked.path} was made from another {spec.path.name}", changes),
            hint=f"run `condabox lock {spec.path}`",
        )


def _lock(
    spec: EnvironmentSpec,
    request: LockRequest,
    *,
    names: ChannelNames,
    settings: Settings,
    reporter: Reporter,
) -> LockResult:
    subdirs = request.subdirs or spec.platforms
    previous = _previous(spec, required=bool(request.update))
    others = set(previous.subdirs if previous else ()) & set(spec.platforms) - set(subdirs)
    keep = previous if request.update or others else None
    if keep is not None:
        _check_kept(spec, keep, others=others, names=names)
        _check_update(spec, keep, request.update, subdirs=subdirs, names=names)
    base = spec.image.base or DEFAULT_BASE
    digests = _base_digests(base, subdirs, previous, settings=settings, reporter=reporter)
    reporter.message(f"locking {spec.path} for {', '.join(subdirs)}")
    job = LockJob(
        spec=spec,
        subdirs=tuple(subdirs),
        names=names,
        base_digests=digests,
        keep=keep,
        update=request.update,
        solver=request.solver,
    )
    made = lock_environment(job, settings=settings, reporter=reporter)
    return LockResult(
        environment=spec.path,
        path=made.path,
        base=base,
        base_digests=made.base_digests,
        subdirs=tuple(_summary(subdir, made, previous) for subdir in made.subdirs),
    )


def _previous(spec: EnvironmentSpec, *, required: bool) -> LockFile | None:
    """Return the lock that is there; one that cannot be read is replaced, but not updated."""
    path = lock_path(spec.path)
    if not required and not path.exists():
        return None
    try:
        return read_lock_file(path)
    except LockError:
        if required:
            raise
        return None


def _check_kept(
    spec: EnvironmentSpec, keep: LockFile, *, others: set[str], names: ChannelNames
) -> None:
    """Refuse to mix platforms that were locked from different channels or for different bases."""
    base = spec.image.base or DEFAULT_BASE
    changed = []
    if keep.channels != names.canonical(spec.channels):
        changed.append("channels")
    if others and keep.base not in {None, base}:
        changed.append("base")
    if changed:
        raise StaleLockError(
            f"{keep.path} was made with other {' and another '.join(changed)}",
            hint=f"lock everything: `condabox lock {spec.path}`",
        )


def _check_update(
    spec: EnvironmentSpec,
    keep: LockFile,
    update: Sequence[str],
    *,
    subdirs: Sequence[str],
    names: ChannelNames,
) -> None:
    """Refuse to update what is not locked, or past changes that concern other packages."""
    if not update:
        return
    for subdir in subdirs:
        locked = (
            {p.name for p in keep.environments[subdir].packages}
            if subdir in keep.packages
            else set()
        )
        unknown = sorted(set(update) - locked)
        if unknown:
            raise SpecError(f"{', '.join(unknown)} is not in {keep.path} for {subdir}")
        old = keep.inputs.get(subdir)
        if old is not None:
            new = inputs_of(spec, subdir, names=names)
            _check_inputs(spec, keep, old, new, update=update, names=names)


def _check_inputs(
    spec: EnvironmentSpec,
    keep: LockFile,
    old: LockInputs,
    new: LockInputs,
    *,
    update: Sequence[str],
    names: ChannelNames,
) -> None:
    asked_before, asked_now = _requirements(old), _requirements(new)
    moved = {package_of(text) for text in asked_before ^ asked_now}
    if old.virtual_packages != new.virtual_packages or not moved <= set(update):
        raise StaleLockError(
            _told(
                f"{keep.path} was made from another {spec.path.name}",
                check_lock(spec, keep, subdirs=keep.subdirs, names=names),
            ),
            hint=f"lock everything: `condabox lock {spec.path}`",
        )


def _requirements(inputs: LockInputs) -> set[str]:
    every = (*inputs.conda.values(), *inputs.pip.values())
    return {text for requirements in every for text in requirements}


def _told(problem: str, changes: Sequence[str]) -> str:
    return "\n".join([problem, *(f"    {line}" for line in changes)])


def _base_digests(
    base: str,
    subdirs: Sequence[str],
    previous: LockFile | None,
    *,
    settings: Settings,
    reporter: Reporter,
) -> dict[str, str]:
    """Resolve ``base`` for each platform; one that cannot be reached keeps the digest it had."""
    blobs = LocalStore(settings.cache_dir).blobs
    known = previous.base_digests if previous is not None and previous.base == base else {}
    digests: dict[str, str] = {}
    for subdir in subdirs:
        if subdir not in PLATFORM_OF_SUBDIR:
            continue
        platform = PLATFORM_OF_SUBDIR[subdir]
        try:
            found = open_base(
                base, platform=platform, settings=settings, blobs=blobs, reporter=reporter
            )
        except CondaboxError as error:
            reporter.warning(f"the base is not pinned for {platform}: {error.message}")
            if subdir in known:
                digests[subdir] = known[subdir]
        else:
            digests[subdir] = str(found.digest)
    return digests


def _summary(subdir: str, made: LockFile, previous: LockFile | None) -> LockedSubdir:
    now = _versions(made, subdir)
    then = _versions(previous, subdir) if previous and subdir in previous.packages else {}
    changes = tuple(
        PackageChange(
            name=name,
            manager=manager,
            before=then.get((manager, name)),
            after=now.get((manager, name)),
        )
        for manager, name in sorted({*now, *then})
        if then.get((manager, name)) != now.get((manager, name))
    )
    return LockedSubdir(subdir=subdir, packages=len(now), changes=changes)


def _versions(locked: LockFile, subdir: str) -> dict[tuple[str, str], str]:
    packages = locked.environments[subdir].packages
    return {(p.manager, p.name): f"{p.version} {p.build}".strip() for p in packages}
