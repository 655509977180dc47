"""What ``docker save`` wrote before it wrote OCI layouts, seen as an index of OCI images."""

from __future__ import annotations

import hashlib
import json
import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.decode import each, mapping, required, strings
from condabox.errors import ImageError
from condabox.oci.config import ImageConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import CHUNK, Digest
from condabox.oci.image import JoinedBlobs, MemoryBlobs
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.oci.mediatype import OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD
from condabox.oci.members import LONGEST_MAGIC, MemberBlobs
from condabox.oci.names import name_annotations

if TYPE_CHECKING:
    from condabox.decode import JSON
    from condabox.oci.image import BlobSource
    from condabox.oci.members import Members

DOCKER_FILE = "manifest.json"
_LAYER_TYPES = {b"\x1f\x8b": OCI_LAYER_GZIP, b"\x28\xb5\x2f\xfd": OCI_LAYER_ZSTD}


def read_docker_archive(members: Members) -> tuple[ImageIndex, BlobSource]:
    """Return the images that ``manifest.json`` lists, and where their blobs are.

    Layers stay as they are, compressed or not; the manifests are made up.
    """
    try:
        listing = json.loads(members.document(DOCKER_FILE))
        images = each(listing, lambda item, at: _DockerImage.read(mapping(item, at=at), at), at="")
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{members.path}: {DOCKER_FILE}: {error}") from None
    documents: dict[Digest, bytes] = {}
    names: dict[Digest, str] = {}
    entries: list[Descriptor] = []
    for image in images:
        config = ImageConfig.parse(members.document(image.config))
        manifest = ImageManifest.create(
            config=Descriptor(media_type=OCI_CONFIG, digest=config.digest, size=len(config.raw)),
            layers=_docker_layers(members, image, config, names),
            annotations={},
        )
        documents |= {config.digest: config.raw, manifest.descriptor.digest: manifest.raw}
        entries += [
            replace(manifest.descriptor, annotations=called, platform=config.platform)
            for called in [name_annotations(tag) for tag in image.tags] or [{}]
        ]
    memory = MemoryBlobs(documents)
    blobs = JoinedBlobs(dict.fromkeys(documents, memory), MemberBlobs(members, names))
    return ImageIndex.create(entries), blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class _DockerImage:
    """One entry of Docker's ``manifest.json``."""

    config: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]

    @classmethod
    def read(cls, obj: JSON, at: str) -> _DockerImage:
        return cls(
            config=posixpath.normpath(required(obj, "Config", str, at=at)),
            layers=tuple(map(posixpath.normpath, strings(obj.get("Layers") or (), at=at))),
            tags=strings(obj.get("RepoTags") or (), at=at),
        )


def _docker_layers(
    members: Members, image: _DockerImage, config: ImageConfig, names: dict[Digest, str]
) -> list[Descriptor]:
    """Describe the layers of an image, and note in ``names`` which member is which blob."""
    if len(image.layers) != len(config.diff_ids):
        raise ImageError(
            f"{members.path}: {image.config} has {len(config.diff_ids)} diff IDs"
            f" for {len(image.layers)} layers"
        )
    layers = []
    for name, diff_id in zip(image.layers, config.diff_ids, strict=True):
        with members.open(name) as stream:
            magic = stream.read(LONGEST_MAGIC)
        media_type = next(
            (kind for start, kind in _LAYER_TYPES.items() if magic.startswith(start)), OCI_LAYER
        )
        # What is not compressed is its own diff ID; readers verify that.
        digest = diff_id if media_type == OCI_LAYER else _hashed(members, name)
        names[digest] = name
        layers.append(
            Descriptor(media_type=media_type, digest=digest, size=members.found[name].size)
        )
    return layers


def _hashed(members: Members, name: str) -> Digest:
    seen = hashlib.sha256()
    with members.open(name) as stream:
        while chunk := stream.read(CHUNK):
            seen.update(chunk)
    return Digest(seen.hexdigest())
