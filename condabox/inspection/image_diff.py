"""What differs between two images: packages, layers, and what a host has to pull."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from condabox.inspection.report import ImageReport, LayerReport, PackageReport

FORMAT = 1
"""Of the JSON document: another number where what is there already means something else."""


class Change(StrEnum):
    """What became of a package."""

    ADDED = "added"
    REMOVED = "removed"
    VERSION = "version"
    BUILD = "build"
    FILES = "files"
    """The same build, of which the image has more or fewer bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package before and after, None where the image does not have it."""

    change: Change
    before: PackageReport | None
    after: PackageReport | None

    @property
    def either(self) -> PackageReport:
        """Whichever there is, for what both have in common."""
        found = self.after or self.before
        if found is None:
            raise AssertionError
        return found

    @property
    def installed(self) -> int:
        """How many bytes more, or fewer, the image has of it."""
        return _size(self.after) - _size(self.before)

    @property
    def compressed(self) -> int:
        """How many bytes more, or fewer, are pulled for it."""
        return (self.after.compressed if self.after else 0) - (
            self.before.compressed if self.before else 0
        )

    def to_json(self) -> dict[str, object]:
        """Return the document; each side is as in a report on an image, or null."""
        return {
            "name": self.either.name,
            "change": self.change.value,
            "before": self.before.to_json() if self.before else None,
            "after": self.after.to_json() if self.after else None,
            "installed": self.installed,
            "compressed": self.compressed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDiff:
    """Two images, and what is not the same.

    The packages come that change most bytes first.  Layers are told apart by their digests, which
    is what a host asks for; one that is not compressed is the same as any with its content.
    """

    old: ImageReport
    new: ImageReport
    packages: tuple[PackageChange, ...]
    kept: tuple[LayerReport, ...]
    added: tuple[LayerReport, ...]
    removed: tuple[LayerReport, ...]

    @property
    def changed(self) -> bool:
        """Whether the images are not the same."""
        return self.old.digest != self.new.digest

    @property
    def both_compressed(self) -> bool:
        """Whether what is pulled can be compared: of what nobody has compressed it is unknown."""
        return not (self.old.uncompressed or self.new.uncompressed)

    @property
    def base_changed(self) -> bool:
        """Whether they tell of different bases."""
        return (self.old.base_name, self.old.base_digest) != (
            self.new.base_name,
            self.new.base_digest,
        )

    @property
    def pulled(self) -> int:
        """The compressed bytes that a host which has the old image pulls to have the new one."""
        return sum(each.compressed for each in self.added)

    def to_json(self) -> dict[str, object]:
        """Return the document of ``--format json``; what it tells of each is as in a report."""
        return {
            "format": FORMAT,
            "old": _side_to_json(self.old),
            "new": _side_to_json(self.new),
            "pulled": self.pulled,
            "both_compressed": self.both_compressed,
            "packages": [each.to_json() for each in self.packages],
            "layers": {
                "kept": [each.to_json() for each in self.kept],
                "added": [each.to_json() for each in self.added],
                "removed": [each.to_json() for each in self.removed],
            },
        }


def compare_images(old: ImageReport, new: ImageReport) -> ImageDiff:
    """Compare two reports: packages by manager, name and place, layers by what they are."""
    before, after = _by_place(old.packages), _by_place(new.packages)
    changes = [
        PackageChange(change=change, before=before.get(key), after=after.get(key))
        for key in sorted(before.keys() | after.keys())
        if (change := _change(before.get(key), after.get(key)))
    ]
    of_old = {each.diff_id: each for each in old.layers if not each.uncompressed}
    kept, added = _told_apart(new.layers, old.layers)
    _, removed = _told_apart(old.layers, new.layers)
    return ImageDiff(
        old=old,
        new=new,
        packages=tuple(sorted(changes, key=_weight)),
        kept=_once(of_old.get(each.diff_id, each) if each.uncompressed else each for each in kept),
        added=_once(added),
        removed=_once(removed),
    )


def _told_apart(
    layers: Iterable[LayerReport], others: Iterable[LayerReport]
) -> tuple[list[LayerReport], list[LayerReport]]:
    """Return the layers that ``others`` have, too, and those that they have not.

    A blob that is not compressed has its diff ID as its digest.
    """
    digests = {each.digest for each in others}
    known = digests | {each.diff_id for each in others}
    found: tuple[list[LayerReport], list[LayerReport]] = ([], [])
    for each in layers:
        same = each.digest in known or each.diff_id in digests
        found[0 if same else 1].append(each)
    return found


def _by_place(packages: Iterable[PackageReport]) -> Mapping[tuple[str, str, str], PackageReport]:
    return {(each.manager, each.name, each.prefix): each for each in packages}


def _change(before: PackageReport | None, after: PackageReport | None) -> Change | None:
    if before is None:
        return Change.ADDED
    if after is None:
        return Change.REMOVED
    if before.version != after.version:
        return Change.VERSION
    if before.build != after.build:
        return Change.BUILD
    return None if before.installed == after.installed else Change.FILES


def _weight(change: PackageChange) -> tuple[int, int, str, str]:
    """Return where a change stands: by its bytes, and its name and place as tiebreakers."""
    size = max(_size(change.before), _size(change.after))
    return -abs(change.installed), -size, change.either.name, change.either.prefix


def _size(package: PackageReport | None) -> int:
    return package.installed if package else 0


def _once(layers: Iterable[LayerReport]) -> tuple[LayerReport, ...]:
    """Return layers without those that are there again: who has one has them all."""
    return tuple({each.digest: each for each in layers}.values())


def _side_to_json(report: ImageReport) -> dict[str, object]:
    return {
        "name": report.name,
        "digest": report.digest,
        "platform": report.platform,
        "base_name": report.base_name,
        "base_digest": report.base_digest,
        "compressed": report.compressed,
        "unpacked": report.unpacked,
        "files": report.files,
        "layers": len(report.layers),
    }
