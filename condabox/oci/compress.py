"""Compression whose bytes depend on the input alone: not on threads, CPU or system libraries.

The stream is cut into blocks of a fixed size, and each becomes a gzip member or a zstd frame of
its own: RFC 1952 §2.2 and RFC 8878 §3.1 let any number of them follow one another, and every
container engine reads that.  So blocks can be compressed side by side, with little memory.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Self, cast

import deflate
import zstandard

from condabox.errors import ImageError
from condabox.oci import mediatype
from condabox.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

GZIP_LEVEL = 5
ZSTD_LEVEL = 3
GZIP_BLOCK = 1 << 20
ZSTD_BLOCK = 1 << 22
_MAX_ZSTD_WINDOW = 1 << 27
"""128 MiB, zstd's own default bound: a hostile frame must not ask for more."""

DECOMPRESSION_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
"""What the readers that `decompressed` returns raise where their input is damaged."""


class Compression(StrEnum):
    """How layers are compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"

    @property
    def media_type(self) -> str:
        """The media type of a layer compressed so."""
        return mediatype.OCI_LAYER_GZIP if self is Compression.GZIP else mediatype.OCI_LAYER_ZSTD

    @property
    def cache_key(self) -> str:
        """Everything that the compressed bytes depend on beside the input."""
        if self is Compression.GZIP:
            return f"gzip deflate-{deflate.__version__} level-{GZIP_LEVEL} block-{GZIP_BLOCK}"
        version = ".".join(map(str, zstandard.ZSTD_VERSION))
        return (
            f"zstd zstandard-{zstandard.__version__} libzstd-{version} "
            f"level-{ZSTD_LEVEL} block-{ZSTD_BLOCK}"
        )


def default_threads() -> int:
    """Return how many threads compress one stream: the machine's processors, at most four."""
    return min(4, os.cpu_count() or 1)


class CompressingWriter:
    """Compresses what is written and passes it to ``write``, in order, from the caller's thread.

    When the context ends well the last block is out, and `diff_id` and `size` tell of the
    uncompressed stream.
    """

    def __init__(
        self, write: Callable[[bytes], object], *, compression: Compression, threads: int
    ) -> None:
        self._write = write
        self._compress, self._block = _CODECS[compression]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compress")
        self._most = threads + 1
        self._running: deque[Future[bytes]] = deque()
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self._empty = True
        self.size = 0

    @property
    def diff_id(self) -> Digest:
        """The digest of everything written."""
        return Digest(self._hash.hexdigest())

    def write(self, data: bytes) -> None:
        """Take the next bytes of the uncompressed stream."""
        view = memoryview(data)
        self.size += len(view)
        while view:
            room = self._block - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
            if len(self._buffer) == self._block:
                self._submit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                if self._buffer or self._empty:
                    self._submit()
                self._drain(0)
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        block, self._buffer, self._empty = self._buffer, bytearray(), False
        self._hash.update(block)
        self._running.append(self._pool.submit(self._compress, block))
        self._drain(self._most)

    def _drain(self, most: int) -> None:
        while len(self._running) > most:
            self._write(self._running.popleft().result())


def decompressed(stream: BinaryIO, *, media_type: str) -> BinaryIO:
    """Return the tar of a layer blob; raise ImageError for a type that is not known.

    Damaged input raises one of `DECOMPRESSION_ERRORS` while it is read.
    """
    match mediatype.OCI_LAYER_OF.get(media_type):
        case mediatype.OCI_LAYER | mediatype.OCI_LAYER_RESTRICTED:
            return stream
        case mediatype.OCI_LAYER_GZIP | mediatype.OCI_LAYER_RESTRICTED_GZIP:
            return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
        case mediatype.OCI_LAYER_ZSTD | mediatype.OCI_LAYER_RESTRICTED_ZSTD:
            decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW)
            return cast("BinaryIO", decompressor.stream_reader(stream, read_across_frames=True))
        case _:
            raise ImageError(f"cannot read a layer of type {media_type}")


def _gzip_member(block: bytearray) -> bytes:
    return bytes(deflate.gzip_compress(block, GZIP_LEVEL))


def _zstd_frame(block: bytearray) -> bytes:
    # A compressor serves one thread at a time; making one is nothing beside 4 MiB of work.
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(block)


_CODECS = {
    Compression.GZIP: (_gzip_member, GZIP_BLOCK),
    Compression.ZSTD: (_zstd_frame, ZSTD_BLOCK),
}
