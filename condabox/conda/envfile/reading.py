"""Checked values out of an environment file, and all that is wrong with it at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from condabox.decode import DecodeError, each, join, mapping, reject_unknown, sequence, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from condabox.decode import JSON

T = TypeVar("T")


class FieldError(DecodeError):
    """Something wrong at the dotted path ``at``, and what to do about it."""

    def __init__(self, problem: str, *, at: str, hint: str | None = None) -> None:
        super().__init__(problem, at=at)
        self.hint = hint


class Problems:
    """Collects what is wrong in one document, so that one error can tell it all."""

    def __init__(self) -> None:
        self._found: list[DecodeError] = []

    @property
    def found(self) -> tuple[DecodeError, ...]:
        """The problems, in the order in which they were met."""
        return tuple(self._found)

    def add(self, error: DecodeError) -> None:
        """Remember one more problem."""
        self._found.append(error)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Remember the problem that ends the context early, and go on behind it."""
        try:
            yield
        except DecodeError as error:
            self.add(error)

    def read(self, value: object, read: Callable[[object, str], T], default: T, *, at: str) -> T:
        """Return ``read(value, at)``, or remember its problem and return ``default``."""
        try:
            return read(value, at)
        except DecodeError as error:
            self.add(error)
            return default

    def each(self, value: object, read: Callable[[object, str], T], *, at: str) -> tuple[T, ...]:
        """Read every item of a list, the good ones in spite of the bad ones."""
        found: list[T] = []
        nothing: Sequence[object] = ()
        for index, item in enumerate(self.read(value, items, nothing, at=at)):
            with self.collected():
                found.append(read(item, join(at, index)))
        return tuple(found)


class Table:
    """A mapping whose known keys are read one by one; what is wrong goes to ``problems``."""

    def __init__(self, value: object, known: Sequence[str], *, at: str, problems: Problems) -> None:
        self._at = at
        self._problems = problems
        found = problems.read(value, _as_mapping, None, at=at)
        self._usable = found is not None
        self._values: JSON = found or {}
        with problems.collected():
            reject_unknown(self._values, known, at=at)

    def get(self, key: str, read: Callable[[object, str], T], default: T) -> T:
        """Read one value; ``default`` where the key is absent, null, or its value wrong."""
        value = self._values.get(key)
        if value is None:
            return default
        return self._problems.read(value, read, default, at=join(self._at, key))

    def need(self, key: str, read: Callable[[object, str], T]) -> T | None:
        """Read one value; None, and a problem, where it is absent or wrong."""
        if self._usable and self._values.get(key) is None:
            self._problems.add(DecodeError("is missing", at=join(self._at, key)))
        return self.get(key, read, None)

    def section(self, key: str, known: Sequence[str]) -> Table:
        """Return the mapping under ``key``, empty where it is absent or null."""
        value = self._values.get(key)
        return Table(
            {} if value is None else value,
            known,
            at=join(self._at, key),
            problems=self._problems,
        )

    def items(self, key: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
        """Read the list under ``key``, empty where it is absent or null."""
        value = self._values.get(key)
        return () if value is None else self._problems.each(value, read, at=join(self._at, key))


def text(value: object, at: str) -> str:
    """Return a string; a number or a boolean is told to put on quotes."""
    if isinstance(value, bool | int | float):
        raise FieldError("expected a string", at=at, hint="put numbers, true and false in quotes")
    found = typed(value, str, at=at)
    if "\0" in found:
        raise FieldError("holds a NUL character", at=at)
    return found


def word(value: object, at: str) -> str:
    """Return a string that is more than blanks, without the ones around it."""
    found = text(value, at).strip()
    if not found:
        raise FieldError("is empty", at=at)
    return found


def text_mapping(value: object, at: str) -> dict[str, str]:
    """Return a mapping of strings; whole numbers are taken as they are written."""
    return {
        key: str(item) if type(item) is int else text(item, join(at, key))
        for key, item in mapping(value, at=at).items()
    }


def items(value: object, at: str) -> Sequence[object]:
    """Return a list, and say how to write one where it is a string."""
    if isinstance(value, str):
        dashed = value.lstrip().startswith("-")
        raise FieldError(
            "expected a list, got a string",
            at=at,
            hint="put a space after each dash" if dashed else f"write it as a list: [{value}]",
        )
    return sequence(value, at=at)


def words(value: object, at: str) -> tuple[str, ...]:
    """Return a list of strings: a program and its arguments."""
    if isinstance(value, str):
        raise FieldError(
            "expected a list, got a string",
            at=at,
            hint=f"write it as [{', '.join(value.split())}]; no shell reads it",
        )
    return each(value, text, at=at)


def _as_mapping(value: object, at: str) -> JSON | None:
    return mapping(value, at=at)
