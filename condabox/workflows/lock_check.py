"""Whether environment files and their lock files still belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.inputs import check_lock
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.errors import LockError, SpecError, StaleLockError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.channels.channel import ChannelNames
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.lockfile import LockFile


def check_locks(
    environments: Sequence[Path], *, subdirs: Sequence[str], env: Mapping[str, str]
) -> None:
    """Raise LockError for the ``environments`` whose lock is missing or not current.

    ``subdirs`` are all of an environment file's where there are none.  Nothing is solved, and no
    network asked.
    """
    names = read_condarc(env).channels
    problems = []
    for path in environments:
        try:
            _check(path, subdirs=subdirs, names=names)
        except LockError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise StaleLockError(
            "\n".join(error.message for error in problems),
            hint=f"run `condabox lock {' '.join(map(str, environments))}`",
        )


def _check(path: Path, *, subdirs: Sequence[str], names: ChannelNames) -> None:
    spec = read_environment(path)
    locked = read_lock_file(lock_path(path))
    require_platforms(spec, subdirs, known={*spec.platforms, *locked.subdirs})
    require_current(spec, locked, subdirs=subdirs or spec.platforms, names=names)
    dropped = sorted(set(locked.subdirs) - set(spec.platforms))
    if dropped and not subdirs:
        raise _stale(spec, locked, [f"platforms: - {', '.join(dropped)}"])


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
        raise _stale(spec, locked, changes)


def _stale(spec: EnvironmentSpec, locked: LockFile, changes: Sequence[str]) -> StaleLockError:
    problem = f"{locked.path} was made from another {spec.path.name}"
    return StaleLockError(
        "\n".join([problem, *(f"    {line}" for line in changes)]),
        hint=f"run `condabox lock {spec.path}`",
    )
