"""What ``condabox push`` does: an image goes into registries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import DigestMismatchError, ImageError, SpecError
from condabox.oci.reference import DOCKER_HUB, Reference
from condabox.outputs.store import LocalStore
from condabox.registry.push import push_images
from condabox.workflows.images import find_images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.events import Reporter
    from condabox.oci.digest import Digest
    from condabox.platforms import Platform
    from condabox.registry.push import PushResult
    from condabox.settings import Settings

_OFFICIAL = "library/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What the user asked for.  Without a platform all that the image has are pushed."""

    image: str
    references: tuple[str, ...] = ()
    """Where to; the image's own names where there are none."""
    platform: Platform | None = None


def push_image(
    request: PushRequest, *, settings: Settings, reporter: Reporter
) -> tuple[PushResult, ...]:
    """Store an image of the local store, a file or a registry under each of the references."""
    references = tuple(map(Reference.parse, request.references))
    found = find_images(
        request.image, platform=request.platform, settings=settings, reporter=reporter
    )
    references = references or _own_names(request.image, found.names)
    images = (found.select(request.platform),) if request.platform else found.images
    try:
        return push_images(
            images,
            references=references,
            settings=settings,
            reporter=reporter,
            elsewhere=known_places(references, settings=settings),
        )
    except DigestMismatchError as error:
        raise ImageError(
            f"{request.image} is damaged: {error.message}", hint="build it, or pull it, again"
        ) from None


def known_places(
    references: Sequence[Reference], *, settings: Settings
) -> Mapping[Digest, Sequence[Reference]]:
    """Return where on the registries of ``references`` blobs may be.

    That is where the images of the local store which have them were, or will be, pushed to.
    """
    registries = {reference.registry for reference in references}
    store = LocalStore(settings.cache_dir)
    places: dict[Digest, list[Reference]] = {}
    try:
        names = {Reference.parse(each.name) for each in store.list()}
        for name in sorted(names, key=str):
            found = store.get(name) if name.registry in registries else None
            for image in found.images if found else ():
                for layer in image.manifest.layers:
                    places.setdefault(layer.digest, []).append(name)
    except (ImageError, SpecError):
        return {}  # what is wrong with other images is no reason not to push this one
    return places


def check_places(references: Sequence[Reference], *, hint: str) -> None:
    """Raise SpecError, with ``hint``, for a name that only Docker itself may push to."""
    for reference in references:
        if reference.registry == DOCKER_HUB and reference.repository.startswith(_OFFICIAL):
            raise SpecError(
                f"{reference.familiar()} names no registry: it is not known where to push it",
                hint=hint,
            )


def _own_names(image: str, names: Sequence[Reference]) -> tuple[Reference, ...]:
    own = tuple(name for name in names if name.tag and name.digest is None)
    hint = f"say where: condabox push {image} registry.example/team/name:tag"
    if not own:
        raise SpecError(f"{image} has no name: it is not known where to push it", hint=hint)
    check_places(own, hint=hint)
    return own
