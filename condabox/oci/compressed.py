"""Images whose layers nobody has compressed yet, as ``docker save`` writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.files import write_atomically
from condabox.oci.compress import CompressingWriter, Compression, default_threads
from condabox.oci.descriptor import Descriptor
from condabox.oci.document import canonical_json
from condabox.oci.image import blob_chunks, read_image
from condabox.oci.manifest import ImageManifest
from condabox.oci.mediatype import OCI_CONFIG, OCI_LAYER, OCI_LAYER_OF

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.events import Reporter, Task
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedImages:
    """Remembers, in ``folder``, the images that were compressed into ``blobs``, each by a key."""

    folder: Path
    blobs: BlobDirectory

    def get(self, key: str) -> Image | None:
        """Return the image that was put under ``key``, if all of it is still there."""
        try:
            document = json.loads(self._path(key).read_bytes())
            descriptor = Descriptor.from_mapping(document, at="")
            image = read_image(self.blobs, descriptor, platform=None)
        except (OSError, ValueError, RecursionError, ImageError):
            return None
        return image if all(map(self.blobs.has, image.manifest.layers)) else None

    def put(self, key: str, image: Image, *, reporter: Reporter) -> Image:
        """Compress the layers of ``image`` that are not, and remember it under ``key``."""
        raw = [layer for layer in image.manifest.layers if _is_raw(layer)]
        kept: dict[Digest, Descriptor] = {}
        with reporter.task("Compressing the base", total=sum(each.size for each in raw)) as task:
            for layer in image.manifest.layers:
                if layer.digest not in kept:
                    kept[layer.digest] = self._kept(image, layer, task)
        manifest = _with_layers(image, kept) if raw else image.manifest
        self.blobs.add(image.config.raw)
        self.blobs.add(manifest.raw)
        write_atomically(self._path(key), canonical_json(manifest.descriptor.to_json()))
        return read_image(self.blobs, manifest.descriptor, platform=None)

    def _kept(self, image: Image, layer: Descriptor, task: Task) -> Descriptor:
        if not _is_raw(layer):
            self.blobs.copy(layer, source=image.blobs)
            return layer
        with (
            self.blobs.writer() as blob,
            CompressingWriter(
                blob.write, compression=Compression.GZIP, threads=default_threads()
            ) as stream,
        ):
            for chunk in blob_chunks(image.blobs, layer):
                stream.write(chunk)
                task.advance(len(chunk))
        media_type = Compression.GZIP.media_type
        return Descriptor(media_type=media_type, digest=blob.digest, size=blob.size)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _with_layers(image: Image, kept: Mapping[Digest, Descriptor]) -> ImageManifest:
    layers = [kept[layer.digest] for layer in image.manifest.layers]
    return ImageManifest.create(
        config=replace(image.manifest.config, media_type=OCI_CONFIG),
        layers=[replace(layer, media_type=OCI_LAYER_OF[layer.media_type]) for layer in layers],
        annotations=image.manifest.annotations,
    )


def has_raw_layers(image: Image) -> bool:
    """Say whether there is a layer that would go into a registry uncompressed."""
    return any(map(_is_raw, image.manifest.layers))


def _is_raw(layer: Descriptor) -> bool:
    return OCI_LAYER_OF.get(layer.media_type) == OCI_LAYER
