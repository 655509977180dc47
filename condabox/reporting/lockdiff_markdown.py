"""Differences between lock files as Markdown, for a comment on a pull request.

Whatever comes from a lock file is shown as code: GitHub makes no links, mentions or markup of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import PROD
from condabox.reporting.formats import counted
from condabox.reporting.lockdiff import Presence
from condabox.reporting.lockdiff_words import (
    ORDINARY,
    PRESENCE,
    UNCHANGED,
    base_changes,
    downloads,
    headline,
    rows_of,
)
from condabox.reporting.markdown import LIMIT, code, fitting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.reporting.lockdiff import LockDiff
    from condabox.reporting.lockdiff_words import Row

_ROOM_FOR_FACTS = 10_000
_ROOM_FOR_ROWS = LIMIT - 15_000
_SHOWN_ROWS = 25
"""Rows that are seen without unfolding anything, where there are more."""

_HEADER = (
    "| package | change | before | after | platforms | download |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Rows, and what stands above and below them."""

    rows: Sequence[Row]
    above: str = ""
    below: str = ""


def lock_diff_markdown(diff: LockDiff) -> str:
    """Return ``diff`` as a title, what concerns all packages, and tables: within `LIMIT`."""
    title = f"**{code(str(diff.new))}**"
    if not diff.changed:
        return f"{title}: {UNCHANGED}."
    kept = rows_of(each for each in diff.subdirs if each.presence is Presence.BOTH)
    added = rows_of(each for each in diff.subdirs if each.presence is Presence.NEW)
    blocks = [f"{title}: {headline(diff)}{_download(diff)}"]
    facts, missing = fitting([f"* {fact}" for fact in _facts(diff)], _ROOM_FOR_FACTS)
    if facts:
        blocks.append("\n".join(facts))
    room = _ROOM_FOR_ROWS
    for table in (*_tables(kept), *_tables(added, title="Added platforms: ")):
        lines, left_out = fitting([_line(row) for row in table.rows], room)
        room -= sum(len(line) + 1 for line in lines)
        missing += left_out
        if lines:
            blocks.append("\n".join((table.above, *_HEADER, *lines, table.below)).strip())
    if any(row.asked for row in (*kept, *added)):
        blocks.append("Bold packages are named in the environment file.")
    if missing:
        left_out_text = counted(missing, "line")
        blocks.append(f"{left_out_text} had no room here: `condabox diff` shows everything.")
    return "\n\n".join(blocks)


def _has_one_download(diff: LockDiff) -> bool:
    return len(diff.subdirs) == 1 and {*diff.subdirs[0].before, *diff.subdirs[0].after} <= {PROD}


def _download(diff: LockDiff) -> str:
    """Return what the title says of the download, where one number says it all."""
    if not _has_one_download(diff):
        return ""
    return f"; download {downloads(diff.subdirs[0], quote=code)}"


def _facts(diff: LockDiff) -> Iterator[str]:
    yield from base_changes(diff, quote=code)
    if not _has_one_download(diff):
        for found in diff.subdirs:
            total = downloads(found, quote=code)
            yield f"download for {code(found.subdir)}{PRESENCE[found.presence]}: {total}"


def _tables(rows: Sequence[Row], *, title: str = "") -> Iterator[_Table]:
    """Yield ``rows`` as one table, or two where they are many.

    What nobody asked for and nobody need wonder about is folded then.
    """
    count = len(rows)
    if count > _SHOWN_ROWS:
        count = min(_SHOWN_ROWS, sum(row.rank < ORDINARY for row in rows))
    shown, folded = rows[:count], rows[count:]
    if shown:
        yield _Table(
            rows=shown, above=f"{title}{counted(len(shown), 'package')}\n" if title else ""
        )
    if folded:
        summary = title + counted(len(folded), "more line" if shown else "line")
        yield _Table(
            rows=folded,
            above=f"<details>\n<summary>{summary}</summary>\n",
            below="\n</details>",
        )


def _line(row: Row) -> str:
    name = f"**{code(row.name)}**" if row.asked else code(row.name)
    note = f" ({code(row.note)})" if row.note else ""
    cells = (
        f"{name}{note}",
        ", ".join(row.kinds),
        code(row.before),
        code(row.after),
        code(", ".join(row.subdirs)),
        row.size,
    )
    return f"| {' | '.join(cells)} |"
