"""What ``condabox diff`` does: two lock files, of today or of a commit, are compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import LockFile, lock_path
from condabox.conda.lockfiles.locks import LockKind, lock_kind, parse_lock
from condabox.errors import LockError
from condabox.reporting.lockcompare import compare_locks
from condabox.workflows.revision import Revision, Tree

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.reporting.lockdiff import LockDiff

# no lock file of any kind has this key at the top
_ENVIRONMENT = re.compile(rb"^dependencies[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRequest:
    """What the user asked for.

    ``old`` and ``new`` are paths, or ``REV:path``, of lock files or of environment files, which
    stand for the locks beside them.  ``environment`` is the one of a pixi.lock to compare.
    """

    old: str
    new: str
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A file's path, as messages name it, and its content; None where its commit has none."""

    path: Path
    data: bytes | None

    @property
    def kind(self) -> LockKind | None:
        return None if self.data is None else lock_kind(self.data)


def diff_locks(request: DiffRequest, *, reporter: Reporter) -> LockDiff:
    """Compare two lock files.

    One that a commit does not have yet, or no more, counts as empty: so the first lock of an
    environment is a change like any other.  Raise LockError where neither is there, and for what
    is no lock.
    """
    old, new = _find(request.old), _find(request.new)
    if old.data is None and new.data is None:
        raise LockError(f"there is neither {old.path} nor {new.path}")
    for found in (old, new):
        if found.data is None:
            reporter.message(f"there is no {found.path}: it counts as an empty lock")
    return compare_locks(
        _lock(old, environment=_environment(request, old, new)),
        _lock(new, environment=_environment(request, new, old)),
    )


def _environment(request: DiffRequest, found: _Found, other: _Found) -> str | None:
    """Return the environment to read: only a pixi.lock's, where the two are of different tools."""
    if found.kind is not LockKind.PIXI and other.kind is LockKind.PIXI:
        return None
    return request.environment


def _lock(found: _Found, *, environment: str | None) -> LockFile:
    if found.data is not None:
        return parse_lock(found.data, path=found.path, environment=environment)
    return LockFile.empty(found.path)


def _find(text: str) -> _Found:
    path = Path(text)
    # a file of that very name comes first, also where it looks like a revision's
    revision = None if _exists(path) else Revision.parse(text)
    return _in_commit(revision) if revision else _on_disk(path)


def _on_disk(path: Path) -> _Found:
    data = _content(path, hint="name a lock file, or one in a commit like HEAD~1:envs/ai.yml")
    if _ENVIRONMENT.search(data) is None:
        return _Found(path=path, data=data)
    lock = lock_path(path)
    return _Found(path=lock, data=_content(lock, hint=f"run `condabox lock {path}` to make it"))


def _in_commit(revision: Revision) -> _Found:
    tree = Tree.open(revision.rev)
    places = tree.places(revision.path)
    contents = ((place, tree.read(place)) for place in places)
    place, data = next((found for found in contents if found[1] is not None), (places[-1], None))
    if data is not None and _ENVIRONMENT.search(data):
        place = lock_path(Path(place)).as_posix()
        data = tree.read(place)
    return _Found(path=Path(f"{tree.rev}:{place}"), data=data)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name, or behind a folder that nobody may read
        return False


def _content(path: Path, *, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LockError(f"{path} does not exist", hint=hint) from None
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from None
