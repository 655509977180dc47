"""What one layer has, in one pass over it: paths, sizes, large files' digests, and records.

A layer is foreign.  Names are as long as Linux takes them, and only as much is kept as a report
needs; records are read up to a limit, and what is beyond it is counted.
"""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from condabox.errors import ImageError
from condabox.inspection.records import info_folder, is_record, lists_files, read_record
from condabox.oci.compress import DECOMPRESSION_ERRORS, decompressed
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.inspection.records import InstalledPackage
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource

SMALLEST_DIGESTED = 64 << 10
"""Bytes from which on a file's content is told apart: smaller ones waste little."""
LARGEST_RECORD = 16 << 20
"""Bytes.  The records of packages with tens of thousands of files have half."""

_MOST_ENTRIES = 2_000_000
_MOST_PATHS = 1_000_000
"""That all records of a layer may claim."""
_LONGEST_PATH = 4096
"""Linux' PATH_MAX."""
_LONGEST_HEADER = 1 << 20
"""Bytes of what stands before a member: tarfile holds it in memory."""
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_WHITEOUT = ".wh."
_RESERVED = ".wh..wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerContents:
    """What a layer has; all paths are relative to the root, without a leading slash.

    ``files`` are the sizes of files, 0 for devices; ``digests`` has those of `SMALLEST_DIGESTED`
    bytes and more.  ``symlinks`` and ``hardlinks`` say where links lead.  ``removed`` are paths
    that the layers below lose, and ``emptied`` directories that lose what they have there.
    ``skipped`` counts records that could not be read.
    """

    files: Mapping[str, int]
    digests: Mapping[str, str]
    symlinks: Mapping[str, str]
    hardlinks: Mapping[str, str]
    directories: frozenset[str]
    removed: frozenset[str]
    emptied: frozenset[str]
    packages: tuple[InstalledPackage, ...]
    skipped: int


def read_layer(blobs: BlobSource, layer: Descriptor) -> LayerContents:
    """Read a layer to its end, without keeping any content.

    Raise ImageError where it is damaged, or has what no layer may have.
    """
    found = _Reading()
    try:
        with open_verified(blobs, layer) as blob:
            stream = decompressed(blob, media_type=layer.media_type)
            with tarfile.open(
                fileobj=stream, mode="r|", bufsize=CHUNK, tarinfo=_BoundedInfo
            ) as tar:
                while member := tar.next():
                    tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                    found.add(tar, member)
            while blob.read(CHUNK):  # what follows the last member counts for the digest, too
                continue
    except _RefusedError as error:
        raise ImageError(f"layer {layer.digest}: {error}") from None
    except (tarfile.TarError, ValueError, OverflowError, *DECOMPRESSION_ERRORS) as error:
        raise ImageError(f"layer {layer.digest} is not a tar archive: {error}") from None
    return found.contents()


class _RefusedError(Exception):
    """The layer has what no layer may have."""


class _BoundedInfo(tarfile.TarInfo):
    """A header that does not let tarfile read more of it than anybody writes."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.size < 0 or (info.type in _HEADERS and info.size > _LONGEST_HEADER):
            raise _RefusedError(f"has a header of {info.size} bytes")
        return info


class _Reading:
    """What was found of a layer until now."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.digests: dict[str, str] = {}
        self.symlinks: dict[str, str] = {}
        self.hardlinks: dict[str, str] = {}
        self.directories: set[str] = set()
        self.removed: set[str] = set()
        self.emptied: set[str] = set()
        self.packages: dict[str, tuple[InstalledPackage, ...]] = {}
        self.skipped = 0
        self._entries = 0
        self._claimed = 0

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Take the next member, and as much of its content as is needed."""
        self._entries += 1
        path = _path_of(member.name)
        if self._entries > _MOST_ENTRIES:
            raise _RefusedError(f"has more than {_MOST_ENTRIES} entries")
        folder, _, name = path.rpartition("/")
        if not path:
            return
        if name.startswith(_WHITEOUT):
            self._add_whiteout(folder, name, member)
        elif member.isdir():
            self.directories.add(path)
        elif member.issym():
            self.symlinks[path] = member.linkname
        elif member.islnk():
            self.hardlinks[path] = _path_of(member.linkname)
        elif not member.isreg():
            self.files[path] = 0
        else:
            self._add_file(tar, member, path)

    def _add_whiteout(self, folder: str, name: str, member: tarfile.TarInfo) -> None:
        hidden = name.removeprefix(_WHITEOUT)
        if name == _OPAQUE:
            self.emptied.add(folder)
        elif hidden in {"", ".", ".."}:
            raise _RefusedError(f"{member.name}: is a whiteout of nothing")
        elif not name.startswith(_RESERVED):
            self.removed.add(posixpath.join(folder, hidden))

    def _add_file(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        self.files[path] = member.size
        self.digests.pop(path, None)
        if is_record(path):
            self._add_record(tar, member, path)
        # a sparse file is mostly holes, which nobody else has stored either
        elif member.size >= SMALLEST_DIGESTED and not member.issparse():
            self.digests[path] = _digest(tar, member)

    def _add_record(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        packages = None
        if not lists_files(path):
            packages = read_record(path, b"")
        elif member.size <= LARGEST_RECORD:
            stream = tar.extractfile(member)
            packages = read_record(path, stream.read()) if stream else None
        claimed = sum(len(each.paths) for each in packages or ())
        if packages is None or self._claimed + claimed > _MOST_PATHS:
            self.skipped += 1
            return
        self._claimed += claimed
        self.packages[path] = packages

    def contents(self) -> LayerContents:
        """Return all that was found."""
        return LayerContents(
            files=self.files,
            digests=self.digests,
            symlinks=self.symlinks,
            hardlinks=self.hardlinks,
            directories=frozenset(self.directories),
            removed=frozenset(self.removed),
            emptied=frozenset(self.emptied),
            packages=tuple(self._packages()),
            skipped=self.skipped,
        )

    def _packages(self) -> Iterator[InstalledPackage]:
        """Yield all packages; of several files that tell of a wheel or egg the best one counts."""
        inside: dict[str, list[str]] = {}
        for path in self.files:
            if folder := info_folder(path):
                inside.setdefault(folder, []).append(path)
        best: dict[str, str] = {}
        for path in sorted(self.packages, key=lambda path: (not lists_files(path), path)):
            best.setdefault(info_folder(path) or path, path)
        for path in sorted(best.values()):
            folder = info_folder(path)
            for package in self.packages[path]:
                if folder and not lists_files(path):
                    yield replace(package, paths=frozenset(inside[folder]))
                else:
                    yield package


def _path_of(name: str) -> str:
    if len(name) > _LONGEST_PATH:
        raise _RefusedError(f"has a name of {len(name)} characters")
    path = posixpath.normpath(name).lstrip("/")
    if ".." in path.split("/"):
        raise _RefusedError(f"{name}: is outside of the image")
    return "" if path == "." else path


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest = hashlib.blake2b(digest_size=16)
    stream = tar.extractfile(member)
    while stream and (chunk := stream.read(CHUNK)):
        digest.update(chunk)
    return digest.hexdigest()
