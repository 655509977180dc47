"""Reads the locks of all tools, each recognised by what is in the file."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.conda.envfile.reading import FieldError
from condabox.conda.lockfiles.explicit_lock import parse_explicit_lock
from condabox.conda.lockfiles.foreign_lock import ForeignLock
from condabox.conda.lockfiles.lockreader import parse_lock_file
from condabox.conda.lockfiles.pixi_lock import parse_pixi_lock
from condabox.conda.lockfiles.plainyaml import PlainYamlError, read_plain_yaml
from condabox.decode import DecodeError
from condabox.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockFile

LARGEST_LOCK = 64 << 20
"""Bytes.  Those of large projects have a tenth."""


class LockKind(StrEnum):
    """The forms of locks, by the words that messages have for them."""

    CONDA_LOCK = "a conda-lock file"
    EXPLICIT = "an explicit lock"
    PIXI = "a pixi.lock"


_EXPLICIT = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t]*@EXPLICIT\s*$", re.MULTILINE)
_KEY = re.compile(rb"^(?:\xef\xbb\xbf)?([a-z]+):", re.MULTILINE)
_OURS = re.compile(rb"^ +condabox: ", re.MULTILINE)
_EARLY_PIXI = re.compile(rb"^version: [23]\s*$", re.MULTILINE)
_AGAIN = "make it again with the tool that wrote it"
_LONGEST_MESSAGE = 1000


def lock_kind(data: bytes) -> LockKind | None:
    """Tell by its content what lock a file is; None where it is none."""
    if _EXPLICIT.search(data):
        return LockKind.EXPLICIT
    keys = set(_KEY.findall(data))
    if keys >= {b"environments", b"packages"}:
        return LockKind.PIXI
    if keys >= {b"metadata", b"package"}:
        return LockKind.PIXI if _EARLY_PIXI.search(data) else LockKind.CONDA_LOCK
    return None


def is_lock(data: bytes) -> bool:
    """Tell whether ``data`` is the content of a lock file, and not that of an environment file."""
    return lock_kind(data) is not None


def parse_lock(data: bytes, *, path: Path, environment: str | None = None) -> LockFile:
    """Read the content of any lock, all of it; raise LockError, which names ``path``.

    ``environment`` is one of a pixi.lock's, None its default one.  Packages have an empty sha256
    where the lock tells none.
    """
    lock = read_lock(data, path=path, environment=environment)
    for error in lock.refused.values():
        raise lock_error(error, path=path)
    return lock.file


def read_lock(data: bytes, *, path: Path, environment: str | None = None) -> ForeignLock:
    """Read any lock as `parse_lock` does, with what is wrong with one of its subdirs put aside."""
    kind = lock_kind(data)
    if environment is not None and kind not in {LockKind.PIXI, None}:
        raise LockError(
            f"{path} is {kind}, which has no environments to choose from",
            hint="leave out --environment: it is for pixi.lock",
        )
    try:
        match kind:
            case LockKind.CONDA_LOCK:
                return ForeignLock(file=_conda_lock(data, path=path))
            case LockKind.EXPLICIT:
                return parse_explicit_lock(data, path=path)
            case LockKind.PIXI:
                document = read_plain_yaml(data)
                return parse_pixi_lock(document, data=data, path=path, environment=environment)
            case None:
                raise LockError(
                    f"{path} is not a lock file",
                    hint="conda-lock files, explicit locks (@EXPLICIT) and pixi.lock are read",
                )
    except PlainYamlError as error:
        where = f"{path}, line {error.line}" if error.line else str(path)
        raise LockError(f"{where}: {error.problem}", hint=_AGAIN) from None
    except DecodeError as error:
        raise lock_error(error, path=path) from None


def lock_error(error: DecodeError, *, path: Path) -> LockError:
    """Return what the user is told of something wrong in the lock at ``path``."""
    hint = error.hint if isinstance(error, FieldError) else None
    return LockError(f"{path}: {error}"[:_LONGEST_MESSAGE], hint=hint or _AGAIN)


def _conda_lock(data: bytes, *, path: Path) -> LockFile:
    try:
        return parse_lock_file(data, path=path)
    except LockError as error:
        if _OURS.search(data):
            raise
        raise LockError(error.message[:_LONGEST_MESSAGE], hint=_AGAIN) from None
