"""A blob that is sent in parts, some of them more than once, and never held in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from condabox.content import CHUNK_SIZE
from condabox.errors import DigestMismatchError
from condabox.oci.image import open_verified

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from condabox.events import Task
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource


class BlobReader:
    """Reads the parts of a blob in any order, each from where it lies.

    Every byte counts for the digest, because the blob is read from its start on: who has read the
    last part has read the right blob.  The task hears of each byte when it passes the first time.
    """

    def __init__(self, blobs: BlobSource, descriptor: Descriptor, *, task: Task) -> None:
        self.descriptor = descriptor
        self._blobs = blobs
        self._task = task
        self._stream: BinaryIO | None = None
        self._position = 0
        self._furthest = 0

    def __enter__(self) -> Self:
        # Now, as it may have to be fetched: no registry waits for that in a request.
        self._stream = open_verified(self._blobs, self.descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def part(self, start: int, stop: int) -> BlobPart:
        """Return the bytes from ``start`` to before ``stop``."""
        return BlobPart(reader=self, start=start, stop=stop)

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to before ``stop``; raise DigestMismatchError."""
        if start < self._position:
            self._close()
        while self._position < start:
            self._read(start)
        while self._position < stop:
            chunk = self._read(stop)
            yield chunk
            self._task.advance(max(0, self._position - self._furthest))
            self._furthest = max(self._furthest, self._position)

    def _read(self, stop: int) -> bytes:
        if self._stream is None:
            self._stream = open_verified(self._blobs, self.descriptor)
        chunk = self._stream.read(min(CHUNK_SIZE, stop - self._position))
        if not chunk:
            raise DigestMismatchError(f"{self.descriptor.digest}: ends after {self._position}")
        self._position += len(chunk)
        return chunk

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._position = None, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPart:
    """A part of a blob as the body of a request."""

    reader: BlobReader
    start: int
    stop: int

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.stop - self.start

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most `CHUNK_SIZE`, each time anew."""
        return self.reader.chunks(self.start, self.stop)
