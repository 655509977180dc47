"""Reports on images, and on how two differ, as Markdown for a comment or a job's summary.

Whatever comes from an image is shown as code: GitHub makes no links, mentions or markup of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.reporting import image_diff_words as diff_words
from condabox.reporting import image_words as words
from condabox.reporting.formats import counted
from condabox.reporting.markdown import LIMIT, code, fitting
from condabox.reporting.tables import markdown_header, markdown_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from condabox.inspection.image_diff import ImageDiff
    from condabox.inspection.report import ImageReport
    from condabox.reporting.tables import Table

_ROOM_FOR_ROWS = LIMIT - 15_000
_ROOM_FOR_HINTS = 10_000
_SHOWN_ROWS = 25
"""Rows of a difference that are seen without unfolding anything."""


def image_markdown(report: ImageReport, *, top: int) -> str:
    """Return ``report`` as a title, facts, advice and folded tables; within `LIMIT`.

    Tables have at most ``top`` rows, but for that of the layers.
    """
    hints, missing = fitting(
        [
            f"* **{size}**: {text} ({code(packages)})"
            for size, text, packages in words.hints_of(report)
        ],
        _ROOM_FOR_HINTS,
    )
    return "\n\n".join(
        [
            f"**{code(report.name)}** {code(report.platform)} {code(report.digest)}",
            _facts(words.facts_of(report, quote=code)),
            *(["\n".join(hints)] if hints else []),
            *_tables(words.tables_of(report, top=top), missing=missing, unfolded=0),
        ]
    )


def image_diff_markdown(diff: ImageDiff) -> str:
    """Return ``diff`` as a title, facts and tables, long ones folded; within `LIMIT`."""
    title = f"**{code(diff.new.name)}**"
    if not diff.changed:
        return f"{title}: {diff_words.UNCHANGED}."
    return "\n\n".join(
        [
            f"{title}: {diff_words.headline(diff)}",
            _facts(diff_words.facts_of(diff, quote=code)),
            *_tables(diff_words.tables_of(diff), missing=0, unfolded=_SHOWN_ROWS),
        ]
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"* {name}: {fact}" for name, fact in facts)


def _tables(tables: Iterable[Table], *, missing: int, unfolded: int) -> Iterator[str]:
    """Yield ``tables`` as far as there is room, those of more than ``unfolded`` rows folded."""
    room = _ROOM_FOR_ROWS
    for table in tables:
        rows, left_out = fitting([markdown_row(row, table.columns) for row in table.rows], room)
        room -= sum(len(row) + 1 for row in rows)
        missing += left_out
        if rows and len(rows) <= unfolded:
            yield "\n".join(_lines(table, rows))
        elif rows:
            summary = f"<details>\n<summary>{table.title}</summary>\n"
            yield "\n".join([summary, *_lines(table, rows), "\n</details>"])
    if missing:
        yield f"{counted(missing, 'line')} had no room here: `condabox` itself shows everything."


def _lines(table: Table, rows: Sequence[str]) -> Iterator[str]:
    yield from markdown_header(table.columns)
    yield from rows
    if table.below:
        yield from ("", table.below)
