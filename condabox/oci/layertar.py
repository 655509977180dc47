"""Reads the tar of a layer, one member after the other, with little memory whatever it says.

A layer is foreign, and compressed: a few megabytes can become headers, names or maps of any length,
which `tarfile` would hold in memory.  Engines are written with Go's archive/tar, which refuses
extended headers of more than 1 MiB, and Linux no longer takes paths of more than 4096 bytes; the
other limits are far above what images have.
"""

from __future__ import annotations

import io
import re
import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NoReturn, Self, cast

from condabox.errors import ImageError
from condabox.oci.compress import DECOMPRESSION_ERRORS
from condabox.oci.digest import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ENTRIES = 2_000_000
LONGEST_PATH = 4096
"""Linux' PATH_MAX."""
MOST_PATHS = 1 << 30
"""Characters of all paths of a layer, and of all folders on the way to them."""
LONGEST_EXTENSION = 1 << 20
"""Bytes of one extended header."""
LONGEST_HEADER = 2 << 20
"""Bytes of all that stands before one member's content: headers, extensions, maps of holes."""

_LONGEST_GLOBAL = 1 << 16
_MOST_GLOBALS = 100
"""Keywords of global headers: they hold for all members that follow."""
_MOST_EXTENSIONS = 16
"""Extended headers of one member: tarfile goes a step deeper into the stack for each."""
_EXTENSIONS = {
    tarfile.XHDTYPE: LONGEST_EXTENSION,
    tarfile.SOLARIS_XHDTYPE: LONGEST_EXTENSION,
    tarfile.GNUTYPE_LONGNAME: LONGEST_EXTENSION,
    tarfile.GNUTYPE_LONGLINK: LONGEST_EXTENSION,
    tarfile.XGLTYPE: _LONGEST_GLOBAL,
}
_DIGITS = re.compile(rb"\d{1024}")
"""A run of digits in a header: tarfile before Python 3.11.10 takes the square of its length."""
_HINT = "no builder of images writes that, and no engine needs it: look where the image is from"


@contextmanager
def open_layer_tar(stream: IO[bytes], *, what: str) -> Iterator[LayerTar]:
    """Open an uncompressed tar, which errors call ``what``; the stream stays open.

    Raise ImageError, also while it is read, where it is damaged or beyond a limit.
    """
    buffered = io.BufferedReader(cast("io.RawIOBase", stream), CHUNK)
    try:
        with LayerTar(buffered, what=what) as tar:
            yield tar
    except (tarfile.TarError, ValueError, OverflowError, *DECOMPRESSION_ERRORS) as error:
        raise ImageError(f"{what} is not a tar archive: {error}") from None
    finally:
        buffered.detach()


class LayerTar:
    """The members of a layer, in its order; each can be read until the next one is asked for."""

    def __init__(self, stream: IO[bytes], *, what: str) -> None:
        self._source = _Source(stream, what=what)
        self._tar = tarfile.TarFile(
            fileobj=cast("IO[bytes]", self._source), mode="r", tarinfo=_Header
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        entries = paths = 0
        folder = ""
        while member := self._tar.next():
            self._tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            entries += 1
            if entries > MOST_ENTRIES:
                self._source.refuse(f"has more than {MOST_ENTRIES} entries")
            self._check(member)
            paths += len(member.name) + len(member.linkname)
            before, folder = folder, member.name.rpartition("/")[0]
            if folder != before:
                paths += len(folder) * (1 + folder.count("/"))
            if paths > MOST_PATHS:
                self._source.refuse(f"has paths of more than {MOST_PATHS} characters")
            yield member

    def extractfile(self, member: tarfile.TarInfo) -> IO[bytes] | None:
        """Return the content of a file; None where ``member`` is none.

        The holes of a sparse file are zeros in it, and may be of any length.
        """
        return self._tar.extractfile(member)

    def _check(self, member: tarfile.TarInfo) -> None:
        longest = max(len(member.name), len(member.linkname))
        if longest > LONGEST_PATH:
            self._source.refuse(f"has a name of {longest} characters")
        if member.size < 0:
            self._source.refuse(f"has a file of {member.size} bytes")
        if len(self._tar.pax_headers) > _MOST_GLOBALS:
            self._source.refuse(f"has more than {_MOST_GLOBALS} global keywords")


class _Source:
    """A stream that is read in one direction, and that gives no more than a header may have."""

    def __init__(self, stream: IO[bytes], *, what: str) -> None:
        self._stream = stream
        self._what = what
        self._position = 0
        self._depth = 0
        self._left = 0

    def refuse(self, why: str) -> NoReturn:
        """Say what the layer has that no layer may have."""
        raise ImageError(f"{self._what} {why}", hint=_HINT)

    @contextmanager
    def header(self) -> Iterator[None]:
        """Bound what is read until the outermost header ends."""
        if not self._depth:
            self._left = LONGEST_HEADER
        self._depth += 1
        if self._depth > _MOST_EXTENSIONS + 1:
            self.refuse(f"has more than {_MOST_EXTENSIONS} extended headers for one file")
        try:
            yield
        finally:
            self._depth -= 1

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        if self._depth:
            self._left -= size
            if self._left < 0:
                self.refuse(f"has headers of more than {LONGEST_HEADER} bytes for one file")
        data = self._stream.read(size)
        if self._depth and _DIGITS.search(data):
            self.refuse("has a header that is a number without an end")
        self._position += len(data)
        return data

    def seek(self, position: int) -> int:
        """Skip what is before ``position``."""
        if position < self._position:
            raise tarfile.StreamError("it leads backwards")
        while position > self._position:
            if not self.read(min(position - self._position, CHUNK)):
                raise tarfile.ReadError("unexpected end of data")
        return position

    def tell(self) -> int:
        """Return how much was read."""
        return self._position

    def seekable(self) -> bool:
        """Say that it can be sought in, if only forwards."""
        return True


class _Header(tarfile.TarInfo):
    """A header that does not let tarfile read more of it than anybody writes."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.size < 0 or info.size > _EXTENSIONS.get(info.type, info.size):
            raise _LengthError(info.size)
        return info

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        source = cast("_Source", tarfile.fileobj)
        with source.header():
            try:
                return super().fromtarfile(tarfile)
            except _LengthError as error:
                source.refuse(f"has a header of {error.size} bytes")


class _LengthError(Exception):
    """A header claims ``size`` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size
