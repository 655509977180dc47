"""From a registry into a blob directory: what is there already is not fetched again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci import mediatype
from condabox.oci.digest import Digest
from condabox.oci.image import read_document, read_image
from condabox.oci.model import Descriptor, ImageIndex, ImageManifest, parse_document
from condabox.registry.failures import unreachable
from condabox.registry.parallel import run_all
from condabox.registry.transport import ATTEMPTS, ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.events import Reporter, Task
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory, BlobWriter
    from condabox.platforms import Platform
    from condabox.registry.client import RegistryClient
    from condabox.registry.transport import Stream

_PARALLEL = 3
"""Blobs that are fetched at a time, as many as Docker does."""
_MAX_NESTED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Fetches images of one repository into ``blobs``, every byte checked on its way."""

    client: RegistryClient
    repository: str
    blobs: BlobDirectory
    reporter: Reporter

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
        self.fetch_blobs([manifest.config])
        image = read_image(self.blobs, descriptor, platform=platform)
        for layer in manifest.layers:
            if layer.media_type not in mediatype.OCI_LAYER_OF:
                raise ImageError(f"has a layer of type {layer.media_type}")
        return image

    def _manifest(self, selector: str) -> tuple[Descriptor, bytes]:
        pinned = ":" in selector
        digest = Digest.parse(selector) if pinned else self.client.digest(self.repository, selector)
        size = self.blobs.size(digest) if digest else None
        if digest and size is not None:
            known = Descriptor(media_type="", digest=digest, size=size)
            data = read_document(self.blobs, known)
        else:
            data = self.client.manifest(self.repository, str(digest or selector))
            self.blobs.add(data)
        descriptor = Descriptor(
            media_type=stated_media_type(data), digest=Digest.of(data), size=len(data)
        )
        return descriptor, data

    def fetch_blobs(self, descriptors: Sequence[Descriptor]) -> None:
        """Fetch the blobs that are not there."""
        by_digest = {each.digest: each for each in descriptors if not self.blobs.has(each)}
        if not by_digest:
            return
        total = sum(each.size for each in by_digest.values())
        name = f"Pulling {self.client.host}/{self.repository}"
        with self.reporter.task(name, total=total) as task:
            run_all(
                [partial(self._fetch_blob, each, task) for each in by_digest.values()],
                at_once=_PARALLEL,
                transport=self.client.transport,
                name="pull",
            )

    def _fetch_blob(self, descriptor: Descriptor, task: Task) -> None:
        with self.blobs.writer(descriptor) as writer:
            attempt = 0
            while True:
                before = writer.size
                try:
                    with self.client.blob(
                        self.repository, descriptor.digest, offset=before
                    ) as stream:
                        _receive(stream, writer, descriptor, task=task)
                except ConnectionLostError as error:
                    attempt = 0 if writer.size > before else attempt + 1
                    if attempt >= ATTEMPTS:
                        raise unreachable(self.client.host, str(error)) from None
                    self.client.transport.pause(attempt)
                else:
                    return


def _receive(stream: Stream, writer: BlobWriter, descriptor: Descriptor, *, task: Task) -> None:
    offset = writer.size if stream.status == HTTPStatus.OK else 0
    for chunk in _skipping(stream.chunks(), offset):
        if writer.size + len(chunk) > descriptor.size:
            raise DigestMismatchError(
                f"{descriptor.digest}: got more than {descriptor.size} bytes",
                hint="try again; if it repeats, the registry or a proxy damages the image",
            )
        writer.write(chunk)
        task.advance(len(chunk))
    if writer.size < descriptor.size:
        raise ConnectionLostError("the connection was closed too early")


def _skipping(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Leave out the first ``count`` bytes, which a server without ranges sends again."""
    for chunk in chunks:
        rest = chunk[count:]
        count = max(0, count - len(chunk))
        if rest:
            yield rest


def stated_media_type(data: bytes) -> str:
    """Return what a manifest or index says that it is; old OCI documents need not say it."""
    document = parse_document(data, what="image manifest")
    stated = document.get("mediaType")
    if isinstance(stated, str):
        return stated
    return mediatype.OCI_INDEX if "manifests" in document else mediatype.OCI_MANIFEST
