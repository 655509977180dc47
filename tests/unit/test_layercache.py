from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.layercache import LayerCache, layer_key
from condabox.oci.compress import Compression
from condabox.oci.layer import write_layer
from condabox.oci.layout import BlobDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.layer import Layer


def cache_with_layer(tmp_path: Path) -> tuple[LayerCache, Layer]:
    blobs = BlobDirectory(tmp_path / "blobs")
    layer = write_layer(
        (), mtime=0, compression=Compression.GZIP, blobs=blobs, annotations={"a": "b"}
    )
    cache = LayerCache(directory=tmp_path / "layers", blobs=blobs)
    cache.put("key", layer)
    return cache, layer


def test_a_layer_is_found_again_as_it_was(tmp_path: Path) -> None:
    cache, layer = cache_with_layer(tmp_path)

    assert cache.get("key") == layer


def test_another_key_is_a_miss(tmp_path: Path) -> None:
    cache, _ = cache_with_layer(tmp_path)

    assert cache.get("other") is None


def test_a_layer_whose_blob_has_gone_is_a_miss(tmp_path: Path) -> None:
    cache, layer = cache_with_layer(tmp_path)
    cache.blobs.path_of(layer.descriptor.digest).unlink()

    assert cache.get("key") is None


def test_a_layer_whose_blob_was_cut_off_is_a_miss(tmp_path: Path) -> None:
    cache, layer = cache_with_layer(tmp_path)
    cache.blobs.path_of(layer.descriptor.digest).write_bytes(b"half")

    assert cache.get("key") is None


def test_a_damaged_entry_is_a_miss(tmp_path: Path) -> None:
    cache, _ = cache_with_layer(tmp_path)
    for entry in (tmp_path / "layers").rglob("*.json"):
        entry.write_text('{"descriptor": {"mediaType": "a", "size": 1, "digest": "sha256:1"}}')

    assert cache.get("key") is None


def test_the_key_depends_on_every_input_and_not_on_their_order() -> None:
    key = layer_key({"prefix": "/opt/env", "mtime": 1})

    assert layer_key({"mtime": 1, "prefix": "/opt/env"}) == key
    assert layer_key({"prefix": "/opt/env", "mtime": 2}) != key
    assert layer_key({"prefix": "/opt/other", "mtime": 1}) != key
