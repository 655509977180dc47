"""The parts of an installed prefix: files, links and directories, with contents read as streams."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from condabox.content import CHUNK_SIZE
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from condabox.content import Content

_IN_MEMORY = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A regular file at ``path``, relative to the prefix and with ``/`` between its parts."""

    path: str
    content: Content
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEntry:
    """A symbolic link at ``path`` that says ``target``."""

    path: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry:
    """A directory that a package ships for its own sake; parents of files have no entry."""

    path: str


PrefixEntry = FileEntry | LinkEntry | DirectoryEntry
"""One thing in the prefix."""


def sorted_entries(entries: Iterable[PrefixEntry]) -> tuple[PrefixEntry, ...]:
    """Return the entries in the order of their paths' bytes; paths are unique, so no tie."""
    return tuple(sorted(entries, key=lambda entry: entry.path.encode()))


class Spool:
    """Holds the contents of files while they wait for their place in a layer.

    Up to 16 MiB stay in memory; more goes into one unnamed file in ``directory``, which is gone
    when the context ends, and with it every content that `add` returned.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed with the spool
            max_size=_IN_MEMORY, dir=str(directory)
        )
        self._end = 0

    def add(self, chunks: Iterable[bytes]) -> Content:
        """Keep the bytes of ``chunks`` and return them as one content.

        When ``chunks`` raises, the spool is as it was before.
        """
        start = self._end
        position = start
        for chunk in chunks:
            self._write(chunk, at=position)
            position += len(chunk)
        self._end = position
        return _Slice(file=self._file, start=start, size=position - start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # of what could not be written before
            self._file.close()

    def _write(self, chunk: bytes, *, at: int) -> None:
        # `chunks` may read what is spooled already, so the position is set before every write.
        try:
            self._file.seek(at)
            self._file.write(chunk)
            self._file.flush()  # else it could fail when nobody expects it: while it is read
        except OSError as error:
            raise InstallError(
                f"cannot keep unpacked files in {self._directory}: {error.strerror or error}",
                hint="free some space there, or choose another cache-dir",
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """A part of a spool's file."""

    file: tempfile.SpooledTemporaryFile[bytes]
    start: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        position, end = self.start, self.start + self.size
        while position < end:
            self.file.seek(position)  # other slices are read in between
            chunk = self.file.read(min(CHUNK_SIZE, end - position))
            position += len(chunk)
            yield chunk
