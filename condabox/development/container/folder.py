"""The folder that a container has to itself: what it decides at its start, and its secrets."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.development.container.words import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.development.container.places import System

STATE = "services.json"
"""Which services there are, for those who ask how they are."""
_PARENTS = ("/run", "/tmp", "/dev/shm")  # noqa: S108  (only a folder of our own is used)
"""Docker lets containers write to the last one even where all else is read-only."""
_MOST = 1 << 20
"""Bytes of a file of keys, or of a token."""


def private_folder(system: System) -> Path:
    """Return the folder that nobody else can look into, made where there is none yet.

    Whatever else is started in the container finds the same one, and so may a later container:
    the numbers of namespaces are given anew.  Raise Refused where there is no place for it.
    """
    for path in _candidates(system):
        with suppress(OSError):
            path.mkdir(mode=0o700)
        if _is_ours(path, system.uid):
            path.chmod(0o700)
            return path
    raise Refused(
        f"none of {', '.join(_PARENTS)} can be written by user {system.uid}: "
        "give the container a tmpfs at /tmp"
    )


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Begin with nothing in ``folder``, and remove it in the end.

    What an earlier container has left, where it was killed, lets nobody in any more.  Nor is any of
    this one left where its files stay, or where /dev/shm is the host's.
    """
    clear(folder)
    try:
        yield
    finally:
        # what still runs may write there, which is no other end for the services
        with suppress(OSError):
            clear(folder)
            folder.rmdir()


def clear(folder: Path) -> None:
    """Remove all that is in ``folder``, whatever the permissions in it are."""
    for parent, names, _ in os.walk(folder):
        for inner in (Path(parent, name) for name in names):
            if not inner.is_symlink():
                with suppress(OSError):
                    inner.chmod(stat.S_IRWXU)
    found = [(stat.S_ISDIR(path.lstat().st_mode), path) for path in folder.iterdir()]
    # keys and tokens come before a home that may have much in it
    for is_folder, path in sorted(found):
        if is_folder:
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Let `state_file` find ``state`` as long as this lasts, or the process does."""
    # NFS gives such a lock to those alone who may write
    with state.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def state_file(system: System) -> Path | None:
    """Return the file that names the running services, None where there are none."""
    for path in _candidates(system):
        if _is_ours(path, system.uid):
            return path / STATE if _is_held(path / STATE) else None
    return None


def _is_held(state: Path) -> bool:
    try:
        with state.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _candidates(system: System) -> tuple[Path, ...]:
    # containers may share /tmp or /dev/shm with others of the same user
    name = f"condabox-{system.uid}-{system.mount_namespace}"
    return tuple(system.at(parent) / name for parent in _PARENTS)


def _is_ours(path: Path, uid: int) -> bool:
    # whoever may write to /tmp could have put another folder, or a link to one, there before us
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and os.access(path, os.W_OK)


def write_private(path: Path, data: bytes) -> None:
    """Write ``data`` so that its owner alone can read it, and sees all of it or nothing."""
    with _written(path, data) as fresh:
        fresh.replace(path)


def add_private(path: Path, data: bytes) -> None:
    """Write ``data`` as `write_private` does, where there is nothing yet.

    Raise FileExistsError where there is, also where another one was faster.
    """
    with _written(path, data) as fresh:
        try:
            os.link(fresh, path)
        except OSError:
            # Not all file systems have hard links; there the last one of two wins.
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            fresh.rename(path)


@contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """Give a file beside ``path`` that has ``data``, and remove it if it is still there after."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            # else a machine that is lost leaves the name without what it stands for
            os.fsync(descriptor)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def read_file(path: Path) -> bytes | None:
    """Return what is in ``path``, None where there is nothing of that name.

    Raise OSError for what is no ordinary file, too large or not to be read.
    """
    try:
        # a pipe would keep us waiting for its other end
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb", closefd=True) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise OSError(errno.EFBIG, f"it has more than {_MOST} bytes", str(path))
    return data
