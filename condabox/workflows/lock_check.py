"""Whether environment files and their lock files still belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.lockfile import LockFile, lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.conda.lockfiles.staleness import staleness_of
from condabox.errors import CondaboxError, LockError, SpecError, StaleLockError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.channels.channel import ChannelNames
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.staleness import Staleness


@dataclass(frozen=True, slots=True, kw_only=True)
class LockCheck:
    """What a comparison of an environment file with its lock found.

    ``staleness`` is None where one of the two cannot be read; ``problem`` is None where the lock is
    current.
    """

    environment: Path
    staleness: Staleness | None
    problem: CondaboxError | None

    @property
    def stale(self) -> bool | None:
        """Whether the lock is to be made anew; None where that cannot be told."""
        return self.staleness.stale if self.staleness else None

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: every subdir with the reasons why it is stale.

        ``stale`` is null where the files cannot be compared, and then ``error`` says why.
        """
        reasons = self.staleness.reasons if self.staleness else {}
        return {
            "environment": str(self.environment),
            "path": str(lock_path(self.environment)),
            "stale": self.stale,
            "subdirs": [
                {"subdir": subdir, "stale": bool(found), "reasons": list(found)}
                for subdir, found in reasons.items()
            ],
            "error": self.problem.message if self.problem and self.stale is None else None,
        }


def check_locks(
    environments: Iterable[Path], *, subdirs: Sequence[str], env: Mapping[str, str]
) -> tuple[LockCheck, ...]:
    """Compare each of ``environments`` with its lock; what is wrong with one hides no other.

    ``subdirs`` are all of an environment file's where there are none.  Nothing is solved, and no
    network asked.
    """
    names = read_condarc(env).channels
    return tuple(_check(path, subdirs=subdirs, names=names) for path in environments)


def _check(path: Path, *, subdirs: Sequence[str], names: ChannelNames) -> LockCheck:
    try:
        spec, place = read_environment(path), lock_path(path)
        locked = read_lock_file(place) if place.exists() else LockFile.empty(place)
        require_platforms(spec, subdirs, known={*spec.platforms, *locked.subdirs})
        staleness = staleness_of(locked, spec, subdirs=subdirs, names=names)
    except CondaboxError as error:
        return LockCheck(environment=path, staleness=None, problem=error)
    problem = _stale(spec, locked, staleness) if staleness.stale else None
    return LockCheck(environment=path, staleness=staleness, problem=problem)


def require_all_current(checks: Iterable[LockCheck]) -> None:
    """Raise one error for all of ``checks`` that found a problem.

    It is a LockError where any lock has one; a file that cannot be read has its own error.  What is
    stale is told last, with one hint for all of it, and anything else with its own.
    """
    failed = [(check, check.problem) for check in checks if check.problem is not None]
    if not failed:
        return
    problems = [problem for _, problem in failed]
    if len(problems) == 1:
        raise problems[0]
    first = next((each for each in problems if isinstance(each, LockError)), problems[0])
    *others, (last, hint) = _told(failed)
    lines = [f"{text}\n  hint: {hint}" if hint else text for text, hint in others]
    raise type(first)("\n".join([*lines, last]), hint=hint)


def _told(failed: Iterable[tuple[LockCheck, CondaboxError]]) -> list[tuple[str, str | None]]:
    """Return messages with their hints."""
    stale = [(check, problem) for check, problem in failed if check.stale]
    told = [(problem.message, problem.hint) for check, problem in failed if not check.stale]
    if stale:
        files = " ".join(str(check.environment) for check, _ in stale)
        message = "\n".join(problem.message for _, problem in stale)
        told.append((message, f"run `condabox lock {files}`"))
    return told


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
    """Raise StaleLockError, with what has changed, where ``locked`` is stale for ``subdirs``."""
    staleness = staleness_of(locked, spec, subdirs=subdirs, names=names)
    if staleness.stale:
        raise _stale(spec, locked, staleness)


def _stale(spec: EnvironmentSpec, locked: LockFile, staleness: Staleness) -> StaleLockError:
    hint = f"run `condabox lock {spec.path}`"
    if not locked.digest:
        return StaleLockError(f"{locked.path} does not exist", hint=hint)
    return StaleLockError(
        "\n".join([f"{locked.path} is stale", *(f"    {line}" for line in staleness.lines)]),
        hint=hint if locked.inputs else f"{hint}, which keeps its packages where it can",
    )
