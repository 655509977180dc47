"""Opens images that registries and their mirrors have, and brings their layers when they are read.

Most users of a base never read it: locking asks for its digest, and a push for what its registry
misses.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from condabox.errors import (
    DigestMismatchError,
    ImageError,
    ImageNotFoundError,
    RegistryError,
    RegistryUnreachableError,
)
from condabox.oci.descriptor import Descriptor
from condabox.oci.image import BlobSource, read_document, read_image
from condabox.oci.layout import ImageLayout
from condabox.oci.names import called
from condabox.registry.client import RegistryClient
from condabox.registry.mirrors import LayoutPlace, places
from condabox.registry.notices import Notices
from condabox.registry.transfer import Fetcher, missing, stated_media_type
from condabox.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.oci.reference import Reference
    from condabox.platforms import Platform
    from condabox.registry.credentials import Credentials
    from condabox.registry.mirrors import RegistryPlace
    from condabox.settings import RegistrySettings

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Puller:
    """Pulls into ``blobs``, every byte checked on its way; what is there is not asked for again.

    Mirrors that are layouts are relative to ``folder``.
    """

    registries: Mapping[str, RegistrySettings]
    folder: Path
    credentials: Credentials
    blobs: BlobDirectory
    reporter: Reporter
    told: set[str] = field(default_factory=set, repr=False, compare=False)
    """What registries have warned of, which is not told again."""

    def open(self, reference: Reference, *, platform: Platform) -> Image:
        """Return the image without its layers, from the first place that has it.

        Raise RegistryError or ImageError where none has it, with what is wrong with each:
        ImageNotFoundError where all that can be reached say that they have not.
        """

        def open_at(place: RegistryPlace | LayoutPlace) -> Image:
            if isinstance(place, LayoutPlace):
                return _of_layout(place, reference, platform=platform)
            with self._fetcher(place) as fetcher:
                selector = str(reference.digest or reference.tag)
                image = fetcher.open(selector, platform=platform)
            return replace(image, blobs=RemoteBlobs(puller=self, reference=reference))

        return self._first(reference, open_at)

    def resolve(self, reference: Reference) -> tuple[BlobSource, Descriptor]:
        """Return where the blobs are of what ``reference`` stands for, and its descriptor.

        Raise RegistryError or ImageError as `open` does.
        """

        def resolve_at(place: RegistryPlace | LayoutPlace) -> tuple[BlobSource, Descriptor]:
            if isinstance(place, LayoutPlace):
                layout = _opened(place)
                return layout.blobs, _in_layout(layout, reference)
            with self._fetcher(place) as fetcher:
                descriptor = fetcher.resolve(str(reference.digest or reference.tag))
            return RemoteBlobs(puller=self, reference=reference), descriptor

        return self._first(reference, resolve_at)

    def fetch(self, reference: Reference, descriptors: Sequence[Descriptor]) -> None:
        """Bring what is not here of an image, several blobs at a time."""
        lacking = missing(descriptors, self.blobs)

        def fetch_from(place: RegistryPlace | LayoutPlace) -> None:
            if isinstance(place, LayoutPlace):
                layout = _opened(place)
                for descriptor in lacking:
                    if layout.blobs.size(descriptor.digest) is None:
                        raise ImageNotFoundError(f"has no {descriptor.digest}")
                    self.blobs.copy(descriptor, source=layout.blobs)
                return
            with self._fetcher(place) as fetcher:
                fetcher.fetch_blobs(lacking)

        if lacking:
            self._first(reference, fetch_from)

    @contextmanager
    def _fetcher(self, place: RegistryPlace) -> Iterator[Fetcher]:
        with Transport(notices=Notices(self.reporter, told=self.told)) as transport:
            client = RegistryClient(
                host=place.host,
                insecure=place.insecure,
                transport=transport,
                credentials=self.credentials,
            )
            yield Fetcher(
                client=client,
                repository=place.repository,
                blobs=self.blobs,
                reporter=self.reporter,
            )

    def _first(
        self, reference: Reference, attempt: Callable[[RegistryPlace | LayoutPlace], _Result]
    ) -> _Result:
        failures: list[tuple[object, RegistryError | ImageError]] = []
        for place in places(reference, self.registries, folder=self.folder):
            try:
                return attempt(place)
            except (RegistryError, ImageError) as error:
                failures.append((place, error))
        raise _found_nowhere(reference, failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBlobs(BlobSource):
    """The blobs of an image, which come from where it is when somebody reads them."""

    puller: Puller
    reference: Reference

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open the blob, pulled before if need be."""
        self.fetch([descriptor])
        return self.puller.blobs.open(descriptor)

    def fetch(self, descriptors: Sequence[Descriptor]) -> None:
        """Pull what will be read: all together is quicker than one after the other."""
        self.puller.fetch(self.reference, descriptors)


def _opened(place: LayoutPlace) -> ImageLayout:
    if not place.path.exists():
        raise ImageNotFoundError("nothing is there")
    return ImageLayout.open(place.path)


def _of_layout(place: LayoutPlace, reference: Reference, *, platform: Platform) -> Image:
    layout = _opened(place)
    descriptor = _in_layout(layout, reference, platform=platform)
    return read_image(layout.blobs, descriptor, platform=platform)


def _in_layout(
    layout: ImageLayout, reference: Reference, *, platform: Platform | None = None
) -> Descriptor:
    if reference.digest is None:
        if reference.tag and not called(layout.index(), reference.tag):
            raise ImageNotFoundError(f"has no image called {reference.tag}")
        return layout.find(reference.tag, platform=platform)
    size = layout.blobs.size(reference.digest)
    if size is None:
        raise ImageNotFoundError(f"has no image {reference.digest}")
    descriptor = Descriptor(media_type="", digest=reference.digest, size=size)
    media_type = stated_media_type(read_document(layout.blobs, descriptor))
    return replace(descriptor, media_type=media_type)


def _found_nowhere(
    reference: Reference, failures: Sequence[tuple[object, RegistryError | ImageError]]
) -> RegistryError | ImageError:
    kind = _kind([error for _, error in failures])
    # What was asked for stands before each reason, its digest too.
    said = [error.message.removeprefix(f"{reference.digest}: ") for _, error in failures]
    if len(failures) == 1:
        return kind(f"{reference.familiar()}: {said[0]}", hint=failures[0][1].hint)
    places_said = zip((place for place, _ in failures), said, strict=True)
    reasons = "".join(f"\n    {place}: {reason}" for place, reason in places_said)
    hint = next((error.hint for _, error in failures if error.hint), None)
    return kind(f"{reference.familiar()} can be had from none of these:{reasons}", hint=hint)


def _kind(failures: Sequence[RegistryError | ImageError]) -> type[RegistryError | ImageError]:
    """Return what all of ``failures`` together are: that none has it is known from all alone."""
    reached = [each for each in failures if not isinstance(each, RegistryUnreachableError)]
    other = [each for each in reached if not isinstance(each, ImageNotFoundError)]
    kind = type((other or reached or failures)[-1])
    # What a mirror's layout has damaged is not the damage of blobs that are here.
    return ImageError if issubclass(kind, DigestMismatchError) else kind
