"""Differences between lock files as plain text, for a terminal or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.reporting.formats import arrow, printable
from condabox.reporting.lockdiff import Presence
from condabox.reporting.lockdiff_words import (
    PRESENCE,
    UNCHANGED,
    base_changes,
    downloads,
    headline,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.reporting.lockdiff import LockDiff
    from condabox.reporting.lockdiff_words import Row

_TITLES = ("  PACKAGE", "CHANGE", "BEFORE", "AFTER", "PLATFORMS", "DOWNLOAD")


def lock_diff_text(diff: LockDiff) -> str:
    """Return ``diff`` as lines: totals first, then a table that tells each change once."""
    return "\n".join(_lines(diff))


def _lines(diff: LockDiff) -> Iterator[str]:
    files = arrow(printable(str(diff.old)), printable(str(diff.new)))
    if not diff.changed:
        yield f"{files}: {UNCHANGED}"
        return
    yield f"{files}: {headline(diff)}"
    yield from base_changes(diff, quote=printable)
    for found in diff.subdirs:
        title = f"download for {printable(found.subdir)}{PRESENCE[found.presence]}"
        yield f"{title}: {downloads(found, quote=printable)}"
    kept = rows_of(each for each in diff.subdirs if each.presence is Presence.BOTH)
    added = rows_of(each for each in diff.subdirs if each.presence is Presence.NEW)
    for title, rows in (("", kept), ("added platforms:", added)):
        if rows:
            yield from ("", title) if title else ("",)
            yield from _table(rows)
    if any(row.asked for row in (*kept, *added)):
        yield ""
        yield "* named in the environment file"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    table = [_TITLES, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    note = f" ({row.note})" if row.note else ""
    texts = (
        f"{'*' if row.asked else ' '} {row.name}{note}",
        ", ".join(row.kinds),
        row.before,
        row.after,
        ", ".join(row.subdirs),
        row.size,
    )
    return tuple(map(printable, texts))
