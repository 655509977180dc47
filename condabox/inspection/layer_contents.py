"""What one layer has, in one pass over it: paths, sizes, large files' digests, and records.

A layer is foreign.  Only as much is kept as a report needs; records are read up to a limit, and
what is beyond it is counted.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.inspection.records import info_folder, is_record, lists_files, read_record
from condabox.oci.compress import decompressed
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified
from condabox.oci.layertar import open_layer_tar

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator, Mapping

    from condabox.inspection.records import InstalledPackage
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource
    from condabox.oci.layertar import LayerTar

SMALLEST_DIGESTED = 64 << 10
"""Bytes from which on a file's content is told apart: smaller ones waste little."""
LARGEST_RECORD = 16 << 20
"""Bytes.  The records of packages with tens of thousands of files have half."""

_MOST_CLAIMED = 1 << 28
"""Characters of the paths that all records of a layer may claim, each at least `_PATH`."""
_PATH = 256
"""Characters that a path counts for, as it takes memory, however short it is."""
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
            with open_layer_tar(stream, what=f"layer {layer.digest}") as tar:
                for member in tar:
                    found.add(tar, member)
            while blob.read(CHUNK):  # what follows the last member counts for the digest, too
                continue
    except _RefusedError as error:
        raise ImageError(f"layer {layer.digest}: {error}") from None
    return found.contents()


class _RefusedError(Exception):
    """The layer has what no layer may have."""


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
        self._claimed = 0

    def add(self, tar: LayerTar, member: tarfile.TarInfo) -> None:
        """Take the next member, and as much of its content as is needed."""
        path = _path_of(member.name)
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

    def _add_file(self, tar: LayerTar, member: tarfile.TarInfo, path: str) -> None:
        self.files[path] = member.size
        self.digests.pop(path, None)
        if is_record(path):
            self._add_record(tar, member, path)
        # a sparse file is mostly holes, which nobody else has stored either
        elif member.size >= SMALLEST_DIGESTED and not member.issparse():
            self.digests[path] = _digest(tar, member)

    def _add_record(self, tar: LayerTar, member: tarfile.TarInfo, path: str) -> None:
        packages = None
        if not lists_files(path):
            packages = read_record(path, b"")
        elif member.size <= LARGEST_RECORD:
            stream = tar.extractfile(member)
            packages = read_record(path, stream.read()) if stream else None
        claimed = sum(max(len(path), _PATH) for each in packages or () for path in each.paths)
        if packages is None or self._claimed + claimed > _MOST_CLAIMED:
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
    path = posixpath.normpath(name).lstrip("/")
    if ".." in path.split("/"):
        raise _RefusedError(f"{name}: is outside of the image")
    return "" if path == "." else path


def _digest(tar: LayerTar, member: tarfile.TarInfo) -> str:
    digest = hashlib.blake2b(digest_size=16)
    stream = tar.extractfile(member)
    while stream and (chunk := stream.read(CHUNK)):
        digest.update(chunk)
    return digest.hexdigest()
