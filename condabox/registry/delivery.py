"""An image on its way into one repository: layers, configs, manifests, indexes, and then tags."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.errors import ImageError, RegistryError, RegistryRefusedError
from condabox.oci.mediatype import RESTRICTED
from condabox.registry.addresses import host_of
from condabox.registry.blobreader import BlobReader
from condabox.registry.parallel import run_all, say_farewell
from condabox.registry.uploads import BlobUpload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from condabox.events import Reporter, Task
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.digest import Digest
    from condabox.oci.image import BlobSource
    from condabox.oci.manifest import ImageIndex, ImageManifest
    from condabox.oci.parts import Part
    from condabox.registry.messages import Response
    from condabox.registry.repository import Repository
    from condabox.registry.transport import Transport

_PARALLEL = 5
"""Blobs that are sent at a time, as many as Docker does."""
_MOUNTS = 2
"""Repositories in which a registry is asked to look for one blob."""
_FOREIGN = (
    "does it take layers that are elsewhere? For Docker's registry the addresses must be allowed "
    "in its configuration, below validation.manifests.urls"
)


@dataclass(frozen=True, slots=True)
class _Blob:
    descriptor: Descriptor
    source: BlobSource


class Delivery:
    """Puts ``parts``, of which the last is the whole, into ``repository``.

    ``sources`` tells in which other repositories of the registry a blob may be.  Layers that may
    not be passed on stay where their addresses lead.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        parts: Sequence[Part],
        sources: Callable[[Digest], Sequence[str]],
        reporter: Reporter,
    ) -> None:
        self._repository = repository
        self._sources = sources
        self._reporter = reporter
        self._parts = tuple(parts)
        layers = _by_digest(_Blob(layer, part.blobs) for part in parts for layer in part.layers)
        self._elsewhere = {digest: blob for digest, blob in layers.items() if _stays(blob)}
        self._layers = {
            digest: blob for digest, blob in layers.items() if digest not in self._elsewhere
        }
        self._configs = _by_digest(
            _Blob(config, part.blobs) for part in parts for config in part.configs
        )
        self._documents = tuple(part.document for part in parts)
        self._uploaded: dict[Digest, int] = {}
        self._mounted: dict[Digest, int] = {}
        self._barren: set[str] = set()

    @property
    def digest(self) -> Digest:
        """What a tag stands for: the manifest, or the index of several."""
        return self._documents[-1].descriptor.digest

    @property
    def uploaded(self) -> int:
        """The bytes of blobs and manifests that were sent."""
        return sum(self._uploaded.values())

    @property
    def mounted(self) -> int:
        """The bytes that came from other repositories of the registry."""
        return sum(self._mounted.values())

    @property
    def present(self) -> int:
        """The bytes that were there before."""
        descriptors = [blob.descriptor for blob in (self._layers | self._configs).values()]
        descriptors += [document.descriptor for document in self._documents]
        return sum(each.size for each in descriptors) - self.uploaded - self.mounted

    def put_content(self) -> None:
        """Store everything that is missing, and each thing after what it speaks of."""
        for digest, blob in self._elsewhere.items():
            host = host_of(blob.descriptor.urls[0])
            self._reporter.message(f"layer {digest} may not be passed on: it stays at {host}")
        missing = self._missing()
        if missing:
            total = sum(blob.descriptor.size for blob in missing.values())
            with self._reporter.task(f"Pushing {self._repository}", total=total) as task:
                for group in (self._layers, self._configs):
                    self._deliver([missing[digest] for digest in group if digest in missing], task)
        for document in self._documents:
            descriptor = document.descriptor
            if self._repository.digest(str(descriptor.digest)) != descriptor.digest:
                self._put(document, str(descriptor.digest))
                self._uploaded[descriptor.digest] = descriptor.size

    def put_tag(self, tag: str) -> None:
        """Let ``tag`` stand for the image, unless it does: some tags may not be set twice."""
        if self._repository.digest(tag) == self.digest:
            return
        try:
            self._put(self._documents[-1], tag)
        except RegistryError:
            # The answer to an earlier attempt may have been lost, and the tag be there since.
            if not self._stands_for_it(tag):
                raise

    def _stands_for_it(self, tag: str) -> bool:
        try:
            return self._repository.digest(tag) == self.digest
        except RegistryError:
            return False

    def _put(self, document: ImageManifest | ImageIndex, selector: str) -> None:
        try:
            self._repository.put_manifest(selector, document.raw, media_type=document.media_type)
        except RegistryError as error:
            if not self._elsewhere or isinstance(error, RegistryRefusedError):
                raise
            raise RegistryError(error.message, hint=_FOREIGN) from None

    def _missing(self) -> dict[Digest, _Blob]:
        blobs = self._layers | self._configs
        there: set[Digest] = set()

        def look_for(digest: Digest) -> None:
            if self._repository.has_blob(digest):
                there.add(digest)

        self._run([partial(look_for, digest) for digest in blobs])
        return {digest: blob for digest, blob in blobs.items() if digest not in there}

    def _deliver(self, blobs: Sequence[_Blob], task: Task) -> None:
        # The largest first: none is left to go alone at the end.
        ordered = sorted(blobs, key=lambda blob: -blob.descriptor.size)
        uploads: dict[Digest, BlobUpload] = {}
        try:
            self._run([partial(self._mount_one, blob, uploads, task) for blob in ordered])
            self._bring([blob for blob in blobs if blob.descriptor.digest in uploads])
            self._run(
                [
                    partial(self._upload, blob, uploads[blob.descriptor.digest])
                    for blob in ordered
                    if blob.descriptor.digest in uploads
                ]
            )
        except BaseException:
            # distribution-spec, "Cancel a blob upload": who aborts should say so
            abandoned = [upload.abandon for upload in uploads.copy().values()]
            say_farewell(abandoned, at_once=_PARALLEL, transport=self._transport, name="farewell")
            raise

    def _bring(self, blobs: Sequence[_Blob]) -> None:
        """Have here what will be sent; raise ImageError for what may not be."""
        for blob in blobs:
            if blob.descriptor.media_type in RESTRICTED:
                raise ImageError(
                    f"layer {blob.descriptor.digest} may not be passed on, and the image names no "
                    "address to have it from",
                    hint="push to the registry where the image comes from, or use another base",
                )
        digests = {blob.descriptor.digest for blob in blobs}
        for part in self._parts:
            there = (*part.layers, *part.configs)
            part.blobs.fetch([each for each in there if each.digest in digests])

    @property
    def _transport(self) -> Transport:
        return self._repository.client.transport

    def _run(self, jobs: Sequence[Callable[[], None]]) -> None:
        run_all(jobs, at_once=_PARALLEL, transport=self._transport, name="push")

    def _mount_one(self, blob: _Blob, uploads: dict[Digest, BlobUpload], task: Task) -> None:
        """Let the registry find the blob; else add to ``uploads`` how it gets there."""
        digest, size = blob.descriptor.digest, blob.descriptor.size
        answer = self._mount(digest)
        if answer and answer.status == HTTPStatus.CREATED:
            self._mounted[digest] = size
            task.advance(size)
        else:
            reader = BlobReader(blob.source, blob.descriptor, task=task)
            uploads[digest] = BlobUpload(self._repository, reader, session=answer)

    def _upload(self, blob: _Blob, upload: BlobUpload) -> None:
        with upload.reader:
            upload.run()
        self._uploaded[blob.descriptor.digest] = blob.descriptor.size

    def _mount(self, digest: Digest) -> Response | None:
        """Return the answer of a registry that has found the blob, or else waits for it."""
        begun: Response | None = None
        sources = [source for source in self._sources(digest) if source not in self._barren]
        for source in sources[:_MOUNTS]:
            if begun:
                self._repository.cancel_upload(begun.location)
            try:
                begun = self._repository.start_upload(mount=digest, source=source)
            except RegistryError:
                begun = None
            if begun and begun.status == HTTPStatus.CREATED:
                return begun
            if begun is None or not begun.is_success:
                # We may not read there, or this registry mounts nothing: it can be sent the blob.
                self._barren.add(source)
                begun = None
        return begun


def _stays(blob: _Blob) -> bool:
    return blob.descriptor.media_type in RESTRICTED and bool(blob.descriptor.urls)


def _by_digest(blobs: Iterable[_Blob]) -> dict[Digest, _Blob]:
    return {blob.descriptor.digest: blob for blob in blobs}
