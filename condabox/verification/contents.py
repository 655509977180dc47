"""What an image has, as far as checks look at it: modes, records, and what should not be there.

An image is foreign.  Each layer is read once, to its end; of most files nothing is kept, and of
records no more than a limit.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.oci.compress import decompressed
from condabox.oci.contents import LayerEntry, entries_of, merged
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified
from condabox.oci.layertar import open_layer_tar

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import Image
    from condabox.oci.layertar import LayerTar

LARGEST_RECORD = 16 << 20
"""Bytes.  The records of packages with tens of thousands of files have half."""
_MOST_RECORDS = 512 << 20
"""Bytes of all records together."""
_LONGEST_SHEBANG = 256
"""Bytes of a line that Linux reads."""
_EXECUTABLE = 0o111
_MOST_LINKS = 40
"""As many as Linux follows for one path."""

_RECORD = re.compile(
    r"(?:.*/)?(?:conda-meta/[^/]+\.json"
    r"|[^/]+\.dist-info/(?:METADATA|RECORD|INSTALLER|entry_points\.txt))"
)
_SCRIPT = re.compile(r"(?:.*/)?bin/[^/]+")
PLACEHOLDERS = (b"_h_env_placehold_placehold", b"/opt/" + b"anaconda1anaconda2")
"""What the prefixes begin with that conda packages are built for, and that no file may have.

They are shorter than what stands in packages: so builders of those do not replace them here.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry(LayerEntry):
    """An entry with its permissions, the first bytes of a script and all those of a record.

    ``data`` is None for what was not kept.  ``marks`` are those of the texts looked for that are
    in the file.  ``digest`` is its SHA-256, None for what is no file.
    """

    mode: int = 0
    data: bytes | None = None
    marks: frozenset[bytes] = frozenset()
    digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContents:
    """The files of an image as a container sees them, by path relative to the root.

    ``own`` are the paths that the layers above the base have: those from the first one that has a
    conda package.
    """

    tree: Mapping[str, LayerEntry]
    own: frozenset[str]

    def data(self, path: str) -> bytes | None:
        """Return what was kept of a file."""
        entry = self.tree.get(self.resolve(path) or "")
        if entry is not None and entry.kind == "hardlink":
            entry = self.tree.get(entry.target.lstrip("/"))
        return entry.data if isinstance(entry, ReadEntry) else None

    def digest(self, path: str) -> bytes | None:
        """Return the SHA-256 of a file; None for all else, links to files included."""
        entry = self.tree.get(path) or self.tree.get(self.resolve(path) or "")
        if entry is not None and entry.kind == "hardlink":
            entry = self.tree.get(entry.target.lstrip("/"))
        return entry.digest if isinstance(entry, ReadEntry) else None

    def mode(self, path: str) -> int:
        """Return the permissions of what a path leads to; 0 where they are not known."""
        entry = self.tree.get(self.resolve(path) or "")
        return entry.mode if isinstance(entry, ReadEntry) else 0

    def is_program(self, path: str) -> bool:
        """Tell whether a path leads to a file that may be run."""
        real = self.resolve(path)
        if real is None or self.tree[real].kind not in {"file", "hardlink"}:
            return False
        return bool(self.mode(real) & _EXECUTABLE)

    def resolve(self, path: str) -> str | None:
        """Return the path that ``path`` leads to, through the image's links; None for nothing."""
        waiting = path.split("/")[::-1]
        real: list[str] = []
        steps = 0
        while waiting:
            part = waiting.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                real = real[:-1]
                continue
            found = self.tree.get("/".join((*real, part)))
            if found is None:
                return None
            if found.kind != "symlink":
                real.append(part)
                continue
            steps += 1
            if steps > _MOST_LINKS:
                return None
            real = [] if found.target.startswith("/") else real
            waiting.extend(found.target.split("/")[::-1])
        return "/".join(real)


def read_contents(image: Image, *, marks: Sequence[bytes]) -> ImageContents:
    """Read all layers of ``image``, and look for ``marks`` in the files above its base.

    Raise ImageError where a layer is damaged, or its records are more than anybody writes.
    """
    kept = 0
    layers: list[tuple[LayerEntry, ...]] = []
    own: set[str] = set()
    for layer in image.manifest.layers:
        read: list[LayerEntry] = []
        for entry in _read(image, layer, marks=marks):
            kept += len(entry.data or b"")
            if kept > _MOST_RECORDS:
                raise ImageError("the records in the image are larger than any package's")
            read.append(entry)
        entries = tuple(read)
        if own or any("/conda-meta/" in f"/{each.path}" for each in entries):
            own.update(each.path for each in entries)
        layers.append(entries)
    return ImageContents(tree=merged(layers), own=frozenset(own))


def _read(image: Image, layer: Descriptor, *, marks: Sequence[bytes]) -> Iterator[ReadEntry]:
    with open_verified(image.blobs, layer) as blob:
        stream = decompressed(blob, media_type=layer.media_type)
        with open_layer_tar(stream, what=f"layer {layer.digest}") as tar:
            for member in tar:
                for entry in entries_of(member):
                    yield _with_content(entry, tar, member, marks=marks)
        while blob.read(CHUNK):  # what follows the last member counts for the digest, too
            continue


def _with_content(
    entry: LayerEntry, tar: LayerTar, member: tarfile.TarInfo, *, marks: Sequence[bytes]
) -> ReadEntry:
    most = 0
    if entry.kind == "file" and not member.issparse():
        if _RECORD.fullmatch(entry.path) and entry.size <= LARGEST_RECORD:
            most = entry.size
            marks = ()  # records may tell what was replaced
        elif _SCRIPT.fullmatch(entry.path) and member.mode & _EXECUTABLE:
            most = _LONGEST_SHEBANG
        head, found, digest = _scanned(tar, member, most=most, marks=marks)
    else:
        head, found, digest = b"", frozenset[bytes](), None
    return ReadEntry(
        path=entry.path,
        kind=entry.kind,
        size=entry.size,
        target=posixpath.normpath(entry.target) if entry.kind == "hardlink" else entry.target,
        mode=member.mode & 0o7777,
        data=head if most else None,
        marks=found,
        digest=digest,
    )


def _scanned(
    tar: LayerTar, member: tarfile.TarInfo, *, most: int, marks: Sequence[bytes]
) -> tuple[bytes, frozenset[bytes], bytes]:
    """Return a file's first bytes, the ``marks`` that are in it, and its SHA-256."""
    head, tail, found, digest = b"", b"", set[bytes](), hashlib.sha256()
    overlap = max(map(len, marks), default=1) - 1
    stream = tar.extractfile(member)
    while stream and (chunk := stream.read(CHUNK)):
        digest.update(chunk)
        if len(head) < most:
            head += chunk[: most - len(head)]
        window = tail + chunk
        found.update(mark for mark in marks if mark in window)
        tail = window[-overlap:] if overlap else b""
    return head, frozenset(found), digest.digest()
