"""Files that are whole or not there at all, and locks between processes."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager
from errno import ENOTDIR
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path, *, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that takes its place when the context ends well.

    Readers see the old file or the whole new one, whatever is interrupted.  It has ``mode``,
    whatever the umask.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(path.parent)) from None
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Make ``data`` the content of ``path`` in one step."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def rewriting(path: Path) -> Iterator[IO[bytes]]:
    """Replace a person's file as `replacing` does; its mode stays, and the links to it."""
    target = path.resolve()
    with replacing(target, mode=stat.S_IMODE(target.stat().st_mode)) as file:
        yield file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` exclusively among all processes of this machine.

    The system releases it when the process ends, however it ends.
    """
    import fcntl  # noqa: PLC0415  (absent on Windows, where only commands without locks work)

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
