"""The JSON documents of images: written in one way, and read strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from condabox.decode import join, mapping, string_mapping
from condabox.errors import ImageError

if TYPE_CHECKING:
    from condabox.decode import JSON


def canonical_json(value: object) -> bytes:
    """Encode ``value`` in the one way that gives equal documents equal digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def parse_document(raw: bytes, *, what: str) -> JSON:
    """Decode the JSON mapping ``raw``; raise ImageError, which calls it ``what``.

    image-spec considerations.md asks for I-JSON, RFC 7493: what two readers could take for
    different things is refused, such as a name that stands twice.
    """
    try:
        found = json.loads(
            raw.decode(), parse_constant=_reject_constant, object_pairs_hook=_each_name_once
        )
        if b"\\u" in raw:
            # An escape can be half of a character, which nobody could write or print again.
            json.dumps(found, ensure_ascii=False).encode()
        return mapping(found, at="")
    except RecursionError:
        raise ImageError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ImageError(f"{what} is not a JSON mapping: {error}") from None


def stated(obj: JSON, key: str, *, otherwise: object) -> object:
    """Return ``obj[key]``, which null leaves out as well as its absence does."""
    value = obj.get(key)
    return otherwise if value is None else value


def annotations_from(obj: JSON, *, at: str) -> dict[str, str]:
    """Read ``annotations``, which map strings to strings; raise DecodeError."""
    return string_mapping(stated(obj, "annotations", otherwise={}), at=join(at, "annotations"))


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:100]!r} stands twice in one mapping")
        found[name] = value
    return found


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
