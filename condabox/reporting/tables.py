"""Tables as plain text, with aligned columns, and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.reporting.formats import printable
from condabox.reporting.markdown import code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How a column is shown: numbers to the ``right``, and what is ``foreign`` as code."""

    title: str
    right: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with a cell for each of ``columns``; ``below`` says what is not shown."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    below: str = ""


def text_lines(table: Table) -> Iterator[str]:
    """Yield a table's title and its lines, indented; what would move a cursor is escaped."""
    yield table.title
    lines = [
        tuple(column.title.upper() for column in table.columns),
        *(tuple(map(printable, row)) for row in table.rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        )
        yield f"  {'  '.join(cells)}".rstrip()
    if table.below:
        yield f"  {table.below}"


def markdown_header(columns: Sequence[Column]) -> tuple[str, str]:
    """Return the two lines that a table in Markdown begins with."""
    return (
        f"| {' | '.join(column.title for column in columns)} |",
        f"|{'|'.join('--:' if column.right else '---' for column in columns)}|",
    )


def markdown_row(row: Sequence[str], columns: Sequence[Column]) -> str:
    """Return one row in Markdown."""
    cells = (
        code(cell) if column.foreign else cell for cell, column in zip(row, columns, strict=True)
    )
    return f"| {' | '.join(cells)} |"
