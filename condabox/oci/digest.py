"""Digests: how blobs are named, and how their bytes are checked while they are read."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from condabox.errors import DigestMismatchError, ImageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
"""The most bytes that are read or written at a time."""

_PATTERN = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The SHA-256 of a blob's bytes; printed as ``sha256:…``, as in image-spec descriptor.md."""

    hex: str

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``sha256:…``; raise ImageError for anything else, other algorithms included."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ImageError(f"{text[:100]!r} is not a digest: expected sha256: and 64 hex digits")
        return cls(match[1])

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Return the digest of ``data``."""
        return cls(hashlib.sha256(data).hexdigest())


class VerifyingReader(io.RawIOBase):
    """Passes ``stream`` on and raises DigestMismatchError where it is not what was promised.

    The check happens with the last byte, so who reads to the end has read the right bytes.
    Closing it closes ``stream``.
    """

    def __init__(self, stream: BinaryIO, *, digest: Digest, size: int) -> None:
        super().__init__()
        self._stream = stream
        self._digest = digest
        self._size = size
        self._seen = 0
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read the next bytes into ``buffer``; raise DigestMismatchError at a wrong end."""
        view = memoryview(buffer)
        data = self._stream.read(min(len(view), CHUNK))
        self._seen += len(data)
        self._hash.update(data)
        if self._seen > self._size or (not data and self._seen < self._size):
            raise DigestMismatchError(
                f"{self._digest}: got {'more than ' if data else ''}"
                f"{self._size if data else self._seen} bytes, want {self._size}"
            )
        if self._seen == self._size:
            expect_digest(Digest(self._hash.hexdigest()), want=self._digest)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream below, too."""
        if not self.closed:
            self._stream.close()
        super().close()


def expect_digest(got: Digest, *, want: Digest) -> None:
    """Raise DigestMismatchError unless both are the same."""
    if got != want:
        raise DigestMismatchError(f"blob is damaged: got {got}, want {want}")
