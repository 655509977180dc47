"""Finished layers, found again by what they were made from.

A hit costs two small files: nothing is fetched, linked or compressed.  The blobs themselves are in
the local store.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.decode import mapping, required
from condabox.errors import ImageError
from condabox.files import write_atomically
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json
from condabox.oci.layer import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.oci.layout import BlobDirectory

RECIPE = 2
"""Raised whenever the same inputs would give other bytes than before."""


def layer_key(inputs: Mapping[str, object]) -> str:
    """Name the layer that ``inputs``, a JSON-able description of them all, determine."""
    return hashlib.sha256(canonical_json({"recipe": RECIPE, **inputs})).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCache:
    """Maps keys to layers whose blobs are in ``blobs``."""

    directory: Path
    blobs: BlobDirectory

    def get(self, key: str) -> Layer | None:
        """Return the layer made from what ``key`` names, if its blob is still there, whole."""
        try:
            document = mapping(json.loads(self._path(key).read_bytes()), at="")
            layer = Layer(
                descriptor=Descriptor.from_mapping(
                    required(document, "descriptor", dict, at=""), at="descriptor"
                ),
                diff_id=Digest.parse(required(document, "diff_id", str, at="")),
                size=required(document, "size", int, at=""),
            )
        except (OSError, ValueError, RecursionError, ImageError):
            return None
        if self.blobs.size(layer.descriptor.digest) != layer.descriptor.size:
            return None
        return layer

    def put(self, key: str, layer: Layer) -> None:
        """Remember ``layer`` under ``key``."""
        document = {
            "descriptor": layer.descriptor.to_json(),
            "diff_id": str(layer.diff_id),
            "size": layer.size,
        }
        write_atomically(self._path(key), canonical_json(document))

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.json"
