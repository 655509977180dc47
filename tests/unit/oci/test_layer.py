"""Layers: a blob and what is known of it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from condabox.content import BytesContent
from condabox.errors import ImageError
from condabox.oci.compress import Compression
from condabox.oci.digest import Digest
from condabox.oci.layer import write_layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import OCI_LAYER_GZIP, OCI_LAYER_ZSTD
from condabox.oci.tarball import TarFile, write_tar

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = [TarFile(path="opt/env/a", content=BytesContent(b"a" * 3_000_000))]


def test_a_layer_tells_of_its_blob_and_of_its_tar(tmp_path: Path) -> None:
    blobs = BlobDirectory(tmp_path)
    tar: list[bytes] = []
    write_tar(ENTRIES, mtime=1, write=tar.append)

    layer = write_layer(
        ENTRIES,
        mtime=1,
        compression=Compression.GZIP,
        blobs=blobs,
        annotations={"io.condabox.packages": "a"},
    )

    data = blobs.path_of(layer.descriptor.digest).read_bytes()
    assert gzip.decompress(data) == b"".join(tar)
    assert (layer.descriptor.size, layer.descriptor.digest) == (len(data), Digest.of(data))
    assert (layer.size, layer.diff_id) == (sum(map(len, tar)), Digest.of(b"".join(tar)))
    assert layer.descriptor.annotations == {"io.condabox.packages": "a"}


@pytest.mark.parametrize(
    ("compression", "media_type"),
    [(Compression.GZIP, OCI_LAYER_GZIP), (Compression.ZSTD, OCI_LAYER_ZSTD)],
)
def test_the_compression_does_not_change_the_diff_id(
    tmp_path: Path, compression: Compression, media_type: str
) -> None:
    blobs = BlobDirectory(tmp_path)
    gzipped = write_layer(
        ENTRIES, mtime=1, compression=Compression.GZIP, blobs=blobs, annotations={}
    )

    layer = write_layer(ENTRIES, mtime=1, compression=compression, blobs=blobs, annotations={})

    assert (layer.diff_id, layer.descriptor.media_type) == (gzipped.diff_id, media_type)


def test_a_layer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    entries = [*ENTRIES, TarFile(path="a", content=BytesContent(b""))]

    with pytest.raises(ImageError, match="out of order"):
        write_layer(
            entries,
            mtime=1,
            compression=Compression.GZIP,
            blobs=BlobDirectory(tmp_path),
            annotations={},
        )

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
