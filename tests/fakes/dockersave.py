"""Archives as Docker before 25 saves them: their layers are not compressed."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

from condabox.oci.compress import decompressed
from condabox.oci.image import open_verified

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image


def docker_save(path: Path, image: Image, *, tags: list[str] | None = None) -> Path:
    """Write what Docker does; the last layer is a link to the same one elsewhere."""
    *below, last = plain_layers(image)
    config = f"{image.config.digest.hex}.json"
    names = [f"{number}/layer.tar" for number in range(1, len(below) + 2)]
    listing = [{"Config": config, "RepoTags": tags, "Layers": names}]
    files = {
        **dict(zip(names, below, strict=False)),
        "other/layer.tar": last,
        config: image.config.raw,
        "manifest.json": json.dumps(listing).encode(),
    }
    return write_tar(path, files, {names[-1]: "../other/layer.tar"})


def plain_layers(image: Image) -> list[bytes]:
    """Return the layers of ``image`` as they are before compression."""
    layers = []
    for layer in image.manifest.layers:
        with open_verified(image.blobs, layer) as stream:
            tar = decompressed(stream, media_type=layer.media_type)
            layers.append(b"".join(iter(lambda: tar.read(1 << 20), b"")))  # noqa: B023
    return layers


def write_tar(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """Write a tar of ``files``, and of symbolic ``links`` with their targets."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path
