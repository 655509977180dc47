"""What goes wrong with some of several environment files, told when the others are done."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import lock_path
from condabox.errors import CondaboxError, LockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFailure:
    """An environment that got no lock, and why."""

    environment: Path
    error: CondaboxError

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: what every result has, as far as it is known."""
        return {
            "environment": str(self.environment),
            "path": str(lock_path(self.environment)),
            "written": False,
            "error": self.error.message,
        }


class Failures:
    """Collects the errors of ``environments``, which may be one alone."""

    def __init__(self, environments: Sequence[Path]) -> None:
        self._several = len(environments) > 1
        self._found: list[LockFailure] = []

    @property
    def found(self) -> tuple[LockFailure, ...]:
        """What was kept until now."""
        return tuple(self._found)

    @contextmanager
    def of(self, environment: Path) -> Iterator[None]:
        """Keep the error that ends the context; a fault of the system is one, too."""
        try:
            yield
        except CondaboxError as error:
            self._found.append(LockFailure(environment=environment, error=error))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            problem = f"{lock_path(environment)} cannot be made: {where}{error.strerror or error}"
            self._found.append(LockFailure(environment=environment, error=LockError(problem)))

    def check(self) -> None:
        """Raise what was kept as one error, which is of the first one's kind."""
        if not self._found:
            return
        first = self._found[0].error
        if not self._several:
            raise first
        concerned: dict[tuple[str, str | None], list[Path]] = {}
        for failure in self._found:
            told_once = (failure.error.message, failure.error.hint)
            concerned.setdefault(told_once, []).append(failure.environment)
        told = [(_named(text, files), hint) for (text, hint), files in concerned.items()]
        *before, (last, hint) = told
        lines = [f"{text}\n  hint: {hint}" if hint else text for text, hint in before]
        raise type(first)("\n".join([*lines, last]), hint=hint) from None


def _named(message: str, environments: Sequence[Path]) -> str:
    """Return ``message`` with the files in front, where it does not begin with one."""
    if any(message.startswith((str(path), str(lock_path(path)))) for path in environments):
        return message
    return f"{', '.join(map(str, environments))}: {message}"
