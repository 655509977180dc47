"""How differences between lock files read: what the text and the Markdown say alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.channels.channel import DEFAULT_ALIAS
from condabox.conda.lockfiles.lockfile import PROD
from condabox.reporting.formats import arrow, counted, format_range, format_size
from condabox.reporting.lockdiff import Download, Kind, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.reporting.lockdiff import Change, LockDiff, Pinned, SubdirDiff

UNCHANGED = "nothing that is installed has changed"
PRESENCE: Mapping[Presence, str] = {
    Presence.BOTH: "",
    Presence.NEW: " (added)",
    Presence.OLD: " (removed)",
}
ORDINARY = 2
"""The rank of changes that nobody asked for and nobody need wonder about."""

_COUNTED: Mapping[Kind, str] = {
    Kind.UP: "up",
    Kind.DOWN: "down",
    Kind.ADDED: "added",
    Kind.REMOVED: "removed",
    Kind.MOVED: "moved between conda and pip",
    Kind.CHANNEL: "from another channel",
    Kind.DEVICE: "changed between GPU and CPU",
    Kind.BUILD: "rebuilt",
    Kind.ARCHIVE: "with another archive of the same build",
    Kind.CATEGORY: "in another category",
}
_UNUSUAL = frozenset({Kind.DOWN, Kind.MOVED, Kind.CHANNEL, Kind.DEVICE, Kind.ARCHIVE})
_SHOWN_HEX = 12
_SHOWN_DIGEST = len("sha256:") + _SHOWN_HEX

# What conda-build makes of all that a build was made with: it differs between platforms.
_HASH = re.compile(r"h[0-9a-f]{7}(?=_|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A change as people see it: once for all subdirs where it reads the same."""

    name: str
    note: str
    """``pip`` for a wheel, and the categories of what is not always installed."""
    kinds: tuple[Kind, ...]
    before: str
    after: str
    asked: bool
    subdirs: tuple[str, ...]
    size: str

    @property
    def rank(self) -> int:
        """First what was asked for by name, then what seldom happens, then the rest."""
        if self.asked:
            return 0
        return ORDINARY - 1 if _UNUSUAL.intersection(self.kinds) else ORDINARY


def rows_of(subdirs: Iterable[SubdirDiff]) -> tuple[Row, ...]:
    """Return the changes of ``subdirs`` by rank, kind and name."""
    same: dict[tuple[object, ...], dict[str, Change]] = {}
    for found in subdirs:
        for change in found.changes:
            reads = (change.name, change.kinds, *_sides(change), _note(change))
            same.setdefault(reads, {})[found.subdir] = change
    order = list(Kind)
    return tuple(
        sorted(
            (_row(changes) for changes in same.values()),
            key=lambda row: (row.rank, order.index(row.kinds[0]), row.name, row.subdirs),
        )
    )


def headline(diff: LockDiff) -> str:
    """Count the changes, and the platforms that are not in both files."""
    parts = [f"{count} {_COUNTED[kind]}" for kind, count in diff.counts.items()]
    for presence, word in ((Presence.NEW, "added"), (Presence.OLD, "removed")):
        count = sum(each.presence is presence for each in diff.subdirs)
        if count:
            parts.append(f"{counted(count, 'platform')} {word}")
    return ", ".join(parts) or "the same packages"


def base_changes(diff: LockDiff, *, quote: Callable[[str], str]) -> Iterator[str]:
    """Say in a line each how the base image and, where both files pin it, its digests changed."""
    if diff.bases[0] != diff.bases[1]:
        before, after = (quote(base) if base else "none" for base in diff.bases)
        yield f"base: {arrow(before, after)}"
    for found in diff.subdirs:
        before, after = (digest or "none" for digest in found.base_digests)
        if found.presence is Presence.BOTH and before != after:
            shown = arrow(quote(before[:_SHOWN_DIGEST]), quote(after[:_SHOWN_DIGEST]))
            yield f"base for {quote(found.subdir)}: {shown}"


def downloads(found: SubdirDiff, *, quote: Callable[[str], str]) -> str:
    """Say what is downloaded for one subdir, by category where there are others than main."""
    categories = sorted({*found.before, *found.after}, key=lambda name: (name != PROD, name))
    texts = []
    for category in categories:
        before = _download(found.before.get(category, Download()))
        after = _download(found.after.get(category, Download()))
        sides = {Presence.NEW: after, Presence.OLD: before, Presence.BOTH: arrow(before, after)}
        text = sides[found.presence]
        texts.append(text if category == PROD else f"{quote(category)} {text}")
    return ", ".join(texts) or format_size(0)


def _download(found: Download) -> str:
    if not found.unknown:
        return format_size(found.size)
    if found.unknown == found.packages:
        return "unknown"
    return f"{format_size(found.size)} + {found.unknown} of unknown size"


def _row(changes: Mapping[str, Change]) -> Row:
    change = next(iter(changes.values()))
    before, after = _sides(change)
    return Row(
        name=change.name,
        note=_note(change),
        kinds=change.kinds,
        before=before,
        after=after,
        asked=any(each.asked for each in changes.values()),
        subdirs=tuple(sorted(changes)),
        size=arrow(
            _sizes(each.before for each in changes.values()),
            _sizes(each.after for each in changes.values()),
        ),
    )


def _sizes(sides: Iterable[Pinned | None]) -> str:
    """Print the size of one side of a change on all its subdirs; "?" where one is not known."""
    sizes = [side.package.size for side in sides if side is not None]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return "?"
    return format_range(min(known), max(known)) if known else ""


def _note(change: Change) -> str:
    side = change.after or change.before
    categories = side.categories if side and PROD not in side.categories else ()
    wheel = change.manager == "pip" and Kind.MOVED not in change.kinds
    return ", ".join((*(["pip"] if wheel else []), *categories))


def _sides(change: Change) -> tuple[str, str]:
    """Print both sides of a change, with what differs and without what does not."""
    before, after = change.before, change.after
    if before is None or after is None:
        return before.package.version if before else "", after.package.version if after else ""
    builds = _HASH.sub("h…", before.build), _HASH.sub("h…", after.build)
    if builds[0] == builds[1] and Kind.CHANNEL not in change.kinds:
        builds = before.build, after.build
    return _side(before, change, build=builds[0]), _side(after, change, build=builds[1])


def _side(side: Pinned, change: Change, *, build: str) -> str:
    package, kinds = side.package, change.kinds
    parts = [package.version]
    if Kind.MOVED in kinds:
        parts = [package.manager, package.name, package.version]
    if Kind.BUILD in kinds or Kind.DEVICE in kinds:
        parts.append(build)
    if Kind.ARCHIVE in kinds:
        parts.append(_archive(package, change))
    if Kind.CHANNEL in kinds:
        parts.append(f"from {side.channel.removeprefix(f'{DEFAULT_ALIAS}/')}")
    if Kind.CATEGORY in kinds:
        parts.append(f"in {', '.join(side.categories)}")
    return " ".join(part for part in parts if part)


def _archive(package: LockedPackage, change: Change) -> str:
    names = {side.package.filename for side in (change.before, change.after) if side}
    return f"sha256:{package.sha256[:_SHOWN_HEX]}" if len(names) == 1 else package.filename
