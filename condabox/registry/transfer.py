"""From a registry into a blob directory: what is there already is not fetched again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from condabox.errors import DigestMismatchError, ImageError, ImageNotFoundError, RegistryError
from condabox.oci import mediatype
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import parse_document
from condabox.oci.image import check_document, read_document, read_image
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.registry.addresses import host_of
from condabox.registry.download import BlobDownload, BlobOrigin
from condabox.registry.parallel import run_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.events import Reporter, Task
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.platforms import Platform
    from condabox.registry.client import RegistryClient

_PARALLEL = 3
"""Blobs that are fetched at a time, as many as Docker does."""
_MAX_NESTED = 4
_LONGEST_TYPE = 255
"""RFC 6838 §4.2: each half has at most 127 characters."""
_DOCUMENTS = frozenset({*mediatype.INDEXES, *mediatype.MANIFESTS, *mediatype.CONFIGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Fetches images of one repository into ``blobs``, every byte checked on its way."""

    client: RegistryClient
    repository: str
    blobs: BlobDirectory
    reporter: Reporter

    def resolve(self, selector: str) -> Descriptor:
        """Return what ``selector``, a tag or a digest, names: a manifest or an index, now here."""
        descriptor, _ = self._manifest(selector)
        return descriptor

    def open(self, selector: str, *, platform: Platform) -> Image:
        """Return the image that ``selector``, a tag or a digest, names on ``platform``.

        Its layers are not fetched.  A digest whose documents are all there is answered without
        asking the registry.
        """
        descriptor, data = self._manifest(selector)
        for _ in range(_MAX_NESTED):
            if descriptor.media_type not in mediatype.INDEXES:
                break
            chosen = ImageIndex.parse(data).select(platform)
            descriptor, data = self._manifest(str(chosen.digest))
        manifest = ImageManifest.parse(data)
        check_document(manifest.config)
        self.fetch_blobs([manifest.config])
        image = read_image(self.blobs, descriptor, platform=platform)
        for layer in manifest.layers:
            if layer.media_type not in mediatype.OCI_LAYER_OF:
                raise ImageError(f"has a layer of type {layer.media_type}")
        return image

    def _manifest(self, selector: str) -> tuple[Descriptor, bytes]:
        pinned = ":" in selector
        digest = Digest.parse(selector) if pinned else self.client.digest(self.repository, selector)
        data = _document(self.blobs, digest) if digest else None
        if data is None:
            data = self.client.manifest(self.repository, str(digest or selector))
            self.blobs.add(data)
        descriptor = Descriptor(
            media_type=stated_media_type(data), digest=Digest.of(data), size=len(data)
        )
        return descriptor, data

    def fetch_blobs(self, descriptors: Sequence[Descriptor]) -> None:
        """Fetch the blobs, manifests and indexes that are not there."""
        by_digest = {each.digest: each for each in missing(descriptors, self.blobs)}
        if not by_digest:
            return
        total = sum(each.size for each in by_digest.values())
        name = f"Pulling {self.client.host}/{self.repository}"
        with self.reporter.task(name, total=total) as task:
            run_all(
                [partial(self._fetch, each, task) for each in by_digest.values()],
                at_once=_PARALLEL,
                transport=self.client.transport,
                name="pull",
            )

    def _fetch(self, descriptor: Descriptor, task: Task) -> None:
        if descriptor.media_type in (*mediatype.MANIFESTS, *mediatype.INDEXES):
            data = self.client.manifest(self.repository, str(descriptor.digest))
            self.blobs.add(data)
            task.advance(len(data))
            return
        failures: list[str] = []
        download = BlobDownload(
            descriptor, blobs=self.blobs, transport=self.client.transport, task=task
        )
        for origin in self._origins(descriptor):
            try:
                download.run(origin)
            except RegistryError as error:
                if descriptor.media_type not in mediatype.RESTRICTED:
                    raise
                failures.append(error.message)
            else:
                return
        reasons = "".join(f"\n    {reason}" for reason in failures)
        raise ImageNotFoundError(
            f"layer {descriptor.digest} may not be passed on, and can be had nowhere:{reasons}",
            hint="ask for it where the image comes from, or use another base image",
        )

    def _origins(self, descriptor: Descriptor) -> Iterator[BlobOrigin]:
        opened = partial(self.client.blob, self.repository, descriptor.digest)
        yield BlobOrigin(host=self.client.host, opened=opened)
        if descriptor.media_type in mediatype.RESTRICTED:
            for url in descriptor.urls:
                yield BlobOrigin(host=host_of(url), opened=partial(self.client.elsewhere, url))


def missing(descriptors: Sequence[Descriptor], blobs: BlobDirectory) -> list[Descriptor]:
    """Return what is not in ``blobs``; documents are read, and not there where damaged."""
    return [
        each
        for each in descriptors
        if not blobs.has(each)
        or (each.media_type in _DOCUMENTS and _document(blobs, each.digest) is None)
    ]


def _document(blobs: BlobDirectory, digest: Digest) -> bytes | None:
    """Return a document that is here; one that is damaged is removed, to be fetched anew."""
    size = blobs.size(digest)
    if size is None:
        return None
    try:
        return read_document(blobs, Descriptor(media_type="", digest=digest, size=size))
    except DigestMismatchError:
        blobs.discard(digest)
        return None


def stated_media_type(data: bytes) -> str:
    """Return what a manifest or index says that it is; old OCI documents need not say it."""
    document = parse_document(data, what="image manifest")
    stated = document.get("mediaType")
    if isinstance(stated, str):
        return stated[:_LONGEST_TYPE]
    return mediatype.OCI_INDEX if "manifests" in document else mediatype.OCI_MANIFEST
