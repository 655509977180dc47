"""Reports on images, and on how two differ, as plain text for a terminal or a log."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from condabox.reporting import image_diff_words as diff_words
from condabox.reporting import image_words as words
from condabox.reporting.formats import arrow, printable
from condabox.reporting.tables import text_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from condabox.inspection.image_diff import ImageDiff
    from condabox.inspection.report import ImageReport
    from condabox.reporting.tables import Table

_WIDTH = 100


def image_text(report: ImageReport, *, top: int) -> str:
    """Return ``report`` as lines: totals, tables of at most ``top`` rows each, then advice."""
    title = f"{printable(report.name)}  {printable(report.platform)}  {report.digest}"
    facts = words.facts_of(report, quote=printable)
    lines = [title, *_facts(facts), *_tables(words.tables_of(report, top=top))]
    if report.hints:
        lines.extend(("", "Hints", *_hints(report)))
    return "\n".join(lines)


def image_diff_text(diff: ImageDiff) -> str:
    """Return ``diff`` as lines: totals first, then what changed."""
    sides = arrow(printable(diff.old.name), printable(diff.new.name))
    if not diff.changed:
        return f"{sides}: {diff_words.UNCHANGED}"
    facts = diff_words.facts_of(diff, quote=printable)
    return "\n".join(
        [
            f"{sides}: {diff_words.headline(diff)}",
            *_facts(facts),
            *_tables(diff_words.tables_of(diff)),
        ]
    )


def _facts(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    facts = tuple(facts)
    width = max(len(name) for name, _ in facts)
    return (f"  {name.ljust(width)}  {fact}" for name, fact in facts)


def _tables(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        yield ""
        yield from text_lines(table)


def _hints(report: ImageReport) -> Iterator[str]:
    for size, text, packages in words.hints_of(report):
        yield from textwrap.wrap(
            f"{size}: {text} ({printable(packages)})",
            _WIDTH,
            initial_indent="  * ",
            subsequent_indent="    ",
            break_on_hyphens=False,
            break_long_words=False,
        )
