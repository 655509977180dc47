"""When an image was created, as it is said of BuildKit's.

BuildKit gets the same time for every image: files that it gives times of its own, and with them
layers, do not depend on when the packages were built that lie elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.oci.config import ImageConfig
from condabox.oci.image import JoinedBlobs, MemoryBlobs
from condabox.oci.manifest import ImageManifest

if TYPE_CHECKING:
    from condabox.oci.image import Image


def dated(image: Image, *, base: Image, created: str) -> Image:
    """Return ``image`` as if it was ``created`` then (RFC 3339), with all that is not ``base``'s.

    The history of ``base`` is told as ``base`` tells it.
    """
    below = base.config.history
    config = ImageConfig.create(
        platform=image.platform,
        created=created,
        config=image.config.config,
        diff_ids=image.config.diff_ids,
        history=(
            *below,
            *(replace(entry, created=created) for entry in image.config.history[len(below) :]),
        ),
        extra=image.config.extra,
    )
    manifest = ImageManifest.create(
        config=replace(image.manifest.config, digest=config.digest, size=len(config.raw)),
        layers=image.manifest.layers,
        annotations=image.manifest.annotations,
    )
    documents = MemoryBlobs({config.digest: config.raw, manifest.descriptor.digest: manifest.raw})
    return replace(
        image,
        descriptor=manifest.descriptor,
        manifest=manifest,
        config=config,
        blobs=JoinedBlobs(dict.fromkeys(documents.blobs, documents), image.blobs),
    )
