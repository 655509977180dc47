"""What a long operation tells while it runs, without knowing who listens."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: int) -> None:
        """Add ``amount`` units to what is done."""


class Reporter(Protocol):
    """Receives progress and messages.  Methods may be called from several threads."""

    def task(self, description: str, *, total: int | None) -> AbstractContextManager[Task]:
        """Announce work of ``total`` bytes (None: not known) for as long as the context is open."""

    def message(self, text: str) -> None:
        """Say what happens, for people."""

    def warning(self, text: str) -> None:
        """Say what the user should know but need not act on at once."""


class SilentTask:
    """Work that nobody watches."""

    def advance(self, amount: int) -> None:
        """Ignore it."""


class SilentReporter:
    """For library use and tests: nobody listens."""

    @contextmanager
    def task(self, description: str, *, total: int | None) -> Iterator[Task]:  # noqa: ARG002
        """Ignore it."""
        yield SilentTask()

    def message(self, text: str) -> None:
        """Ignore it."""

    def warning(self, text: str) -> None:
        """Ignore it."""
