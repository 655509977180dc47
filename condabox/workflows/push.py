"""What ``condabox push`` does: an image goes into registries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.base import open_base, open_whole
from condabox.errors import DigestMismatchError, ImageError, SpecError
from condabox.oci.parts import parts_of, read_parts
from condabox.oci.reference import DOCKER_HUB, Reference
from condabox.outputs.store import LocalStore, NamedImages
from condabox.registry.mirrors import repositories_of
from condabox.registry.push import push_parts
from condabox.workflows.images import explained_absence, find_here

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.events import Reporter
    from condabox.oci.digest import Digest
    from condabox.oci.parts import Part
    from condabox.platforms import Platform
    from condabox.registry.push import PushResult
    from condabox.settings import Settings

_OFFICIAL = "library/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What the user asked for.  Without a platform all goes that the name stands for."""

    image: str
    references: tuple[str, ...] = ()
    """Where to; the image's own names where there are none."""
    platform: Platform | None = None


def push_image(
    request: PushRequest, *, settings: Settings, reporter: Reporter
) -> tuple[PushResult, ...]:
    """Store an image of the local store, a file or a registry under each of the references."""
    references = tuple(map(Reference.parse, request.references))
    check_places(references, hint=_where(request.image))
    try:
        parts, names, origins = _found(request, settings=settings, reporter=reporter)
        if origins and request.platform and not references:
            raise SpecError(
                f"{request.image} would lose all that it has for other platforms than"
                f" {request.platform}",
                hint=_where(request.image),
            )
        references = references or _own_names(request.image, names)
        known = known_places(references, settings=settings)
        blobs = {blob.digest for part in parts for blob in (*part.layers, *part.configs)}
        return push_parts(
            parts,
            references=references,
            settings=settings,
            reporter=reporter,
            elsewhere={digest: (*origins, *known.get(digest, ())) for digest in blobs},
        )
    except DigestMismatchError as error:
        raise ImageError(
            f"{request.image} is damaged: {error.message}", hint="build it, or pull it, again"
        ) from None


def _found(
    request: PushRequest, *, settings: Settings, reporter: Reporter
) -> tuple[tuple[Part, ...], tuple[Reference, ...], tuple[Reference, ...]]:
    """Return what to push, what it is called, and the repositories that it comes from.

    Without a platform it is the whole: an index goes as it is, with all that is in it.
    """
    found = find_here(request.image, settings=settings)
    if isinstance(found, NamedImages):
        if request.platform:
            return parts_of([found.select(request.platform)]), found.names, ()
        return read_parts(found.blobs, found.descriptor), found.names, ()
    origins = repositories_of(found, settings.registries)
    blobs = LocalStore(settings.cache_dir).blobs
    if request.platform:
        with explained_absence():
            base = open_base(
                str(found),
                platform=request.platform,
                settings=settings,
                blobs=blobs,
                reporter=reporter,
            )
        return parts_of([base.image]), (found,), origins
    with explained_absence():
        source, whole = open_whole(found, settings=settings, blobs=blobs, reporter=reporter)
    return read_parts(source, whole), (found,), origins


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
    if not own:
        message = f"{image} has no name: it is not known where to push it"
        raise SpecError(message, hint=_where(image))
    check_places(own, hint=_where(image))
    return own


def _where(image: str) -> str:
    return f"say where: condabox push {image} registry.example/team/name:tag"
