"""Descriptors, image-spec descriptor.md: what a document says of the blobs that it speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from condabox.decode import DecodeError, each, join, mapping, optional, required, typed
from condabox.errors import ImageError
from condabox.oci.digest import Digest
from condabox.oci.document import annotations_from, stated
from condabox.oci.platform import platform_from_mapping, platform_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.decode import JSON
    from condabox.platforms import Platform

_MOST_BYTES = (1 << 63) - 1
"""Sizes are of Go's type int64."""
_TYPE_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_TYPE_NAME}/{_TYPE_NAME}")
"""RFC 6838 §4.2."""
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
"""RFC 3986 §2 and §3.1: a scheme, and the characters that an address may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Where a blob is and what it must be: media type, digest and size in bytes.

    ``urls`` are other places to have it from.  ``artifact_type`` is what a manifest is for, where
    that is told; ``data``, a copy of the blob, is not read.
    """

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""
    platform: Platform | None = None

    @classmethod
    def from_mapping(cls, obj: JSON, *, at: str) -> Self:
        """Read a descriptor; raise DecodeError, which says where in the document."""
        size = required(obj, "size", int, at=at)
        if not 0 <= size <= _MOST_BYTES:
            problem = "is negative" if size < 0 else f"is more than {_MOST_BYTES}"
            raise DecodeError(problem, at=join(at, "size"))
        try:
            digest = Digest.parse(required(obj, "digest", str, at=at))
        except ImageError as error:
            raise DecodeError(error.message, at=join(at, "digest")) from None
        return cls(
            media_type=_media_name(
                required(obj, "mediaType", str, at=at), at=join(at, "mediaType")
            ),
            digest=digest,
            size=size,
            urls=each(stated(obj, "urls", otherwise=()), _url, at=join(at, "urls")),
            annotations=annotations_from(obj, at=at),
            artifact_type=optional(obj, "artifactType", str, at=at) or "",
            platform=_platform(obj.get("platform"), at=join(at, "platform")),
        )

    def to_json(self) -> dict[str, object]:
        """Return the descriptor as it stands in a manifest or an index."""
        return {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
            **({"urls": list(self.urls)} if self.urls else {}),
            **({"annotations": dict(self.annotations)} if self.annotations else {}),
            **({"artifactType": self.artifact_type} if self.artifact_type else {}),
            **({"platform": platform_json(self.platform)} if self.platform else {}),
        }


def _media_name(text: str, *, at: str) -> str:
    if not _MEDIA_TYPE.fullmatch(text):
        raise DecodeError(f"{text[:100]!r} is not a media type, as RFC 6838 names them", at=at)
    return text


def _url(value: object, at: str) -> str:
    text = typed(value, str, at=at)
    if not _URI.fullmatch(text):
        raise DecodeError(f"{text[:100]!r} is not a URI, as RFC 3986 writes them", at=at)
    return text


def _platform(value: object, *, at: str) -> Platform | None:
    return None if value is None else platform_from_mapping(mapping(value, at=at), at=at)
