"""Images go into registries: what is there already is neither sent again nor even read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from condabox.errors import SpecError
from condabox.events import SilentReporter
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import ConfigCredentials
from condabox.registry.delivery import Delivery
from condabox.registry.mirrors import repositories_of
from condabox.registry.notices import Notices
from condabox.registry.repository import Repository
from condabox.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from condabox.events import Reporter
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.oci.parts import Part
    from condabox.registry.credentials import Credentials
    from condabox.settings import Settings

_BASE_NAME = "org.opencontainers.image.base.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """An image, for one platform or for several, in one repository."""

    name: str
    """Registry and repository."""
    digest: Digest
    tags: tuple[str, ...]
    uploaded: int
    """Bytes of blobs and manifests that were sent."""
    mounted: int
    """Bytes that the registry had in another repository."""
    present: int
    """Bytes that were in this one."""

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "reference": str(self),
            "name": self.name,
            "digest": str(self.digest),
            "tags": list(self.tags),
            "uploaded": self.uploaded,
            "mounted": self.mounted,
            "present": self.present,
        }


def push_images(
    images: Sequence[Image],
    *,
    references: Sequence[Reference],
    settings: Settings,
    reporter: Reporter,
    elsewhere: Mapping[Digest, Sequence[Reference]] | None = None,
    credentials: Credentials | None = None,
) -> tuple[PushResult, ...]:
    """Store one image, for each platform one, as `push_parts` does."""
    return push_parts(
        parts_of(images),
        references=references,
        settings=settings,
        reporter=reporter,
        elsewhere=elsewhere,
        credentials=credentials,
    )


def push_parts(
    parts: Sequence[Part],
    *,
    references: Sequence[Reference],
    settings: Settings,
    reporter: Reporter,
    elsewhere: Mapping[Digest, Sequence[Reference]] | None = None,
    credentials: Credentials | None = None,
) -> tuple[PushResult, ...]:
    """Store an image, or an index with all that is in it, under every one of ``references``.

    A tag never stands for something incomplete, and the tags come when all else is there.
    ``elsewhere`` are other places that may have a blob, so that their registry need not be sent it;
    the image's base is thought of without being named.  Without ``credentials`` docker's and
    podman's are used.
    """
    with _pusher(settings=settings, reporter=reporter, credentials=credentials) as pusher:
        return pusher.push(parts, references=references, elsewhere=elsewhere or {})


def check_push(
    references: Sequence[Reference],
    *,
    settings: Settings,
    credentials: Credentials | None = None,
) -> None:
    """Find out, before the work, whether images can be pushed to ``references``.

    Raise RegistryError where not: out of reach, credentials that are missing, wrong or not enough,
    a repository that has to be made first.
    """
    with _pusher(settings=settings, reporter=SilentReporter(), credentials=credentials) as pusher:
        pusher.check(references)


@contextmanager
def _pusher(
    *, settings: Settings, reporter: Reporter, credentials: Credentials | None
) -> Iterator[Pusher]:
    with Transport(notices=Notices(reporter)) as transport:
        yield Pusher(
            transport=transport,
            credentials=credentials or ConfigCredentials.from_environment(os.environ),
            settings=settings,
            reporter=reporter,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pusher:
    """Stores images over the connections of ``transport``."""

    transport: Transport
    credentials: Credentials
    settings: Settings
    reporter: Reporter

    def push(
        self,
        parts: Sequence[Part],
        *,
        references: Sequence[Reference],
        elsewhere: Mapping[Digest, Sequence[Reference]],
    ) -> tuple[PushResult, ...]:
        """Do what `push_parts` promises."""
        tags = _tags_by_place(references)
        repositories = self._repositories(tags)
        bases = tuple(self._base_repositories(parts))
        deliveries: dict[Reference, Delivery] = {}
        for place in tags:
            delivery = Delivery(
                repository=repositories[place],
                parts=parts,
                sources=partial(_sources, place, tuple(deliveries), elsewhere, bases),
                reporter=self.reporter,
            )
            delivery.put_content()
            deliveries[place] = delivery
        for place, delivery in deliveries.items():
            for tag in tags[place]:
                delivery.put_tag(tag)
        return tuple(
            PushResult(
                name=place.name,
                digest=delivery.digest,
                tags=tuple(tags[place]),
                uploaded=delivery.uploaded,
                mounted=delivery.mounted,
                present=delivery.present,
            )
            for place, delivery in deliveries.items()
        )

    def check(self, references: Sequence[Reference]) -> None:
        """Do what `check_push` promises."""
        for repository in self._repositories(_tags_by_place(references)).values():
            # Nothing less tells who may push: some registries let everybody ask and read.
            answer = repository.start_upload()
            if not answer.is_success:
                raise repository.failure(answer, str(repository))
            repository.cancel_upload(answer.location)

    def _repositories(self, places: Collection[Reference]) -> dict[Reference, Repository]:
        clients = {host: self._client(host) for host in {place.registry for place in places}}
        return {
            place: Repository(client=clients[place.registry], name=place.repository)
            for place in places
        }

    def _client(self, host: str) -> RegistryClient:
        own = self.settings.registries.get(host)
        return RegistryClient(
            host=host,
            insecure=own.insecure if own else False,
            transport=self.transport,
            credentials=self.credentials,
        )

    def _base_repositories(self, parts: Sequence[Part]) -> Iterator[Reference]:
        """Yield where the images' bases come from: their registries, and the mirrors of these."""
        for name in {part.document.annotations.get(_BASE_NAME) for part in parts} - {None}:
            try:
                base = Reference.parse(str(name))
            except SpecError:
                continue
            yield from repositories_of(base, self.settings.registries)


def _tags_by_place(references: Sequence[Reference]) -> dict[Reference, list[str]]:
    tags: dict[Reference, list[str]] = {}
    for reference in references:
        if reference.digest is not None or reference.tag is None:
            raise SpecError(
                f"{reference.familiar()}: an image cannot be given a digest",
                hint="name it by a tag: the digest follows from what is in it",
            )
        place = Reference(registry=reference.registry, repository=reference.repository)
        tagged = tags.setdefault(place, [])
        if reference.tag not in tagged:
            tagged.append(reference.tag)
    return tags


def _sources(
    place: Reference,
    complete: Sequence[Reference],
    elsewhere: Mapping[Digest, Sequence[Reference]],
    bases: Sequence[Reference],
    digest: Digest,
) -> Sequence[str]:
    """Return where on the registry of ``place`` a blob may be, the likeliest repository first."""
    return tuple(
        dict.fromkeys(
            each.repository
            for each in (*complete, *elsewhere.get(digest, ()), *bases)
            if each.registry == place.registry and each.repository != place.repository
        )
    )
