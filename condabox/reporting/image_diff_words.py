"""How the difference between two images reads: what the text and the Markdown say alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from condabox.inspection.image_diff import Change
from condabox.reporting.formats import arrow, counted, format_size
from condabox.reporting.image_words import counted_files, shown_compressed, shown_title
from condabox.reporting.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condabox.inspection.image_diff import ImageDiff, PackageChange
    from condabox.inspection.report import LayerReport, PackageReport

UNCHANGED = "the same image"

_COUNTED = {
    Change.ADDED: "added",
    Change.REMOVED: "removed",
    Change.VERSION: "in another version",
    Change.BUILD: "rebuilt",
    Change.FILES: "with other files",
}
_SHOWN_DIGEST = len("sha256:") + 12


def headline(diff: ImageDiff) -> str:
    """Say how many packages changed, and how much the whole image did."""
    counts = Counter(each.change for each in diff.packages)
    parts = [f"{counts[change]} {word}" for change, word in _COUNTED.items() if counts[change]]
    size = (
        f"{change_of_size(diff.new.compressed - diff.old.compressed)} to pull"
        if diff.both_compressed
        else f"{change_of_size(diff.new.unpacked - diff.old.unpacked)} unpacked"
    )
    return f"{', '.join(parts) or 'the same packages'}; {size}"


def facts_of(diff: ImageDiff, *, quote: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield what differs of the whole images, each with a name."""
    old, new = diff.old, diff.new
    if diff.both_compressed:
        yield "pulled", _sizes(old.compressed, new.compressed)
    else:
        number = "both are" if old.uncompressed and new.uncompressed else "one is"
        yield "pulled", f"not compared: {number} uncompressed"
    yield "unpacked", _sizes(old.unpacked, new.unpacked)
    if old.files != new.files:
        yield "files", f"{old.files:,} -> {new.files:,} ({new.files - old.files:+,})"
    kept = format_size(sum(each.compressed for each in diff.kept))
    fresh = f"{format_size(diff.pulled)} in {counted(len(diff.added), 'new layer')}"
    yield "update", f"{fresh}; {counted(len(diff.kept), 'layer')} of {kept} kept"
    if old.platform != new.platform:
        yield "platform", arrow(quote(old.platform), quote(new.platform))
    if diff.base_changed:
        sides = (
            quote("@".join(filter(None, (side.base_name, side.base_digest[:_SHOWN_DIGEST]))))
            for side in (old, new)
        )
        before, after = (side or "none" for side in sides)
        yield "base", arrow(before, after)


def tables_of(diff: ImageDiff) -> Iterator[Table]:
    """Yield the packages that changed, and the layers that came and went."""
    if diff.packages:
        yield _packages(diff)
    layers = (*((each, "new") for each in diff.added), *((each, "gone") for each in diff.removed))
    if layers:
        yield _layers(layers)


def change_of_size(size: int) -> str:
    """Print a difference of bytes: ``+1.2 MB``, ``-300 kB``."""
    return f"{'-' if size < 0 else '+'}{format_size(abs(size))}"


def _sizes(before: int, after: int) -> str:
    if before == after:
        return format_size(after)
    change = change_of_size(after - before)
    return f"{format_size(before)} -> {format_size(after)} ({change})"


def _packages(diff: ImageDiff) -> Table:
    return Table(
        title=f"Packages ({counted(len(diff.packages), 'change')})",
        columns=(
            Column(title="package", foreign=True),
            Column(title="from"),
            Column(title="change"),
            Column(title="before", foreign=True),
            Column(title="after", foreign=True),
            Column(title="installed", right=True),
            *([Column(title="compressed", right=True)] if diff.both_compressed else []),
        ),
        rows=tuple(
            (
                *_row(each),
                *([change_of_size(each.compressed)] if diff.both_compressed else []),
            )
            for each in diff.packages
        ),
    )


def _row(change: PackageChange) -> tuple[str, ...]:
    package = change.either
    return (
        package.name,
        package.manager,
        change.change.value,
        _shown(change.before, change.change),
        _shown(change.after, change.change),
        change_of_size(change.installed),
    )


def _shown(side: PackageReport | None, change: Change) -> str:
    """Print of one side what differs, and the version."""
    if side is None:
        return ""
    match change:
        case Change.BUILD:
            return f"{side.version} {side.build}"
        case Change.FILES:
            return f"{side.version}, {counted_files(side.files)}"
        case _:
            return side.version


def _layers(layers: tuple[tuple[LayerReport, str], ...]) -> Table:
    return Table(
        title=f"Layers ({counted(len(layers), 'change')})",
        columns=(
            Column(title="layer"),
            Column(title="compressed", right=True),
            Column(title="unpacked", right=True),
            Column(title="what", foreign=True),
        ),
        rows=tuple(
            (word, shown_compressed(each), format_size(each.unpacked), shown_title(each))
            for each, word in layers
        ),
    )
