"""Compressed streams: the same bytes however they are made, and readable by everybody."""

from __future__ import annotations

import gzip
import io

import pytest
import zstandard

from condabox.errors import ImageError
from condabox.oci.compress import (
    GZIP_BLOCK,
    CompressingWriter,
    Compression,
    decompressed,
    default_threads,
)
from condabox.oci.digest import Digest
from condabox.oci.mediatype import (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
)

SIZES = [0, 1, GZIP_BLOCK - 1, GZIP_BLOCK, GZIP_BLOCK + 1, 9 * GZIP_BLOCK + 7]


def sample(size: int) -> bytes:
    lines = (b"import numpy as x%d  # %d\n" % (n, n * n * n) for n in range(1 + size // 20))
    return b"".join(lines)[:size]


def compress(
    data: bytes, compression: Compression, *, threads: int = 2, piece: int = 70_000
) -> bytes:
    chunks: list[bytes] = []
    with CompressingWriter(chunks.append, compression=compression, threads=threads) as writer:
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
    assert (writer.diff_id, writer.size) == (Digest.of(data), len(data))
    return b"".join(chunks)


@pytest.mark.parametrize("compression", Compression)
def test_threads_do_not_change_the_bytes(compression: Compression) -> None:
    data = sample(9 * GZIP_BLOCK + 7)

    assert len({compress(data, compression, threads=threads) for threads in (1, 2, 4)}) == 1


@pytest.mark.parametrize("compression", Compression)
def test_pieces_do_not_change_the_bytes(compression: Compression) -> None:
    data = sample(2 * GZIP_BLOCK + 7)

    pieces = (1000, GZIP_BLOCK, 3 * GZIP_BLOCK)

    assert len({compress(data, compression, piece=piece) for piece in pieces}) == 1


@pytest.mark.parametrize("size", SIZES)
def test_pythons_gzip_reads_it(size: int) -> None:
    data = sample(size)

    assert gzip.decompress(compress(data, Compression.GZIP)) == data


@pytest.mark.parametrize("size", SIZES)
def test_zstandard_reads_it(size: int) -> None:
    data = sample(size)
    stream = io.BytesIO(compress(data, Compression.ZSTD))

    with zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True) as reader:
        assert reader.read() == data


def test_gzip_headers_tell_no_time_and_no_system() -> None:
    header = compress(b"x", Compression.GZIP)[:10]

    assert (header[4:8], header[9]) == (bytes(4), 255)


def test_the_gzip_bytes_are_pinned() -> None:
    # The cache key names the package's version: its bytes must not change within one.
    digest = Digest.of(compress(sample(3 * GZIP_BLOCK), Compression.GZIP))

    assert str(digest) == "sha256:41e489a93f7dd77e63a88d36ad7eb443da747e1541fdce9d455ff322071a006f"


def test_a_failed_context_writes_no_end() -> None:
    chunks: list[bytes] = []

    def fail() -> None:
        with CompressingWriter(chunks.append, compression=Compression.GZIP, threads=1) as writer:
            writer.write(b"data")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert chunks == []


def test_few_blocks_are_in_memory_at_a_time() -> None:
    chunks: list[bytes] = []

    with CompressingWriter(chunks.append, compression=Compression.GZIP, threads=2) as writer:
        for number in range(1, 20):
            writer.write(bytes(GZIP_BLOCK))
            assert number - len(chunks) <= 3


@pytest.mark.parametrize(
    ("media_type", "compression"),
    [
        (OCI_LAYER_GZIP, Compression.GZIP),
        (DOCKER_LAYER_GZIP, Compression.GZIP),
        (OCI_LAYER_ZSTD, Compression.ZSTD),
    ],
)
def test_decompressed_gives_the_tar_back(media_type: str, compression: Compression) -> None:
    data = sample(5 * GZIP_BLOCK)

    stream = decompressed(io.BytesIO(compress(data, compression)), media_type=media_type)

    assert b"".join(iter(lambda: stream.read(GZIP_BLOCK), b"")) == data


@pytest.mark.parametrize("media_type", [OCI_LAYER, DOCKER_LAYER])
def test_decompressed_leaves_a_plain_tar(media_type: str) -> None:
    assert decompressed(io.BytesIO(b"tar"), media_type=media_type).read() == b"tar"


def test_decompressed_refuses_other_types() -> None:
    with pytest.raises(ImageError, match="a layer of type text/html"):
        decompressed(io.BytesIO(), media_type="text/html")


def test_the_compressions_have_keys_of_their_own() -> None:
    keys = {compression.cache_key for compression in Compression}

    assert len(keys) == len(Compression)
    assert all("level-" in key and "block-" in key for key in keys)


def test_there_is_at_least_one_thread() -> None:
    assert 1 <= default_threads() <= 4
