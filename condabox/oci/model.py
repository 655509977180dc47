"""The documents of image-spec as values: descriptors, configs, manifests and indexes.

A document is identified by its bytes, so each value that was read keeps them as ``raw``, and each
value that is made is made from bytes: what is shown is always what is stored.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Self

from condabox.decode import (
    DecodeError,
    each,
    join,
    mapping,
    optional,
    required,
    string_mapping,
    typed,
)
from condabox.errors import ImageError
from condabox.oci.digest import Digest
from condabox.oci.mediatype import (
    CONFIGS,
    DOCKER_INDEX,
    INDEXES,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
)
from condabox.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.decode import JSON

_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7"}
_MOST_BYTES = (1 << 63) - 1
"""Sizes are of Go's type int64."""
_TYPE_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_TYPE_NAME}/{_TYPE_NAME}")
"""RFC 6838 §4.2."""
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
"""RFC 3986 §2 and §3.1: a scheme, and the characters that an address may have."""


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


def satisfies(found: Platform, wanted: Platform) -> bool:
    """Say whether an image for ``found`` is one for ``wanted``; arm64 without variant is v8."""
    return _explicit(found) == _explicit(wanted)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageManifest:
    """One image for one platform: a config and its layers, the bottom one first."""

    raw: bytes
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def create(
        cls, *, config: Descriptor, layers: Sequence[Descriptor], annotations: Mapping[str, str]
    ) -> Self:
        """Make an OCI manifest."""
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.to_json(),
            "layers": [layer.to_json() for layer in layers],
            **({"annotations": dict(annotations)} if annotations else {}),
        }
        return cls.parse(canonical_json(document))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a manifest, OCI's or Docker's schema 2; raise ImageError for anything else."""
        obj = parse_document(raw, what="image manifest")
        _reject_ambiguous(obj)
        media_type = _media_type(obj, known=MANIFESTS, default=OCI_MANIFEST)
        try:
            return cls(
                raw=raw,
                media_type=media_type,
                config=Descriptor.from_mapping(
                    mapping(obj.get("config"), at="config"), at="config"
                ),
                layers=_descriptors(obj.get("layers"), at="layers"),
                annotations=annotations_from(obj, at=""),
            )
        except DecodeError as error:
            raise ImageError(f"image manifest: {error}") from None

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the manifest itself."""
        return Descriptor(
            media_type=self.media_type, digest=Digest.of(self.raw), size=len(self.raw)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """Several manifests: one image for several platforms, or the images of a layout."""

    raw: bytes
    media_type: str
    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def create(cls, manifests: Sequence[Descriptor]) -> Self:
        """Make an OCI index."""
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [manifest.to_json() for manifest in manifests],
        }
        return cls.parse(canonical_json(document))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read an index or Docker's manifest list; raise ImageError for anything else."""
        obj = parse_document(raw, what="image index")
        _reject_ambiguous(obj)
        media_type = _media_type(obj, known=(OCI_INDEX, DOCKER_INDEX), default=OCI_INDEX)
        try:
            return cls(
                raw=raw,
                media_type=media_type,
                manifests=_descriptors(obj.get("manifests"), at="manifests"),
                annotations=annotations_from(obj, at=""),
            )
        except DecodeError as error:
            raise ImageError(f"image index: {error}") from None

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the index itself."""
        return Descriptor(
            media_type=self.media_type, digest=Digest.of(self.raw), size=len(self.raw)
        )

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The manifests of images.

        Artifacts are not, nor attestations, which BuildKit files under an unknown platform.
        """
        return tuple(
            manifest
            for manifest in self.manifests
            if manifest.media_type in {*MANIFESTS, *INDEXES}
            and manifest.artifact_type in {"", *CONFIGS}
            and (manifest.platform is None or manifest.platform.os != "unknown")
        )

    def select(self, platform: Platform | None) -> Descriptor:
        """Return the manifest for ``platform``, or the only one; raise ImageError for none.

        An entry that does not say its platform is one for every platform.
        """
        if platform is None:
            chosen = self.images
        else:
            exact = [m for m in self.images if m.platform and satisfies(m.platform, platform)]
            chosen = tuple(exact[:1]) or tuple(m for m in self.images if m.platform is None)
        if len(chosen) == 1:
            return chosen[0]
        there = ", ".join(str(m.platform or "any") for m in self.images) or "none"
        wanted = f"image for {platform}" if platform else "single image"
        raise ImageError(f"the index has no {wanted}", hint=f"platforms in it: {there}")


def annotations_from(obj: JSON, *, at: str) -> dict[str, str]:
    """Read ``annotations``, which map strings to strings; raise DecodeError."""
    return string_mapping(stated(obj, "annotations", otherwise={}), at=join(at, "annotations"))


def platform_json(platform: Platform) -> dict[str, str]:
    """Return ``platform`` as it stands in a descriptor or a config."""
    return {
        "architecture": platform.architecture,
        "os": platform.os,
        **({"variant": platform.variant} if platform.variant else {}),
    }


def platform_from_mapping(obj: JSON, *, at: str) -> Platform:
    """Read the platform's fields of a descriptor or a config; raise DecodeError."""
    return Platform(
        os=required(obj, "os", str, at=at),
        architecture=required(obj, "architecture", str, at=at),
        variant=optional(obj, "variant", str, at=at) or None,
    )


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


def _explicit(platform: Platform) -> tuple[str, str, str | None]:
    default = _DEFAULT_VARIANTS.get(platform.architecture)
    return platform.os, platform.architecture, platform.variant or default


def _descriptors(value: object, *, at: str) -> tuple[Descriptor, ...]:
    return each(
        value,
        lambda item, where: Descriptor.from_mapping(mapping(item, at=where), at=where),
        at=at,
    )


def _media_type(obj: JSON, *, known: Sequence[str], default: str) -> str:
    stated = obj.get("mediaType")
    media_type = default if stated is None else stated
    if obj.get("schemaVersion") != 2 or media_type not in known:  # noqa: PLR2004
        raise ImageError(
            f"cannot read a manifest of type {media_type}, schema {obj.get('schemaVersion')}",
            hint="OCI images and Docker's schema 2 can be read",
        )
    return str(media_type)


def _reject_ambiguous(obj: JSON) -> None:
    # CVE-2021-41190: the same bytes must not be an image here and an index elsewhere.
    if "manifests" in obj and ("layers" in obj or "config" in obj):
        raise ImageError("a manifest is both image and index: do not trust where it comes from")


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:100]!r} stands twice in one mapping")
        found[name] = value
    return found


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
