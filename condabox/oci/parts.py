"""All that a name stands for, to be copied as it is: an image, or an index and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.oci.image import index_of, read_document
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.oci.mediatype import INDEXES, MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.digest import Digest
    from condabox.oci.image import BlobSource, Image

_MOST_NESTED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A manifest or an index, and where what it speaks of can be read."""

    document: ImageManifest | ImageIndex
    blobs: BlobSource

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers of a manifest; an index has none of its own."""
        return () if isinstance(self.document, ImageIndex) else self.document.layers

    @property
    def configs(self) -> tuple[Descriptor, ...]:
        """The config of a manifest, which is one."""
        return () if isinstance(self.document, ImageIndex) else (self.document.config,)


def parts_of(images: Sequence[Image]) -> tuple[Part, ...]:
    """Return the parts of one image, for each platform one, as `read_parts` orders them."""
    parts = [Part(document=image.manifest, blobs=image.blobs) for image in images]
    if len(images) > 1:
        parts.append(Part(document=index_of(images), blobs=images[0].blobs))
    return tuple(parts)


def read_parts(blobs: BlobSource, descriptor: Descriptor) -> tuple[Part, ...]:
    """Return all that ``descriptor``, of a manifest or an index, leads to, attestations included.

    Each part comes after what it speaks of, so the last one is the whole.
    """
    found: dict[Digest, Part] = {}
    _collect(blobs, descriptor, found, depth=0)
    return tuple(found.values())


def _collect(
    blobs: BlobSource, descriptor: Descriptor, found: dict[Digest, Part], *, depth: int
) -> None:
    if descriptor.digest in found:
        return
    if depth > _MOST_NESTED:
        raise ImageError(f"{descriptor.digest}: indexes are nested too deeply")
    raw = read_document(blobs, descriptor)
    if descriptor.media_type not in INDEXES:
        found[descriptor.digest] = Part(document=ImageManifest.parse(raw), blobs=blobs)
        return
    index = ImageIndex.parse(raw)
    for each in index.manifests:
        if each.media_type not in {*MANIFESTS, *INDEXES}:
            raise ImageError(
                f"{each.digest}, in an index: {each.media_type} is neither an image nor an index",
                hint="name the platform whose image is wanted: --platform linux/amd64",
            )
    blobs.fetch(index.manifests)
    for each in index.manifests:
        _collect(blobs, each, found, depth=depth + 1)
    found[descriptor.digest] = Part(document=index, blobs=blobs)
