"""The images that builds have made: an OCI layout in the cache, whose blobs builds share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.base import path_and_name
from condabox.errors import ImageError, SpecError
from condabox.oci.archive import read_archive
from condabox.oci.image import read_document, read_image
from condabox.oci.layout import LAYOUT_FILE, BlobDirectory, ImageLayout
from condabox.oci.manifest import ImageIndex
from condabox.oci.mediatype import INDEXES
from condabox.oci.names import find, names_of
from condabox.oci.platform import satisfies
from condabox.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.digest import Digest
    from condabox.oci.image import BlobSource, Image
    from condabox.platforms import Platform

_PREFIXES = ("oci:", "oci-archive:", "docker-archive:")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """One image of the store, as a list of them shows it."""

    name: str
    digest: Digest
    """Of the manifest."""
    platform: Platform
    size: int
    """Compressed bytes of all layers."""
    created: str
    """RFC 3339."""

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "name": self.name,
            "digest": str(self.digest),
            "platform": str(self.platform),
            "size": self.size,
            "created": self.created,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImages:
    """One image, for each platform one, and what it is called.

    ``descriptor`` is that of the whole: of the one manifest, or of the index.
    """

    names: tuple[Reference, ...]
    images: tuple[Image, ...]
    descriptor: Descriptor
    blobs: BlobSource

    @classmethod
    def read(
        cls, blobs: BlobSource, descriptor: Descriptor, *, names: Sequence[Reference]
    ) -> NamedImages:
        """Return what ``descriptor`` stands for in ``blobs``."""
        images = _images_of(blobs, descriptor)
        return cls(names=tuple(names), images=images, descriptor=descriptor, blobs=blobs)

    def select(self, platform: Platform) -> Image:
        """Return the image for ``platform``; raise ImageError, which lists them, for none."""
        for image in self.images:
            if satisfies(image.platform, platform):
                return image
        there = ", ".join(str(image.platform) for image in self.images)
        raise ImageError(f"the image is not for {platform}", hint=f"it is for {there}")


class LocalStore:
    """The images in ``cache_dir``; several processes may use it at a time."""

    def __init__(self, cache_dir: Path) -> None:
        self._path = cache_dir / "store"

    @property
    def blobs(self) -> BlobDirectory:
        """Where layers are kept, those of images and those that only builds know."""
        return BlobDirectory(self._path / "blobs")

    def save(self, images: Sequence[Image], *, names: Sequence[Reference]) -> None:
        """Keep one image, for each platform one, under every one of ``names``."""
        layout = ImageLayout.create(self._path)
        for name in names:
            layout.add(images, name=str(name))

    def list(self) -> tuple[StoredImage, ...]:
        """Return every image under every name, sorted by name and platform."""
        if not self._exists():
            return ()
        layout = ImageLayout.open(self._path)
        found = [
            StoredImage(
                name=_familiar(name),
                digest=image.digest,
                platform=image.platform,
                size=sum(layer.size for layer in image.manifest.layers),
                created=image.config.created,
            )
            for entry in layout.index().images
            for image in _images_of(layout.blobs, entry)
            for name in names_of(entry)[:1]
        ]
        return tuple(sorted(found, key=lambda each: (each.name, str(each.platform))))

    def get(self, name: Reference) -> NamedImages | None:
        """Return the image called ``name``; None where there is none."""
        if not self._exists():
            return None
        layout = ImageLayout.open(self._path)
        for entry in layout.index().images:
            if str(name) in names_of(entry):
                return NamedImages.read(layout.blobs, entry, names=[name])
        return None

    def _exists(self) -> bool:
        return (self._path / LAYOUT_FILE).exists()


def open_path(text: str) -> NamedImages | None:
    """Return the image in the layout or archive at ``text``; None where ``text`` is no path.

    ``oci:DIR[:NAME]``, ``oci-archive:FILE[:NAME]`` and ``docker-archive:FILE[:NAME]`` are always
    paths, ``DIR`` and ``FILE`` alone are where something is.
    """
    path, name = Path(text), None
    for prefix in _PREFIXES:
        if text.startswith(prefix):
            path, name = path_and_name(text.removeprefix(prefix))
            break
    else:
        if not path.exists():
            return None
    if path.is_dir():
        layout = ImageLayout.open(path)
        index, blobs = layout.index(), layout.blobs
        return _named(index, blobs, find(index, name, where=str(path)))
    archive = read_archive(path)
    return _named(archive.index, archive.blobs, find(archive.index, name, where=str(path)))


def _named(index: ImageIndex, blobs: BlobSource, chosen: Descriptor) -> NamedImages:
    names = (
        name
        for entry in index.images
        if entry.digest == chosen.digest
        for name in names_of(entry)[:1]
    )
    references = {reference for name in names if (reference := _reference(name))}
    return NamedImages.read(blobs, chosen, names=sorted(references, key=str))


def _reference(name: str) -> Reference | None:
    # A layout's name may be a mere tag, which is not enough to call an image by.
    if ":" not in name:
        return None
    try:
        return Reference.parse(name)
    except SpecError:
        return None


def _images_of(blobs: BlobSource, entry: Descriptor) -> tuple[Image, ...]:
    if entry.media_type not in INDEXES:
        return (read_image(blobs, entry, platform=None),)
    index = ImageIndex.parse(read_document(blobs, entry))
    return tuple(
        read_image(blobs, manifest, platform=manifest.platform) for manifest in index.images
    )


def _familiar(name: str) -> str:
    try:
        return Reference.parse(name).familiar()
    except SpecError:
        return name
