"""Documents of image-spec as others write them: sound, but for what a test changes.

manifest(layers=[descriptor(size=-1)])
config(rootfs=ABSENT)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import JoinedBlobs, MemoryBlobs, read_image
from condabox.oci.layout import ImageLayout
from condabox.oci.mediatype import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
)
from tests.fakes.images import AMD64, make_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.platforms import Platform

ABSENT: Final = object()
"""What a property is changed to that shall not be there."""

DIFF_ID = Digest.of(b"a layer")


def descriptor(data: bytes = b"{}", /, **changes: object) -> dict[str, object]:
    """Describe ``data`` as an image config."""
    found = {"mediaType": OCI_CONFIG, "digest": str(Digest.of(data)), "size": len(data)}
    return _changed(found, changes)


def manifest(**changes: object) -> bytes:
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(),
        "layers": [],
    }
    return _encoded(document, changes)


def index(*manifests: object, **changes: object) -> bytes:
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": list(manifests),
    }
    return _encoded(document, changes)


def config(**changes: object) -> bytes:
    document: dict[str, object] = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [str(DIFF_ID)]},
    }
    return _encoded(document, changes)


def read(raw: bytes, *blobs: bytes) -> Image:
    """Read the image whose manifest is ``raw``, out of documents that are nowhere but here."""
    found = Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(raw), size=len(raw))
    there = MemoryBlobs({Digest.of(each): each for each in (raw, *blobs)})
    return read_image(there, found, platform=None)


def docker_base(
    directory: Path, *, platform: Platform = AMD64, config: Mapping[str, object] | None = None
) -> Image:
    """Make an image as Docker pushes it, whose config has the fields ``config``."""
    image = make_image(directory, {"bin/sh": b"sh"}, {"etc/os-release": b"ID=x"}, platform=platform)
    raw_config = _encoded(json.loads(image.config.raw), config or {})
    document = json.loads(image.manifest.raw)
    document["mediaType"] = DOCKER_MANIFEST
    document["config"] = descriptor(raw_config, mediaType=DOCKER_CONFIG)
    for layer in document["layers"]:
        layer["mediaType"] = DOCKER_LAYER_GZIP
    raw = json.dumps(document, indent=3).encode()
    memory = MemoryBlobs({Digest.of(each): each for each in (raw_config, raw)})
    blobs = JoinedBlobs(dict.fromkeys(memory.blobs, memory), image.blobs)
    found = Descriptor(media_type=DOCKER_MANIFEST, digest=Digest.of(raw), size=len(raw))
    return read_image(blobs, found, platform=platform)


@dataclass(frozen=True, slots=True)
class Written:
    """A layout that was written, as one sees it who has the specification alone."""

    path: Path

    @property
    def entries(self) -> list[dict[str, object]]:
        """What ``index.json`` lists."""
        return list(json.loads((self.path / "index.json").read_bytes())["manifests"])

    def blob(self, found: object) -> bytes:
        """Return the bytes that a descriptor stands for."""
        assert isinstance(found, dict)
        algorithm, _, encoded = str(found["digest"]).partition(":")
        return (self.path / "blobs" / algorithm / encoded).read_bytes()

    def documents(self) -> Iterator[bytes]:
        """Yield every JSON document."""
        yield (self.path / "oci-layout").read_bytes()
        yield (self.path / "index.json").read_bytes()
        for found in self.descriptors():
            if found["mediaType"] in {OCI_INDEX, OCI_MANIFEST, OCI_CONFIG}:
                yield self.blob(found)

    def descriptors(self) -> Iterator[dict[str, object]]:
        """Yield every descriptor, those that ``index.json`` leads to, and so on."""
        waiting = self.entries
        while waiting:
            found = waiting.pop()
            yield found
            if found["mediaType"] in {OCI_INDEX, OCI_MANIFEST}:
                document = json.loads(self.blob(found))
                waiting += document.get("manifests", [])
                waiting += document.get("layers", [])
                waiting += [document["config"]] if "config" in document else []

    def of_type(self, media_type: str) -> list[dict[str, object]]:
        """Return every document of a type, decoded."""
        return [
            json.loads(self.blob(found))
            for found in self.descriptors()
            if found["mediaType"] == media_type
        ]


def written(directory: Path, *images: Image) -> Written:
    """Write ``images`` into a layout as one image for several platforms."""
    ImageLayout.create(directory).add(images, name="registry.example/team/ai:1.0")
    return Written(directory)


def _encoded(document: dict[str, object], changes: Mapping[str, object]) -> bytes:
    return json.dumps(_changed(document, changes)).encode()


def _changed(document: dict[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in {**document, **changes}.items() if value is not ABSENT}
