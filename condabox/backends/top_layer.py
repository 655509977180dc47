"""The layer of what belongs to no package: the application, and the mark of a prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.appfiles import AppFile, AppLink
from condabox.content import CHUNK_SIZE, BytesContent
from condabox.errors import ImageError
from condabox.oci.layer import write_layer
from condabox.oci.tarball import TarDirectory, TarFile, TarLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from condabox.appfiles import AppEntry
    from condabox.oci.compress import Compression
    from condabox.oci.layer import Layer
    from condabox.oci.layout import BlobDirectory
    from condabox.oci.tarball import TarEntry


def write_top_layer(
    application: Sequence[AppEntry],
    *,
    prefix: str,
    mtime: int,
    compression: Compression,
    blobs: BlobDirectory,
) -> Layer:
    """Write ``application`` and the history that makes ``prefix`` an environment of conda's."""
    history = TarFile(
        path=f"{prefix.lstrip('/')}/conda-meta/history", content=BytesContent(b""), mode=0o644
    )
    entries = sorted(
        (history, *map(_tar_entry, application)), key=lambda entry: entry.path.encode()
    )
    return write_layer(entries, mtime=mtime, compression=compression, blobs=blobs, annotations={})


@dataclass(frozen=True, slots=True, kw_only=True)
class PathContent:
    """The content of a file of the application; ImageError where it cannot be read."""

    path: Path
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Yield it in pieces."""
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(CHUNK_SIZE):
                    yield chunk
        except OSError as error:
            raise ImageError(f"{self.path} cannot be read: {error.strerror}") from None


def _tar_entry(entry: AppEntry) -> TarEntry:
    match entry:
        case AppFile():
            content = PathContent(path=entry.source, size=entry.size)
            mode = 0o755 if entry.executable else 0o644
            return TarFile(path=entry.path, content=content, mode=mode)
        case AppLink():
            return TarLink(path=entry.path, target=entry.target)
        case _:
            return TarDirectory(path=entry.path)
