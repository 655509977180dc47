"""From environment files to their lock files."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from errno import EACCES, EPERM, EROFS
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from condabox.conda.channels.anaconda import refuse_anaconda_channels
from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.document import read_text
from condabox.conda.envfile.edit import edited
from condabox.conda.envfile.spec import parse_environment
from condabox.conda.lockfiles.inputs import inputs_of
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.conda.lockfiles.staleness import changes_of
from condabox.errors import LockError, NewerLockError, StaleLockError
from condabox.files import check_rewritable, locked, rewriting
from condabox.settings import SETTINGS_FILE
from condabox.workflows.lock_check import require_platforms
from condabox.workflows.lock_failures import Failures
from condabox.workflows.lock_plan import LockPlan, LockResult, current, lock_planned
from condabox.workflows.lock_update import names_to_update, require_known, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from condabox.conda.channels.channel import ChannelNames
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockFile
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.workflows.lock_failures import LockFailure


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


def lock(
    request: LockRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> tuple[LockResult, ...]:
    """Do all that `lock_each` does, with the same ``settings`` for every environment."""
    found = lock_each(request, settings_for=lambda _: settings, env=env, reporter=reporter)
    return tuple(each for each in found if isinstance(each, LockResult))


def lock_each(
    request: LockRequest,
    *,
    settings_for: Callable[[Path], Settings],
    env: Mapping[str, str],
    reporter: Reporter,
) -> Iterator[LockResult | LockFailure]:
    """Bring the lock file of every environment of ``request`` up to date, or make it.

    All that needs no solver is checked for all of them first.  From then on the failure of one
    keeps none of the others from its lock: a result comes as soon as its file is written, and at
    the end all failures come, and are raised as one error, of the kind of the first.
    ``settings_for`` gets the folder of an environment file.
    """
    names = read_condarc(env).channels
    names_to_update(request.update)
    settings = {path: settings_for(path.parent) for path in request.environments}

    def planned(path: Path) -> LockPlan:
        return _planned(path, request, names=names, settings=settings[path], reporter=reporter)

    failures = Failures(request.environments)
    plans: list[LockPlan] = []
    for path in request.environments:
        with failures.of(path):
            plans.append(planned(path))
    yield from failures.found
    failures.check()
    require_known(request.update, plans, reporter=reporter)
    for plan in plans:
        with failures.of(plan.spec.path):
            yield _alone(plan, again=planned, reporter=reporter)
    yield from failures.found
    failures.check()


def _planned(
    path: Path,
    request: LockRequest,
    *,
    names: ChannelNames,
    settings: Settings,
    reporter: Reporter,
) -> LockPlan:
    """Decide what is to be done for one environment; no solver is started, and no network asked."""
    seen = _seen(path)
    text = _changed(path, request)
    spec = parse_environment(text, path=path)
    require_platforms(spec, request.subdirs, known=spec.platforms)
    subdirs = request.subdirs or spec.platforms
    previous = _previous(spec, request, reporter=reporter)
    today = {subdir: inputs_of(spec, subdir, names=names) for subdir in subdirs}
    if not spec.image.allow_defaults:
        specs = [one for found in today.values() for some in found.conda.values() for one in some]
        refuse_anaconda_channels(spec.channels, specs, names=names, environment=spec.path)
    update = names_to_update(request.update)
    stale = {
        subdir: inputs
        for subdir, inputs in today.items()
        if request.update_all or _is_stale(subdir, inputs, previous, update=update)
    }
    kept = set(previous.subdirs if previous else ()) & set(spec.platforms) - stale.keys()
    if previous is not None:
        _require_channels(spec, previous, kept - set(subdirs), names=names)
    content = text.encode() if request.add or request.remove else None
    if content is not None:
        _require_rewritable(path)
    if stale:
        _require_rewritable(lock_path(path))
    preferred, moving = standing({} if request.update_all else stale, previous, update=update)
    return LockPlan(
        spec=spec,
        content=content,
        seen=seen,
        previous=previous,
        today=today,
        stale=tuple(stale),
        kept=tuple(sorted(kept)),
        preferred=preferred,
        moving=moving,
        refresh=frozenset(subdirs) if request.update_base else frozenset(),
        solver=request.solver,
        settings=located_channels(spec.channels, settings=settings, names=names),
    )


def _changed(path: Path, request: LockRequest) -> str:
    text = read_text(path)
    if not request.add and not request.remove:
        return text
    # with its byte order mark, where it has one
    return edited(path.read_bytes().decode(), path=path, add=request.add, remove=request.remove)


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


def _is_stale(
    subdir: str, today: LockInputs, previous: LockFile | None, *, update: frozenset[str]
) -> bool:
    if previous is None or subdir not in previous.packages:
        return True
    if changes_of(previous, subdir, today=today):
        return True
    return any(canonicalize_name(p.name) in update for p in previous.packages[subdir])


def _require_channels(
    spec: EnvironmentSpec, previous: LockFile, subdirs: Collection[str], *, names: ChannelNames
) -> None:
    """Refuse to keep ``subdirs`` beside others that are locked from other channels."""
    for subdir in subdirs:
        before = previous.inputs.get(subdir)
        channels = before.channels if before else previous.channels
        if channels != names.canonical(spec.channels, subdir=subdir):
            raise StaleLockError(
                f"{previous.path} was made with other channels",
                hint=f"lock every platform: `condabox lock {spec.path}`",
            )


def _alone(plan: LockPlan, *, again: Callable[[Path], LockPlan], reporter: Reporter) -> LockResult:
    """Lock while no other process of this machine locks the same environment, and write.

    The files may have changed since ``plan`` was made: then it is made ``again``.
    """
    environment = plan.spec.path
    path = os.path.realpath(lock_path(environment))
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    if _seen(environment) == plan.seen and (found := current(plan)) is not None:
        return found
    with _turn(plan.settings, name):
        if _seen(environment) != plan.seen:
            plan = again(environment)
        result, data = lock_planned(plan, reporter=reporter)
        if plan.content is None:
            _write(result, data)
        else:
            # what cannot be locked is not asked for either, and what cannot be asked for not locked
            with _explained(environment), rewriting(environment) as file:
                file.write(plan.content)
                _write(result, data)
        return result


@contextmanager
def _turn(settings: Settings, name: str) -> Iterator[None]:
    """Wait until no other process holds the lock ``name`` of this machine, and hold it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(settings.cache_dir / "locks" / f"{name}.lock"))
        except OSError as error:
            raise LockError(
                f"the cache {settings.cache_dir} cannot be written: {error.strerror}",
                hint=f"name another folder as `cache-dir` in {settings.path or SETTINGS_FILE}",
            ) from None
        yield


def _seen(environment: Path) -> tuple[object, ...]:
    """Return what tells whether the environment file or its lock has changed."""
    return tuple(map(_identity, (environment, lock_path(environment))))


def _identity(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _write(result: LockResult, data: bytes) -> None:
    if result.written:
        path = result.locked.path
        with _explained(path), rewriting(path) as file:
            file.write(data)


def _require_rewritable(path: Path) -> None:
    """Refuse, before anything is solved, what could not be written afterwards."""
    with _explained(path):
        check_rewritable(path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = None
        if error.errno in {EACCES, EPERM, EROFS}:
            hint = f"let condabox write to {os.path.realpath(path)}, and to its folder"
        raise LockError(f"{path} cannot be written: {error.strerror}", hint=hint) from None
