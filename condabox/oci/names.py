"""How images are called in an index: by the annotations of the OCI and of containerd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.errors import ImageError, SpecError
from condabox.oci.manifest import ImageIndex
from condabox.oci.reference import Reference

if TYPE_CHECKING:
    from condabox.oci.descriptor import Descriptor
    from condabox.platforms import Platform

REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"
"""What containerd, Docker and podman call the image when they load it: a full reference."""


def name_annotations(name: str) -> dict[str, str]:
    """Return the annotations that call an image ``name``."""
    reference = _reference(name)
    if reference is None or str(reference) != name:
        return {REF_NAME: name}
    return {REF_NAME: name, FULL_NAME: name}


def names_of(descriptor: Descriptor) -> tuple[str, ...]:
    """Return what the image is called, the fullest name first."""
    found = (descriptor.annotations.get(key) for key in (FULL_NAME, REF_NAME))
    return tuple(dict.fromkeys(name for name in found if name))


def names_in(index: ImageIndex) -> tuple[str, ...]:
    """Return one name of each named image, sorted."""
    return tuple(sorted({names[0] for entry in index.images if (names := names_of(entry))}))


def find(
    index: ImageIndex, name: str | None, *, where: str, platform: Platform | None = None
) -> Descriptor:
    """Return the entry called ``name``, or the only one where that is None.

    Short and full references are the same here, and of several entries of one name, as some tools
    write them, the one for ``platform`` is taken.  Raise ImageError, about ``where``, for none.
    """
    found = index.images if name is None else called(index, name)
    names = names_in(index)
    hint = f"images in it: {', '.join(names)}" if names else None
    if not found:
        missing = "is empty" if name is None else f"has no image called {name}"
        raise ImageError(f"{where}: {missing}", hint=hint)
    if len({entry.digest for entry in found}) == 1:
        return found[0]
    if len({names_of(entry) for entry in found}) > 1:
        raise ImageError(f"{where}: has several images: name one", hint=hint)
    return ImageIndex.create(found).select(platform)


def called(index: ImageIndex, name: str) -> tuple[Descriptor, ...]:
    """Return all entries called ``name``: exactly so, or else by another form of the reference."""
    exact = tuple(entry for entry in index.images if name in names_of(entry))
    wanted = _reference(name)
    if exact or wanted is None:
        return exact
    return tuple(entry for entry in index.images if wanted in map(_reference, names_of(entry)[:1]))


def _reference(name: str) -> Reference | None:
    try:
        return Reference.parse(name)
    except SpecError:
        return None
