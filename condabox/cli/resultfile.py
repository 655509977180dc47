"""Where a result is written beside the terminal: a file is replaced, a stream gets it at its end.

A pipe, a device and what is this process's own output, such as ``/dev/stdout``, are streams, even
where the output is a file: others write there, and what they wrote stays.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from errno import EACCES, EISDIR
from typing import IO, TYPE_CHECKING

from condabox.errors import ImageError
from condabox.files import check_rewritable, rewriting

if TYPE_CHECKING:
    from pathlib import Path

_OUTPUTS = (1, 2)


def check_result_file(path: Path) -> None:
    """Raise ImageError where it is known beforehand that `write_result_file` will fail."""
    try:
        found = _found(path)
        if found is None or stat.S_ISREG(found.st_mode):
            check_rewritable(path)
        elif stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        elif not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise _unwritable(path, error) from None


def write_result_file(path: Path, text: str) -> None:
    """Write the line ``text`` to ``path``; raise ImageError where that fails."""
    data = text.encode() + b"\n"
    try:
        stream = _stream(path)
        if stream is None:
            with rewriting(path) as file:
                file.write(data)
        else:
            sys.stdout.flush()
            with stream:
                stream.write(data)
    except OSError as error:
        raise _unwritable(path, error) from None


def _stream(path: Path) -> IO[bytes] | None:
    """Open what is written to as it is; None where there is no such thing."""
    found = _found(path)
    if found is None:
        return None
    for number in _OUTPUTS:
        with suppress(OSError):  # it is closed
            if os.path.samestat(found, os.fstat(number)):
                # By its number: opened anew, a file would be written to from its start.
                return open(number, "wb", closefd=False)
    return None if stat.S_ISREG(found.st_mode) else path.open("ab")


def _found(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _unwritable(path: Path, error: OSError) -> ImageError:
    return ImageError(f"cannot write {path}: {error.strerror}")
