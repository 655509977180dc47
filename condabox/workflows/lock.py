"""From environment files to their lock files, and whether the two still belong together."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from condabox.base import open_base
from condabox.conda.channels.anaconda import refuse_anaconda_channels
from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.channels.virtual_packages import DEFAULT_BASE
from condabox.conda.envfile.document import read_text
from condabox.conda.envfile.edit import edited
from condabox.conda.envfile.spec import parse_environment
from condabox.conda.lockfiles.inputs import inputs_of
from condabox.conda.lockfiles.lockfile import LockFile, lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.conda.locking.locker import LockJob, lock_environment
from condabox.errors import (
    CondaboxError,
    LockError,
    NewerLockError,
    SpecError,
    StaleLockError,
)
from condabox.files import locked, rewriting, write_atomically
from condabox.outputs.store import LocalStore
from condabox.platforms import PLATFORM_OF_SUBDIR
from condabox.reporting.lockcompare import compare_locks
from condabox.workflows.lock_check import require_platforms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.channels.channel import ChannelNames
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.events import Reporter
    from condabox.reporting.lockdiff import LockDiff
    from condabox.settings import Settings

_CUDA = "__cuda"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What the user asked for.

    ``add`` and ``remove`` are changes to the environment file itself, which is then one alone.
    ``subdirs`` are all of the environment file's where there are none.  What is locked stays where
    the environment file allows it, but for the packages that ``update`` names, for all packages
    with ``update_all`` and for the base's digest with ``update_base``.  ``solver`` is an executable
    to use instead of condabox's own solver.
    """

    environments: tuple[Path, ...]
    subdirs: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    update_all: bool = False
    update_base: bool = False
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    solver: str | None = None


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
        }


def lock(
    request: LockRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> tuple[LockResult, ...]:
    """Bring the lock file of every environment of ``request`` up to date, or make it."""
    names = read_condarc(env).channels
    changed = {path: _changed(path, request) for path in request.environments}
    specs = {path: parse_environment(text, path=path) for path, text in changed.items()}
    return tuple(
        _alone(spec, changed[path], request, names=names, settings=settings, reporter=reporter)
        for path, spec in specs.items()
    )


def _changed(path: Path, request: LockRequest) -> str:
    text = read_text(path)
    if not request.add and not request.remove:
        return text
    # with its byte order mark, where it has one
    return edited(path.read_bytes().decode(), path=path, add=request.add, remove=request.remove)


def _alone(
    spec: EnvironmentSpec,
    text: str,
    request: LockRequest,
    *,
    names: ChannelNames,
    settings: Settings,
    reporter: Reporter,
) -> LockResult:
    """Lock while no other process of this machine locks the same environment, and write."""
    path = str(lock_path(spec.path).absolute())
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    with locked(settings.cache_dir / "locks" / f"{name}.lock"):
        result, data = _lock(spec, request, names=names, settings=settings, reporter=reporter)
        if request.add or request.remove:
            # what cannot be locked is not asked for either, and what cannot be asked for not locked
            with rewriting(spec.path) as file:
                file.write(text.encode())
                _write(result, data)
        else:
            _write(result, data)
        return result


def _write(result: LockResult, data: bytes) -> None:
    if result.written:
        write_atomically(result.locked.path, data)


def _lock(
    spec: EnvironmentSpec,
    request: LockRequest,
    *,
    names: ChannelNames,
    settings: Settings,
    reporter: Reporter,
) -> tuple[LockResult, bytes]:
    """Return what the lock file is to be, and its content where that is not what it was."""
    require_platforms(spec, request.subdirs, known=spec.platforms)
    subdirs = request.subdirs or spec.platforms
    previous = _previous(spec, request, reporter=reporter)
    if request.update:
        _require_locked(request.update, previous, spec=spec)
    today = {subdir: inputs_of(spec, subdir, names=names) for subdir in subdirs}
    if not spec.image.allow_defaults:
        specs = [one for found in today.values() for some in found.conda.values() for one in some]
        refuse_anaconda_channels(spec.channels, specs, names=names, environment=spec.path)
    settings = located_channels(spec.channels, settings=settings, names=names)
    stale = {s: today[s] for s in subdirs if _is_stale(s, today[s], previous, request=request)}
    kept = set(previous.subdirs if previous else ()) & set(spec.platforms) - stale.keys()
    if previous is not None and kept - set(subdirs):
        _require_channels(spec, previous, names=names)
    base = spec.image.base or DEFAULT_BASE
    digests = _base_digests(
        base,
        sorted({*stale, *kept}),
        previous,
        refresh=frozenset(subdirs) if request.update_base else frozenset(),
        settings=settings,
        reporter=reporter,
    )
    if previous is not None and not stale:
        before = (previous.subdirs, previous.base, previous.base_digests)
        if before == (tuple(sorted(kept)), base, digests):
            return _result(spec, previous, previous), b""
    if stale:
        reporter.message(f"locking {spec.path} for {', '.join(stale)}")
    preferred, moving = _standing(stale, previous, request=request)
    job = LockJob(
        spec=spec,
        inputs=stale,
        base_digests=digests,
        previous=previous,
        kept=tuple(sorted(kept)),
        preferred=preferred,
        moving=moving,
        solver=request.solver,
    )
    made, data = lock_environment(job, settings=settings, reporter=reporter)
    return _result(spec, made, previous), data


def _result(spec: EnvironmentSpec, locked: LockFile, previous: LockFile | None) -> LockResult:
    return LockResult(
        environment=spec.path,
        locked=locked,
        diff=compare_locks(previous or LockFile.empty(locked.path), locked),
        before=previous is not None,
        written=locked is not previous,
    )


def _previous(
    spec: EnvironmentSpec, request: LockRequest, *, reporter: Reporter
) -> LockFile | None:
    """Return the lock that is there; one that cannot be read is replaced where all is locked."""
    path = lock_path(spec.path)
    if not path.exists():
        return None
    try:
        return read_lock_file(path)
    except NewerLockError:
        raise
    except LockError as error:
        if request.subdirs or request.update:
            raise
        reporter.warning(f"the lock is made anew: {error.message}")
        return None


def _require_locked(
    update: Sequence[str], previous: LockFile | None, *, spec: EnvironmentSpec
) -> None:
    """Refuse to update what is locked for no platform."""
    packages = previous.packages.values() if previous else ()
    known = {canonicalize_name(p.name) for found in packages for p in found}
    unknown = sorted(name for name in update if canonicalize_name(name) not in known)
    if unknown:
        raise SpecError(
            f"{', '.join(unknown)} is not in {lock_path(spec.path)}",
            hint=f"`condabox lock --add {unknown[0]} {spec.path}` asks for it",
        )


def _is_stale(
    subdir: str, today: LockInputs, previous: LockFile | None, *, request: LockRequest
) -> bool:
    if previous is None or request.update_all or previous.inputs.get(subdir) != today:
        return True
    return any(_moves(package, request) for package in previous.packages[subdir])


def _moves(package: LockedPackage, request: LockRequest) -> bool:
    return canonicalize_name(package.name) in map(canonicalize_name, request.update)


def _standing(
    stale: Mapping[str, LockInputs], previous: LockFile | None, *, request: LockRequest
) -> tuple[dict[str, tuple[LockedPackage, ...]], dict[str, tuple[LockedPackage, ...]]]:
    """Return, by subdir, the packages that shall stay where they can, and those that shall move."""
    preferred, moving = {}, {}
    for subdir, today in stale.items():
        if previous is None or subdir not in previous.packages or request.update_all:
            continue
        found = previous.environments[subdir].packages
        moving[subdir] = tuple(p for p in found if _moves(p, request))
        # What other channels had does not bind these, nor what was chosen for another GPU.
        before = previous.inputs.get(subdir)
        channels = before.channels if before else previous.channels
        for_gpu = before.virtual_packages.get(_CUDA) if before else None
        if channels == today.channels and for_gpu == today.virtual_packages.get(_CUDA):
            preferred[subdir] = tuple(p for p in found if not _moves(p, request))
    return preferred, moving


def _require_channels(spec: EnvironmentSpec, previous: LockFile, *, names: ChannelNames) -> None:
    """Refuse to mix platforms that were locked from different channels."""
    if previous.channels != names.canonical(spec.channels):
        raise StaleLockError(
            f"{previous.path} was made with other channels",
            hint=f"lock every platform: `condabox lock {spec.path}`",
        )


def _base_digests(
    base: str,
    subdirs: Sequence[str],
    previous: LockFile | None,
    *,
    refresh: frozenset[str],
    settings: Settings,
    reporter: Reporter,
) -> dict[str, str]:
    """Return the digests that the lock has; ``base`` is resolved for ``refresh`` and the rest."""
    known = previous.base_digests if previous is not None and previous.base == base else {}
    digests = {s: known[s] for s in subdirs if s in known and s not in refresh}
    blobs = LocalStore(settings.cache_dir).blobs
    for subdir in subdirs:
        if subdir not in PLATFORM_OF_SUBDIR or subdir in digests:
            continue
        platform = PLATFORM_OF_SUBDIR[subdir]
        try:
            found = open_base(
                base, platform=platform, settings=settings, blobs=blobs, reporter=reporter
            )
        except CondaboxError as error:
            if subdir in refresh:
                raise
            reporter.warning(f"the base is not pinned for {platform}: {error.message}")
        else:
            digests[subdir] = str(found.digest)
    return digests
