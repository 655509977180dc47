"""What Markdown needs of a text that comes from elsewhere, and how much of it a comment holds."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

from condabox.reporting.formats import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 65_000
"""Characters; a comment on GitHub holds 65,536, and whoever posts it may add a line."""

_CODE = re.compile(r"[A-Za-z0-9 ._,:;/+!~@#=()*?'…-]*")
_LETTER = re.compile(r"[A-Za-z0-9 ]")


def code(text: str) -> str:
    """Show ``text`` as it is, whatever it is: as code, where Markdown reads nothing."""
    shown = printable(text).strip()
    if not shown:
        return ""
    if _CODE.fullmatch(shown):
        return f"`{shown}`"
    # a pipe ends a cell, and a backtick the code, also there
    letters = (each if _LETTER.fullmatch(each) else f"&#{ord(each)};" for each in shown)
    return f"<code>{''.join(letters)}</code>"


def fitting(lines: Sequence[str], room: int) -> tuple[Sequence[str], int]:
    """Return the first ``lines`` that have room together, and how many have none."""
    count = sum(end <= room for end in accumulate(len(line) + 1 for line in lines))
    return lines[:count], len(lines) - count
