"""Bytes of known size that are read as streams, whether they go into a prefix or into an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_SIZE = 1 << 20
"""No content is ever held in larger pieces than this many bytes."""


class Content(Protocol):
    """Bytes of known size that can be read more than once."""

    @property
    def size(self) -> int:
        """The number of bytes that `chunks` yields in all."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most `CHUNK_SIZE`."""


@dataclass(frozen=True, slots=True)
class BytesContent:
    """Content that is small enough to stay in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most `CHUNK_SIZE`."""
        for start in range(0, len(self.data), CHUNK_SIZE):
            yield self.data[start : start + CHUNK_SIZE]
