"""Files as they were in a commit: ``REV:path``, read with git."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Self

from condabox import process
from condabox.errors import LockError

# A revision may have colons within braces: HEAD@{2026-01-01 12:00}, HEAD^{/fix: it}.  One that
# begins with a hyphen would be an option of git's, and a path that begins with a slash is a URL's
# or is on a drive: C:/envs/ai.yml.
_REVISION = re.compile(r"(?P<rev>(?!-)(?:[^:{}]|\{[^{}]*\})+):(?P<path>[^/\\].*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A path in a commit, as the user wrote both."""

    rev: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read ``REV:path``; return None for what cannot be one."""
        found = _REVISION.fullmatch(text)
        return cls(rev=found["rev"], path=found["path"]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All files of a commit.  ``folder`` is where in it the current folder is: ``envs/``."""

    rev: str
    object_id: str
    folder: str

    @classmethod
    def open(cls, rev: str) -> Self:
        """Find ``rev`` in the repository around the current folder.

        Raise LockError when there is no repository or no such revision in it, and ToolMissingError
        without git.
        """
        around = _git("rev-parse", "--show-prefix")
        if around.returncode != 0:
            told = around.stderr.strip().splitlines() or ["git fails"]
            raise LockError(
                f"{rev} cannot be looked up: {told[0].removeprefix('fatal: ')}",
                hint=told[-1].strip() if len(told) > 1 else None,
            )
        found = _git("rev-parse", "--verify", "--quiet", f"{rev}^{{tree}}")
        if found.returncode != 0:
            raise LockError(
                f"git knows no revision {rev} here",
                hint="fetch it first: a clone of limited depth, as CI makes them, "
                "has neither other branches nor older commits",
            )
        return cls(
            rev=rev,
            object_id=found.stdout.decode().strip(),
            folder=around.stdout.decode(errors="surrogateescape").removesuffix("\n"),
        )

    def places(self, path: str) -> tuple[str, ...]:
        """Return where ``path`` may be, from the repository's root, first what git would take.

        That is the path from the root, and one that begins with a dot from the current folder.
        People who are in a folder mean what lies there: that comes second.
        """
        here = posixpath.normpath(self.folder + path)
        if path.startswith(("./", "../")):
            return (here,)
        return tuple(dict.fromkeys((posixpath.normpath(path), here)))

    def read(self, place: str) -> bytes | None:
        """Return the content of a file by its path from the repository's root; None for none.

        Raise LockError for a folder.
        """
        found = _git("rev-parse", "--verify", "--quiet", f"{self.object_id}:{place}")
        if found.returncode != 0:
            return None
        blob = _git("cat-file", "blob", found.stdout.decode().strip())
        if blob.returncode != 0:
            raise LockError(f"{self.rev}:{place} is not a file")
        return blob.stdout


def _git(*arguments: str) -> process.Completed:
    git = process.find("git", hint="it reads what REV:path names; a path needs no git")
    return process.attempt([git, *arguments])
