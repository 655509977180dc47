"""What containers keep, and what of this machine they see: the values of ``--volume``."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from condabox.errors import SpecError

# a source may begin with a drive of Windows
_FORM = re.compile(
    r"(?:(?P<source>(?:[A-Za-z]:[\\/])?[^:]+):)?(?P<target>/[^:]*)(?::(?P<options>[^:]+))?"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_FOLDER = re.compile(r"\.|[^/\\]*[/\\]")
"""How paths begin, whose names are no volumes'."""
_READ_ONLY = frozenset({"ro", "readonly"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """``[SOURCE:]TARGET[:OPTIONS]``: a folder in the container, and what it really is."""

    source: str
    """A volume's name, or the path of a file or folder; empty for a volume without a name."""
    target: str
    options: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what engines take; a path may be relative to where we are.

        Raise SpecError.
        """
        found = _FORM.fullmatch(text)
        if found is None or "\0" in text:
            raise SpecError(
                f"{text!r} is not a volume", hint="write it like data:/data or ./folder:/data"
            )
        volume = cls(
            source=_expanded(found["source"] or "", text),
            target=posixpath.normpath("/" + found["target"].lstrip("/")),
            options=found["options"] or "",
        )
        if volume.path is not None:
            return replace(volume, source=str(volume.path.resolve()))
        if volume.source and not _NAME.fullmatch(volume.source):
            raise SpecError(
                f"{text!r}: {volume.source!r} is neither a volume's name nor a path",
                hint=f"if it is a folder here, write ./{volume.source}",
            )
        return volume

    def __str__(self) -> str:
        parts = (self.source, self.target, self.options)
        return ":".join(part for part in parts if part)

    @property
    def is_kept(self) -> bool:
        """Whether what is written there is found again by the next container."""
        return bool(self.source) and not _READ_ONLY & frozenset(self.options.split(","))

    @property
    def path(self) -> Path | None:
        """Where it is on this machine, if it is no volume of the engine's."""
        return Path(self.source) if _FOLDER.match(self.source) else None


def _expanded(source: str, text: str) -> str:
    """Return ``source`` with the home that it begins with, where no shell has seen to that."""
    if not source.startswith("~"):
        return source
    try:
        return str(Path(source).expanduser())
    except RuntimeError:
        raise SpecError(f"{text!r}: nobody has the home of {source!r}") from None
