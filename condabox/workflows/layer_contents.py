"""What the layers of an image have: known from before, or read now and remembered."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import DigestMismatchError, ImageError
from condabox.inspection.contents_cache import ContentsCache
from condabox.inspection.layer_contents import read_layer
from condabox.oci.compress import default_threads
from condabox.oci.image import BlobSource
from condabox.oci.layout import BlobDirectory
from condabox.registry.pull import RemoteBlobs

if TYPE_CHECKING:
    from typing import BinaryIO

    from condabox.events import Reporter
    from condabox.inspection.layer_contents import LayerContents
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import Image
    from condabox.settings import Settings


def read_contents(
    image: Image, *, settings: Settings, reporter: Reporter
) -> tuple[LayerContents, ...]:
    """Return the contents of each layer of ``image``.

    Only layers that were never read before are opened.  What a registry sends is read and gone:
    the local store keeps nothing of it.
    """
    cache = ContentsCache(settings.cache_dir)
    layers = image.manifest.layers
    known = {layer.digest: contents for layer in layers if (contents := cache.get(layer.digest))}
    missing = {layer.digest: layer for layer in layers if layer.digest not in known}
    if not missing:
        return tuple(known[layer.digest] for layer in layers)
    with ExitStack() as stack:
        blobs = image.blobs
        if isinstance(blobs, RemoteBlobs):
            scratch = settings.cache_dir / "tmp"
            scratch.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=scratch))
            blobs = _PassingBlobs(remote=blobs, scratch=BlobDirectory(Path(folder)))
        total = sum(layer.size for layer in missing.values())
        task = stack.enter_context(reporter.task("Reading layers", total=total))
        pool = stack.enter_context(ThreadPoolExecutor(default_threads()))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)

        def read(layer: Descriptor) -> None:
            contents = _read(blobs, layer)
            cache.put(layer.digest, contents)
            known[layer.digest] = contents
            task.advance(layer.size)

        # the largest first, so that no worker is left alone with it at the end
        list(pool.map(read, sorted(missing.values(), key=lambda each: -each.size)))
    return tuple(known[layer.digest] for layer in layers)


def _read(blobs: BlobSource, layer: Descriptor) -> LayerContents:
    try:
        return read_layer(blobs, layer)
    except DigestMismatchError as error:
        raise ImageError(
            f"the image is damaged: {error.message}", hint="build it, or pull it, again"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _PassingBlobs(BlobSource):
    """Blobs of a registry that are kept for as long as somebody reads them."""

    remote: RemoteBlobs
    scratch: BlobDirectory

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open the blob: of the local store where it has it, else what the registry sends."""
        kept = self.remote.puller.blobs
        if kept.has(descriptor):
            return kept.open(descriptor)
        replace(self.remote, puller=replace(self.remote.puller, blobs=self.scratch)).fetch(
            [descriptor]
        )
        stream = self.scratch.open(descriptor)
        with suppress(PermissionError):  # where open files stay, the folder goes in the end
            self.scratch.path_of(descriptor.digest).unlink()
        return stream
