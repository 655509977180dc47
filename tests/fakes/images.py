"""Small images: their layers hold what a test says, their blobs are in a directory of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.content import BytesContent
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.oci.image import new_image
from condabox.oci.layer import write_layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from condabox.oci.tarball import TarFile
from condabox.outputs.store import NamedImages
from condabox.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.oci.layer import Layer

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
EPOCH = 1_700_000_000


def make_layer(
    directory: Path, files: Mapping[str, bytes], *, compression: Compression = Compression.GZIP
) -> Layer:
    """Write a layer of executable ``files`` into the blobs of ``directory``."""
    entries = [
        TarFile(path=path, content=BytesContent(files[path]), mode=0o755)
        for path in sorted(files, key=str.encode)
    ]
    return write_layer(
        entries,
        mtime=EPOCH,
        compression=compression,
        blobs=BlobDirectory(directory / "blobs"),
        annotations={},
    )


def make_image(
    directory: Path,
    *files: Mapping[str, bytes],
    base: Image | None = None,
    platform: Platform = AMD64,
    config: ContainerConfig | None = None,
    compression: Compression = Compression.GZIP,
) -> Image:
    """Make an image with one layer for each of ``files``."""
    return new_image(
        base=base,
        layers=[
            (make_layer(directory, each, compression=compression), f"layer of {', '.join(each)}")
            for each in files
        ],
        blobs=BlobDirectory(directory / "blobs"),
        config=config or ContainerConfig(),
        platform=platform,
        epoch=EPOCH,
        annotations={},
    )


def named(*images: Image, name: str = "ai:1.0") -> NamedImages:
    """Return what the local store would, of images that are in none."""
    whole = parts_of(images)[-1]
    return NamedImages(
        names=(Reference.parse(name),),
        images=images,
        descriptor=whole.document.descriptor,
        blobs=whole.blobs,
    )
