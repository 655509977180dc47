"""An index as BuildKit writes it: with an attestation for each image, and not as condabox would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.oci.digest import Digest
from condabox.oci.image import placed
from condabox.oci.layout import INDEX_FILE, BlobDirectory, ImageLayout
from condabox.oci.manifest import ImageIndex
from condabox.oci.mediatype import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.registry import FakeRegistry

STATEMENT = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """The index, and all other documents and blobs."""

    index: ImageIndex
    manifests: tuple[bytes, ...]
    blobs: tuple[bytes, ...]

    @classmethod
    def of(cls, images: Sequence[Image]) -> Attested:
        blobs, manifests, entries = [], [], []
        for image in images:
            for each in (*image.manifest.layers, image.manifest.config):
                with image.blobs.open(each) as stream:
                    blobs.append(stream.read())
            manifests.append(image.manifest.raw)
            entries.append(placed(image).to_json())
        for image in images:
            statement = json.dumps({"subject": str(image.digest)}).encode()
            config = json.dumps({"os": "unknown", "of": str(image.digest)}).encode()
            raw = _document(
                mediaType=OCI_MANIFEST,
                config=_described(config, OCI_CONFIG),
                layers=[_described(statement, STATEMENT)],
            )
            blobs += [statement, config]
            manifests.append(raw)
            marks = {
                "vnd.docker.reference.digest": str(image.digest),
                "vnd.docker.reference.type": "attestation-manifest",
            }
            unknown = {"architecture": "unknown", "os": "unknown"}
            described = _described(raw, OCI_MANIFEST)
            entries.append({**described, "annotations": marks, "platform": unknown})
        index = ImageIndex.parse(_document(mediaType=OCI_INDEX, manifests=entries))
        return cls(index=index, manifests=tuple(manifests), blobs=tuple(blobs))

    @property
    def digest(self) -> Digest:
        return self.index.descriptor.digest

    def into_registry(self, registry: FakeRegistry, repository: str, tag: str) -> None:
        for blob in self.blobs:
            registry.link(repository, blob)
        for raw in self.manifests:
            registry.add_document(repository, raw)
        registry.tag(repository, tag, self.index.raw)

    def into_layout(self, folder: Path) -> None:
        layout = ImageLayout.create(folder)
        for data in (*self.blobs, *self.manifests, self.index.raw):
            BlobDirectory(folder / "blobs").add(data)
        top = ImageIndex.create([self.index.descriptor])
        (layout.path / INDEX_FILE).write_bytes(top.raw)


def _described(data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def _document(**fields: object) -> bytes:
    return json.dumps({"schemaVersion": 2, **fields}, indent=3).encode()
