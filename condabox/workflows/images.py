"""What ``condabox images`` does, and how the other commands find the image that they are given."""

from __future__ import annotations

import platform as host
from contextlib import contextmanager
from typing import TYPE_CHECKING

from condabox.base import open_base
from condabox.errors import ImageError, RegistryError, SpecError
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore, NamedImages, open_path
from condabox.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.outputs.store import StoredImage
    from condabox.settings import Settings

_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


def list_images(*, settings: Settings) -> tuple[StoredImage, ...]:
    """Return every image in the local store, sorted by name and platform."""
    return LocalStore(settings.cache_dir).list()


def find_images(
    text: str, *, platform: Platform | None, settings: Settings, reporter: Reporter
) -> NamedImages:
    """Return what the user means by ``text``, with all of its platforms where they are at hand.

    That is a name in the local store, else a path, else a reference, of which a registry gives the
    image for ``platform``, or for this machine's.
    """
    found = find_here(text, settings=settings)
    if isinstance(found, NamedImages):
        return found
    with explained_absence():
        image = open_base(
            str(found),
            platform=platform or host_platform(),
            settings=settings,
            blobs=LocalStore(settings.cache_dir).blobs,
            reporter=reporter,
        ).image
    return NamedImages(
        names=(found,), images=(image,), descriptor=image.descriptor, blobs=image.blobs
    )


def find_here(text: str, *, settings: Settings) -> NamedImages | Reference:
    """Return the image of the local store, or at a path, or else the reference that ``text`` is."""
    reference = _reference(text)
    found = LocalStore(settings.cache_dir).get(reference) if reference else None
    if found := found or open_path(text):
        return found
    if reference is None:
        raise ImageError(
            f"there is no image {text}",
            hint="an image is a name from `condabox images`, a path of an OCI layout or archive, "
            "or a reference like ubuntu:24.04",
        )
    return reference


@contextmanager
def explained_absence() -> Iterator[None]:
    """Let the errors of a registry say that the image is not here either."""
    try:
        yield
    except (ImageError, RegistryError) as error:
        raise type(error)(
            f"{error.message}\n    and neither the local store nor this folder has it",
            hint=error.hint,
        ) from None


def select_image(found: NamedImages, platform: Platform | None) -> Image:
    """Return the image for ``platform``; without one the only one, or this machine's."""
    if platform is None and len(found.images) == 1:
        return found.images[0]
    return found.select(platform or host_platform())


def host_platform() -> Platform:
    """Return the platform of images that run here, perhaps in a virtual machine."""
    machine = host.machine()
    return Platform(os="linux", architecture=_ARCHITECTURES.get(machine, machine))


def _reference(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except SpecError:
        return None
