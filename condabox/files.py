"""Files that are whole or not there at all, and locks between processes."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import contextmanager, suppress
from errno import EACCES, EINVAL, ENOTDIR
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANYBODY = 0o666


@contextmanager
def replacing(path: Path, *, mode: int | None = 0o644) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that takes its place when the context ends well.

    Readers see the old file or the whole new one, whatever is interrupted.  It has ``mode``,
    whatever the umask; without one, what the umask leaves.  A link at ``path`` is replaced, too.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(path.parent)) from None
    temporary = path.with_name(f".{path.name[:60]}.{secrets.token_urlsafe(6)}")
    try:
        with _named(path):
            file = _created(temporary, mode=_ANYBODY if mode is None else mode)
        with file:
            yield file
            with _named(path):
                file.flush()
                os.fsync(file.fileno())
        with _named(path):
            if mode is not None:
                temporary.chmod(mode)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _created(path: Path, *, mode: int) -> IO[bytes]:
    """Return a new file that is open to nobody beyond ``mode`` and the umask, at no time."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))


def write_atomically(path: Path, data: bytes) -> None:
    """Make ``data`` the content of ``path``, a file of condabox's own, in one step."""
    with replacing(path) as file, _named(path):
        file.write(data)


@contextmanager
def rewriting(path: Path) -> Iterator[IO[bytes]]:
    """Replace a person's file as `replacing` does; its mode stays, and the links to it.

    Its owner and group stay where the system lets them.  A new one has the mode that the umask
    leaves.  Raise OSError for what is write-protected, or no file.
    """
    with _named(path):
        target, before = _replaceable(path)
    with replacing(target, mode=stat.S_IMODE(before.st_mode) if before else None) as file:
        if before is not None:
            _give(file, before)
        yield file


def _give(file: IO[bytes], before: os.stat_result) -> None:
    """Let ``file`` belong to whom it did; its group alone is something, too."""
    for owner in (-1, before.st_uid):
        # only root may give files away
        with suppress(OSError):
            os.fchown(file.fileno(), owner, before.st_gid)


def check_rewritable(path: Path) -> None:
    """Raise OSError where it is known beforehand that `rewriting` will fail."""
    with _named(path):
        target, _ = _replaceable(path)
        folder = next(each for each in target.parents if each.exists())
        # which leaves nothing behind; permissions alone do not tell of file systems
        with tempfile.TemporaryFile(dir=folder):
            pass


def _replaceable(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return the file that ``path`` leads to, and what is known of it where it is there."""
    target = Path(os.path.realpath(path))
    try:
        before = path.stat()
    except FileNotFoundError:
        return target, None
    if not stat.S_ISREG(before.st_mode):
        raise OSError(EINVAL, "it is not a file")
    if not os.access(target, os.W_OK):
        raise PermissionError(EACCES, "it is write-protected")
    return target, before


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors have the name that the caller knows, not the one of a temporary file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


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
