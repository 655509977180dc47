"""Layers as values, and images that have them without a byte being there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from condabox.inspection.layer_contents import read_layer
from condabox.oci.config import ContainerConfig, History, ImageConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import Image, MemoryBlobs
from condabox.oci.manifest import ImageManifest
from condabox.oci.mediatype import OCI_CONFIG, OCI_LAYER, OCI_LAYER_ZSTD
from tests.fakes.images import AMD64
from tests.fakes.tars import layer

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping, Sequence

    from condabox.inspection.layer_contents import LayerContents
    from tests.fakes.tars import Entry

CREATED = "2026-01-31T23:59:59Z"


def read_tar(tar: io.BytesIO) -> LayerContents:
    """Read a layer that was written by hand."""
    data = tar.getvalue()
    descriptor = Descriptor(media_type=OCI_LAYER, digest=Digest.of(data), size=len(data))
    return read_layer(MemoryBlobs({descriptor.digest: data}), descriptor)


def contents(*entries: Entry) -> LayerContents:
    """Return the contents of a layer of ``entries``; a name alone is a file that holds it."""
    return read_tar(layer(*entries))


def conda_record(
    name: str, *files: str, version: str = "1.0", build: str = "0", prefix: str = "opt/env"
) -> tuple[str, bytes]:
    """Return conda's record of a package, as it stands in a layer."""
    document = {"name": name, "version": version, "build": build, "files": list(files)}
    path = f"{prefix}/conda-meta/{name}-{version}-{build}.json"
    return path, json.dumps(document).encode()


def wheel_record(
    name: str, *files: str, version: str = "1.0", site: str = "opt/env/lib/python3.12/site-packages"
) -> tuple[str, bytes]:
    """Return the RECORD of a wheel, whose paths are relative to ``site``."""
    folder = f"{name}-{version}.dist-info"
    lines = [f"{path},,\n" for path in (*files, f"{folder}/RECORD")]
    return f"{site}/{folder}/RECORD", "".join(lines).encode()


def image_of(
    *sizes: int,
    layer_annotations: Mapping[int, Mapping[str, str]] | None = None,
    annotations: Mapping[str, str] | None = None,
    titles: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    seed: str = "",
    media_type: str = OCI_LAYER_ZSTD,
) -> Image:
    """Return an image whose layers have ``sizes`` compressed, and blobs that nobody has."""
    layers = [
        Descriptor(
            media_type=media_type,
            digest=Digest.of(f"{seed} {number} {size}".encode()),
            size=size,
            annotations=(layer_annotations or {}).get(number, {}),
        )
        for number, size in enumerate(sizes)
    ]
    config = ImageConfig.create(
        platform=AMD64,
        created=CREATED,
        config=ContainerConfig(env=env or {}),
        diff_ids=[
            each.digest if media_type == OCI_LAYER else Digest.of(f"tar of {each.digest}".encode())
            for each in layers
        ],
        history=[History(created=CREATED, created_by=title) for title in titles],
        extra={},
    )
    manifest = ImageManifest.create(
        config=Descriptor(media_type=OCI_CONFIG, digest=config.digest, size=len(config.raw)),
        layers=layers,
        annotations=annotations or {},
    )
    return Image(
        descriptor=manifest.descriptor, manifest=manifest, config=config, blobs=MemoryBlobs({})
    )
