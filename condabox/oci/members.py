"""The files in a tar, read where they lie in it."""

from __future__ import annotations

import io
import posixpath
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from condabox.errors import ImageError
from condabox.oci.image import BlobSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.digest import Digest

_MOST_DOCUMENT = 1 << 24
_MOST_LINKS = 8
_COMPRESSED = {
    b"\x1f\x8b": "gzip -d",
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"BZh": "bzip2 -d",
    b"\xfd7zXZ\x00": "xz -d",
}
LONGEST_MAGIC = 6


@dataclass(frozen=True, slots=True)
class Span:
    """Where a member's bytes are in the archive."""

    offset: int
    size: int


class _Slice(io.RawIOBase):
    """The bytes of one member; closing it closes the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._file.read(min(len(view), self._left))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The regular files of the tar at ``path``, by name."""

    path: Path
    found: Mapping[str, Span]

    @classmethod
    def scan(cls, path: Path) -> Members:
        """Find every file; raise ImageError where ``path`` is not a plain, whole tar."""
        with path.open("rb") as file:
            magic = file.read(LONGEST_MAGIC)
        for start, command in _COMPRESSED.items():
            if magic.startswith(start):
                raise ImageError(
                    f"{path} is compressed: nothing can be read out of the middle of it",
                    hint=f"decompress it first: {command} {path.name}",
                )
        return cls(path=path, found=_scan(path))

    def open(self, name: str) -> BinaryIO:
        """Open a file; raise ImageError where it is missing."""
        if name not in self.found:
            raise ImageError(f"{self.path}: {name} is not in the archive")
        span = self.found[name]
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise ImageError(f"cannot read {self.path}: {error.strerror}") from None
        file.seek(span.offset)
        return io.BufferedReader(_Slice(file, span.size))

    def document(self, name: str) -> bytes:
        """Return the bytes of a small file."""
        with self.open(name) as stream:
            data = stream.read(_MOST_DOCUMENT + 1)
        if len(data) > _MOST_DOCUMENT:
            raise ImageError(f"{self.path}: {name} is too large for a document")
        return data


@dataclass(frozen=True, slots=True)
class MemberBlobs(BlobSource):
    """Blobs that are files of a tar."""

    members: Members
    names: Mapping[Digest, str]

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open the blob; raise ImageError where it is missing."""
        if descriptor.digest not in self.names:
            raise ImageError(f"{self.members.path}: has no blob {descriptor.digest}")
        return self.members.open(self.names[descriptor.digest])


def _scan(path: Path) -> dict[str, Span]:
    """Find the files; links, which old Docker writes for equal layers, are followed."""
    end = path.stat().st_size
    found: dict[str, Span] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                name = posixpath.normpath(member.name)
                if member.isreg() and not member.issparse():
                    if member.offset_data + member.size > end:
                        raise ImageError(f"{path} is cut off in {name}")
                    found[name] = Span(member.offset_data, member.size)
                elif member.issym():
                    target = posixpath.join(posixpath.dirname(name), member.linkname)
                    links[name] = posixpath.normpath(target)
                elif member.islnk():
                    links[name] = posixpath.normpath(member.linkname)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise ImageError(f"{path} is not a whole tar file: {error}") from None
    for name in links:
        target = name
        for _ in range(_MOST_LINKS):
            target = links.get(target, target)
        if target in found:
            found.setdefault(name, found[target])
    return found
