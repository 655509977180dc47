"""How sizes and foreign texts are written for people."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")
_LONGEST = 200


def format_size(size: float) -> str:
    """Print bytes as people read them: decimal units, three digits."""
    for unit in _UNITS:
        if size < 999.5 or unit == _UNITS[-1]:  # noqa: PLR2004  (what rounds to 1000 goes up)
            digits = 0 if unit == "B" or size >= 99.95 else 1  # noqa: PLR2004
            return f"{size:.{digits}f} {unit}"
        size /= 1000
    raise AssertionError


def format_range(low: float, high: float) -> str:
    """Print what lies between two sizes, or one where they read the same: ``1.5 to 2.5 MB``."""
    first, last = format_size(low), format_size(high)
    if first == last:
        return first
    number, unit = first.split()
    return f"{number if last.endswith(f' {unit}') else first} to {last}"


def arrow(before: str, after: str) -> str:
    """Print how something changed, or the one of both that there is."""
    return " -> ".join(dict.fromkeys(side for side in (before, after) if side))


def counted(number: int, noun: str) -> str:
    """Print how many there are: ``1 change``, ``2 changes``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Return ``text`` on one line, `escaped`, and cut where it is very long."""
    return escaped(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def escaped(text: str, *, but: str = "") -> str:
    """Escape what would move a cursor, turn the direction of writing or cannot be encoded."""
    return "".join(
        each if each.isprintable() or each in but else each.encode("unicode_escape").decode()
        for each in text
    )
