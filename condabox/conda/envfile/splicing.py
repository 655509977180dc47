"""Puts entries into a list of a YAML text and takes them out; every other character stays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.conda.envfile.document import parse_document
from condabox.conda.envfile.reading import FieldError
from condabox.decode import join
from condabox.errors import SpecError

if TYPE_CHECKING:
    from condabox.conda.envfile.document import Document, Span

_BREAK = re.compile(r"\r\n|\r|\n")
_LAST_BREAK = re.compile(r"(?:\r\n|\r|\n)\Z")
_DASH = re.compile(r" *-[ \t]+")
_REST_OF_LINE = re.compile(r"[ \t]*(?P<comma>,?)[ \t]*(?:#.*)?")
_OLD_YAML = re.compile(r"(?i:y|n|yes|no|on|off)|[0-9][0-9a-fx_.+-]*")
"""What YAML 1.1, which most tools still read, takes for a truth value, a number or a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextList:
    """The list at the dotted path ``at`` of a YAML text: where it and its items are written.

    What changes it returns the whole new text, or raises FieldError for a form that is too rare.
    """

    text: str
    at: str
    span: Span
    items: tuple[Span, ...]

    @classmethod
    def find(cls, text: str, document: Document, *, at: str, size: int) -> TextList:
        """Find the list of ``size`` items in ``document``, which was read from ``text``."""
        paths = [join(at, index) for index in range(size)]
        return cls(
            text=text,
            at=at,
            span=span_of(document, at),
            items=tuple(span_of(document, path) for path in paths),
        )

    @property
    def flow(self) -> bool:
        """Whether it is written ``[like, this]``, and not with a dash for each item."""
        return self.text[self.span.start] == "["

    def replaced(self, index: int, value: str) -> str:
        """Return the text with ``value`` for the string at ``index``, in the quotes that it has."""
        span = self.items[index]
        quote = self.text[span.start]
        entry = scalar(value, flow=self.flow, quote=quote if quote in "\"'" else "")
        return self.text[: span.start] + entry + self.text[span.end :]

    def inserted(self, index: int, *lines: str) -> str:
        """Return the text with a new item before the one at ``index``, or behind the last one.

        ``lines`` are the item in YAML, the ones after the first indented as below its dash.
        """
        if self.flow:
            return self._flow_inserted(index, " ".join(lines))
        neighbour = self.items[max(index - 1, 0)]
        prefix = self._dash(neighbour)
        indent = prefix[: prefix.index("-")]
        newline = _newline(self.text)
        written = (newline + indent).join([prefix + lines[0], *lines[1:]])
        if index == 0:
            where = _line_start(self.text, neighbour.start)
            return self.text[:where] + written + newline + self.text[where:]
        where = _line_end(self.text, neighbour.end)
        return self.text[:where] + newline + written + self.text[where:]

    def without(self, index: int) -> str:
        """Return the text without the item at ``index``; comments on lines of their own stay."""
        if self.flow:
            return self._flow_without(index)
        self._dash(self.items[index])
        return without_lines(self.text, self.items[index])

    def _dash(self, item: Span) -> str:
        """Return what stands in front of ``item`` on its line."""
        prefix = self.text[_line_start(self.text, item.start) : item.start]
        if not _DASH.fullmatch(prefix):
            raise unusual(self.at)
        return prefix

    def _flow_inserted(self, index: int, entry: str) -> str:
        if index == 0:
            where = self.items[0].start
            return f"{self.text[:where]}{entry}, {self.text[where:]}"
        before = self.items[index - 1]
        end = _line_end(self.text, before.end)
        rest = _REST_OF_LINE.fullmatch(self.text, before.end, end)
        if rest is None:
            return f"{self.text[: before.end]}, {entry}{self.text[before.end :]}"
        # A comment behind the neighbour is about the neighbour: the new item has its own line
        lead = self.text[_line_start(self.text, before.start) : before.start]
        line = _newline(self.text) + (lead if lead.isspace() else " " * len(lead)) + entry
        if rest["comma"]:
            return self.text[:end] + line + "," + self.text[end:]
        return f"{self.text[: before.end]},{self.text[before.end : end]}{line}{self.text[end:]}"

    def _flow_without(self, index: int) -> str:
        item, last = self.items[index], index == len(self.items) - 1
        lead = self.text[_line_start(self.text, item.start) : item.start]
        rest = _REST_OF_LINE.fullmatch(self.text, item.end, _line_end(self.text, item.end))
        if not lead.strip() and rest and (rest["comma"] or last):
            return without_lines(self.text, item)
        if not last:
            following = self.items[index + 1].start
            if re.fullmatch(r"[ \t]*,\s*", self.text[item.end : following]):
                return self.text[: item.start] + self.text[following:]
        if index > 0:
            previous = self.items[index - 1].end
            if re.fullmatch(r"\s*,\s*", self.text[previous : item.start]):
                return self.text[:previous] + self.text[item.end :]
        raise unusual(self.at)


def span_of(document: Document, at: str) -> Span:
    """Return where the value at ``at`` is written; raise FieldError where that is not one place."""
    if at not in document.spans:
        raise unusual(at)
    return document.spans[at]


def scalar(value: str, *, flow: bool, quote: str = "") -> str:
    """Write a printable string in YAML: in ``quote``, or in quotes where it needs them."""
    if not quote and _is_plain(value, flow=flow):
        return value
    if (quote or ("'" if '"' in value else '"')) == "'":
        return "'" + value.replace("'", "''") + "'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def without_lines(text: str, span: Span) -> str:
    """Return ``text`` without the lines of ``span``; a text without a last line break gets none."""
    start, end = _line_start(text, span.start), _line_end(text, span.end)
    if following := _BREAK.match(text, end):
        return text[:start] + text[following.end() :]
    return _LAST_BREAK.sub("", text[:start])


def _is_plain(value: str, *, flow: bool) -> bool:
    """Tell whether YAML reads ``value`` as itself when it has no quotes."""
    if _OLD_YAML.fullmatch(value):
        return False
    try:
        found = parse_document(f"[{value}]" if flow else f"- {value}", path=Path())
    except SpecError:
        return False
    return found.value == [value]


def _newline(text: str) -> str:
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _line_end(text: str, index: int) -> int:
    found = _BREAK.search(text, index)
    return found.start() if found else len(text)


def unusual(at: str) -> FieldError:
    """Say that ``at`` cannot be edited for sure."""
    return FieldError(
        "is written in a way that is not edited by command", at=at, hint="edit it by hand"
    )
