"""What differs between two lock files, as values; `lockcompare` finds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage


class Kind(StrEnum):
    """In which way a package is another than before, in the order in which that is told."""

    UP = "up"
    DOWN = "down"
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    """From conda to pip or back."""
    CHANNEL = "channel"
    """The same package from another channel; a wheel from another host."""
    DEVICE = "device"
    """From a build for GPUs to one that is not, or back."""
    BUILD = "build"
    ARCHIVE = "archive"
    """Version and build are the same, the archive is not."""
    CATEGORY = "category"
    """Wanted for something else: for development only, say."""


class Presence(StrEnum):
    """Which of the two lock files a subdir is in."""

    BOTH = "both"
    NEW = "new"
    OLD = "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A package as one of the lock files has it, with all categories that it is there for."""

    package: LockedPackage
    categories: tuple[str, ...]

    @property
    def build(self) -> str:
        """A conda package's build string; of a wheel the tags in its filename."""
        if self.package.manager == "conda":
            return self.package.build
        stem = self.package.filename.removesuffix(".whl")
        return "-".join(stem.split("-")[2:]) if stem != self.package.filename else ""

    @property
    def channel(self) -> str:
        """The URL of a conda package's channel; of a wheel that of its host."""
        if self.package.manager == "conda":
            return self.package.channel
        parts = urlsplit(self.package.url)
        return f"{parts.scheme}://{parts.netloc}"

    def to_json(self) -> dict[str, object]:
        """Return everything that a machine may compare."""
        return {
            "name": self.package.name,
            "version": self.package.version,
            "build": self.build,
            "manager": self.package.manager,
            "channel": self.channel,
            "categories": list(self.categories),
            "url": self.package.url,
            "sha256": self.package.sha256,
            "size": self.package.size,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A package that is not the same on both sides; ``asked`` tells whether it was named by hand.

    A package that moved between conda and pip may have another name there.
    """

    kinds: tuple[Kind, ...]
    before: Pinned | None
    after: Pinned | None
    asked: bool

    @property
    def name(self) -> str:
        """The name after the change, or the last one that the package had."""
        return self._last.name

    @property
    def manager(self) -> str:
        """The manager that goes with the name."""
        return self._last.manager

    @property
    def _last(self) -> LockedPackage:
        side = self.after or self.before
        if side is None:
            raise AssertionError
        return side.package

    def to_json(self) -> dict[str, object]:
        """Return both sides whole."""
        return {
            "name": self.name,
            "kinds": [kind.value for kind in self.kinds],
            "asked": self.asked,
            "before": self.before.to_json() if self.before else None,
            "after": self.after.to_json() if self.after else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """How much a set of packages downloads: ``size`` bytes, and ``unknown`` packages more."""

    packages: int = 0
    size: int = 0
    unknown: int = 0

    def to_json(self) -> dict[str, int]:
        """Return the three numbers."""
        return {"packages": self.packages, "size": self.size, "unknown": self.unknown}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdirDiff:
    """What differs for one subdir.  ``before`` and ``after`` are by category."""

    subdir: str
    presence: Presence
    base_digests: tuple[str | None, str | None]
    before: Mapping[str, Download]
    after: Mapping[str, Download]
    changes: tuple[Change, ...]
    """Sorted by name."""

    def to_json(self) -> dict[str, object]:
        """Return the packages of each category in numbers, and all changes."""
        return {
            "subdir": self.subdir,
            "in": self.presence.value,
            "base_digest": _pair(self.base_digests),
            "download": {
                side: {category: found.to_json() for category, found in downloads.items()}
                for side, downloads in (("before", self.before), ("after", self.after))
            },
            "changes": [change.to_json() for change in self.changes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDiff:
    """What differs between two lock files, which are called ``old`` and ``new``."""

    old: Path
    new: Path
    bases: tuple[str | None, str | None]
    subdirs: tuple[SubdirDiff, ...]

    @property
    def changed(self) -> bool:
        """Whether anything that is installed, or what it is installed on, is another."""
        return self.bases[0] != self.bases[1] or any(
            each.changes
            or each.presence is not Presence.BOTH
            or each.base_digests[0] != each.base_digests[1]
            for each in self.subdirs
        )

    @property
    def counts(self) -> Mapping[Kind, int]:
        """How many packages changed in each way, where both files have the subdir.

        A package that changed for several subdirs counts once.
        """
        found = {
            (kind, change.name)
            for each in self.subdirs
            if each.presence is Presence.BOTH
            for change in each.changes
            for kind in change.kinds
        }
        counted = Counter(kind for kind, _ in found)
        return {kind: counted[kind] for kind in Kind if counted[kind]}

    def to_json(self) -> dict[str, object]:
        """Return what ``condabox diff --format json`` prints."""
        return {
            "old": str(self.old),
            "new": str(self.new),
            "changed": self.changed,
            "base": _pair(self.bases),
            "counts": {kind.value: count for kind, count in self.counts.items()},
            "subdirs": [each.to_json() for each in self.subdirs],
        }


def _pair(sides: tuple[str | None, str | None]) -> dict[str, str | None]:
    return {"before": sides[0], "after": sides[1]}
