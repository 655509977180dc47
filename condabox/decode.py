"""Typed reading of foreign documents, with errors that say where.

Each caller turns a DecodeError into the error of its own layer:

    except DecodeError as error:
        raise SpecError(f"{path}: {error}") from None
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

JSON = Mapping[str, object]
"""A decoded JSON or YAML mapping, not checked yet."""

_NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    type(None): "nothing",
}


class DecodeError(ValueError):
    """A foreign document does not have the shape that it should have."""

    def __init__(self, problem: str, *, at: str) -> None:
        super().__init__(f"{at}: {problem}" if at else problem)


def join(at: str, key: str | int) -> str:
    """Extend the dotted path ``at`` by a key or an index."""
    if isinstance(key, int):
        return f"{at}[{key}]"
    return f"{at}.{key}" if at else key


def typed(value: object, kind: type[T], *, at: str) -> T:
    """Return ``value`` if it is a ``kind``; a bool is not an int here, an int is a float."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return cast("T", float(value))
        except OverflowError:
            raise DecodeError("the number is too large", at=at) from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DecodeError(f"expected {_name(kind)}, got {_name(type(value))}", at=at)
    return value


def mapping(value: object, *, at: str) -> JSON:
    """Return ``value`` if it is a mapping whose keys are strings."""
    if not isinstance(value, Mapping):
        raise DecodeError(f"expected a mapping, got {_name(type(value))}", at=at)
    for key in value:
        if not isinstance(key, str):
            raise DecodeError(f"the key {key!r} is not a string: put it in quotes", at=at)
    return value


def sequence(value: object, *, at: str) -> Sequence[object]:
    """Return ``value`` if it is a list."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise DecodeError(f"expected a list, got {_name(type(value))}", at=at)
    return value


def each(value: object, read: Callable[[object, str], T], *, at: str) -> tuple[T, ...]:
    """Read every item of the list ``value`` with ``read(item, at)``."""
    return tuple(read(item, join(at, index)) for index, item in enumerate(sequence(value, at=at)))


def strings(value: object, *, at: str) -> tuple[str, ...]:
    """Return ``value`` if it is a list of strings."""
    if type(value) is list and set(map(type, value)) <= {str}:
        return tuple(value)  # as ever: some lists have a hundred thousand
    return each(value, lambda item, where: typed(item, str, at=where), at=at)


def string_mapping(value: object, *, at: str) -> dict[str, str]:
    """Return ``value`` if it maps strings to strings; numbers and booleans must be quoted."""
    return {key: typed(item, str, at=join(at, key)) for key, item in mapping(value, at=at).items()}


def required(obj: JSON, key: str, kind: type[T], *, at: str) -> T:
    """Return ``obj[key]``, which must be there and a ``kind``."""
    if key not in obj:
        raise DecodeError("is missing", at=join(at, key))
    return typed(obj[key], kind, at=join(at, key))


def optional(obj: JSON, key: str, kind: type[T], *, at: str) -> T | None:
    """Return ``obj[key]``, which must be a ``kind`` where it is there and not null."""
    value = obj.get(key)
    return None if value is None else typed(value, kind, at=join(at, key))


def reject_unknown(obj: JSON, known: Sequence[str], *, at: str) -> None:
    """Raise for the first key of ``obj`` that is not ``known``, and name the nearest one."""
    for key in obj:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise DecodeError(f"unknown key; {advice}", at=join(at, key))


def _name(kind: type) -> str:
    for known, name in _NAMES.items():
        if issubclass(kind, known) and not (kind is bool and known is int):
            return name
    return f"a {kind.__name__}"
