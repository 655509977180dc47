"""Manifests and indexes: an image for one platform, and one for several.

A document is identified by its bytes, so each value that was read keeps them as ``raw``, and each
value that is made is made from bytes: what is shown is always what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from condabox.decode import DecodeError, each, mapping
from condabox.errors import ImageError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import annotations_from, canonical_json, parse_document
from condabox.oci.mediatype import (
    CONFIGS,
    DOCKER_INDEX,
    INDEXES,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
)
from condabox.oci.platform import satisfies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.decode import JSON
    from condabox.platforms import Platform

_MOST_WORDS = 300


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
    """Several manifests: one image for several platforms, or the images of a layout.

    Of the entries those that cannot be read, such as one with a digest of another kind, are text
    that says why: an image beside them can be used all the same.
    """

    raw: bytes
    media_type: str
    entries: tuple[Descriptor | str, ...]
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
                entries=each(obj.get("manifests"), _entry, at="manifests"),
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
    def manifests(self) -> tuple[Descriptor, ...]:
        """Every entry; raise ImageError where one cannot be read."""
        if problems := self._problems:
            raise ImageError(f"image index: {problems[0]}")
        return self._readable

    @property
    def _readable(self) -> tuple[Descriptor, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Descriptor))

    @property
    def _problems(self) -> tuple[str, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, str))

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The manifests of images, as far as they can be read.

        Artifacts are not, nor attestations, which BuildKit files under an unknown platform.
        """
        return tuple(
            manifest
            for manifest in self._readable
            if manifest.media_type in {*MANIFESTS, *INDEXES}
            and manifest.artifact_type in {"", *CONFIGS}
            and (manifest.platform is None or manifest.platform.os != "unknown")
        )

    def select(self, platform: Platform | None) -> Descriptor:
        """Return the manifest for ``platform``, or the only one; raise ImageError for none.

        An entry that does not say its platform is one for every platform.
        """
        if platform is None:
            chosen = () if self._problems else self.images
        else:
            exact = [m for m in self.images if m.platform and satisfies(m.platform, platform)]
            chosen = tuple(exact[:1]) or tuple(m for m in self.images if m.platform is None)
        if len(chosen) == 1:
            return chosen[0]
        there = ", ".join(str(m.platform or "any") for m in self.images) or "none"
        wanted = f"image for {platform}" if platform else "single image"
        unread = "".join(f"; {problem}" for problem in self._problems)
        hint = f"platforms in it: {there[:_MOST_WORDS]}{unread[:_MOST_WORDS]}"
        raise ImageError(f"the index has no {wanted}", hint=hint)


def _entry(item: object, at: str) -> Descriptor | str:
    try:
        return Descriptor.from_mapping(mapping(item, at=at), at=at)
    except DecodeError as error:
        return str(error)


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
            f"cannot read a manifest of type {_shown(media_type)},"
            f" schema {_shown(obj.get('schemaVersion'))}",
            hint="OCI images and Docker's schema 2 can be read",
        )
    return str(media_type)


def _shown(value: object) -> str:
    return str(value)[:100]


def _reject_ambiguous(obj: JSON) -> None:
    # CVE-2021-41190: the same bytes must not be an image here and an index elsewhere.
    if "manifests" in obj and ("layers" in obj or "config" in obj):
        raise ImageError("a manifest is both image and index: do not trust where it comes from")
