"""What words become with the variables of a shell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.patterns import (
    PatternError,
    Piece,
    compile_pattern,
    has_wildcard,
)
from condabox.conda.packages.shell.syntax import Foreign, Literal, NotCompiledError, Parameter
from condabox.conda.packages.shell.variables import BLANKS

if TYPE_CHECKING:
    from condabox.conda.packages.shell.syntax import Word
    from condabox.conda.packages.shell.variables import Variables

_LONGEST_EDITED = 1 << 10
_BRACES = re.compile(r"\{[^{}]*(,|\.\.)[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an expanded word.

    ``quoted`` text is taken as it is, ``splits`` tells of text that is divided at blanks.
    """

    text: str
    quoted: bool
    splits: bool = False


BETWEEN = Segment("", quoted=False)
"""Stands between the elements of ``$@``; known by its identity."""


def expand_fields(word: Word, variables: Variables, *, line: int) -> list[str]:
    """Return the words that a command gets for ``word``: none, one or several."""
    written = "".join(p.text if isinstance(p, Literal) and not p.quoted else "x" for p in word)
    if _BRACES.search(written):
        raise NotCompiledError("it needs {} to make several words", line=line)
    return _fields(_Expander(variables, line).segments(word), variables, line)


def expand_text(word: Word, variables: Variables, *, line: int) -> str:
    """Return the one text that ``word`` is where nothing is split, as in assignments."""
    return _joined(_Expander(variables, line).segments(word))


def expand_pattern(word: Word, variables: Variables, *, line: int) -> re.Pattern[str]:
    """Return what ``word`` matches, quoted parts literally."""
    return _Expander(variables, line).pattern(word)


def _joined(segments: list[Segment]) -> str:
    return "".join(" " if segment is BETWEEN else segment.text for segment in segments)


def _fields(segments: list[Segment], variables: Variables, line: int) -> list[str]:
    separators = variables.values.get("IFS", BLANKS)
    if separators.strip(BLANKS):
        raise NotCompiledError("it divides words at other characters than blanks", line=line)
    if has_wildcard("".join("x" if each.quoted else each.text for each in segments)):
        raise NotCompiledError("it looks for files by a pattern", line=line)
    fields: list[str] = []
    current: str | None = None
    for segment in segments:
        if segment is BETWEEN:
            fields += [] if current is None else [current]
            current = None
            continue
        if not segment.splits:
            current = (current or "") + segment.text
            continue
        for character in segment.text:
            if character not in separators:
                current = (current or "") + character
            elif current is not None:
                fields.append(current)
                current = None
    return fields if current is None else [*fields, current]


@dataclass(frozen=True, slots=True)
class _Expander:
    variables: Variables
    line: int

    def segments(self, word: Word, *, splits: bool = False) -> list[Segment]:
        """Expand every part; ``splits`` says whether unquoted text of the word itself does."""
        found: list[Segment] = []
        for index, part in enumerate(word):
            match part:
                case Foreign(what=what, line=line):
                    raise NotCompiledError(f"it needs {what}", line=line)
                case Literal(text=text, quoted=quoted):
                    if not quoted and ((not index and text.startswith("~")) or ":~" in text):
                        raise self._error("~ is not known before run time")
                    found.append(Segment(text, quoted, splits and not quoted))
                case Parameter():
                    found += self._parameter(part)
        return found

    def pattern(self, word: Word) -> re.Pattern[str]:
        pieces = tuple(Piece(each.text, each.quoted) for each in self.segments(word))
        try:
            return compile_pattern(pieces)
        except PatternError as error:
            raise self._error(f"it needs {error}") from None

    def _parameter(self, part: Parameter) -> list[Segment]:
        if part.name in {"@", "*"}:
            return self._arguments(part)
        value = self.variables.get(part.name, line=self.line)
        name, operator = part.name, part.operator
        is_missing = value is None or (operator.startswith(":") and not value)
        match operator.removeprefix(":"):
            case "":
                text = value or ""
            case "length":
                text = str(len(value or ""))
            case "-" | "=" | "+" as kind:
                if is_missing == (kind == "+"):
                    text = "" if kind == "+" else value or ""
                elif kind == "=":
                    text = _joined(self.segments(part.operand))
                    self.variables.set(name, text, line=self.line)
                elif part.quoted:
                    text = _joined(self.segments(part.operand))
                else:
                    return self.segments(part.operand, splits=True)
            case "?":
                if is_missing:
                    raise self._error(f"${name} must be set")
                text = value or ""
            case _:
                text = self._edited(value or "", part)
        return [Segment(text, part.quoted, splits=not part.quoted)]

    def _arguments(self, part: Parameter) -> list[Segment]:
        if part.operator:
            raise self._error("it changes all arguments at once")
        if not self.variables.depth:
            raise self._error("it needs the arguments of whoever activates")
        arguments = self.variables.arguments
        separator = self.variables.values.get("IFS", BLANKS)[:1]
        if part.name == "*" and not part.quoted and separator != " ":
            raise self._error("it joins all arguments without a space")
        if part.name == "*" and part.quoted:
            return [Segment(separator.join(arguments), quoted=True)]
        found: list[Segment] = []
        for argument in arguments:
            found += [BETWEEN, Segment(argument, part.quoted, splits=not part.quoted)]
        return found[1:]

    def _edited(self, value: str, part: Parameter) -> str:
        """Remove or replace what the operand matches."""
        if len(value) > _LONGEST_EDITED:
            raise self._error(f"${part.name} is too long to be edited")
        pattern = self.pattern(part.operand)
        match part.operator:
            case "%" | "%%" as operator:
                starts = range(len(value), -1, -1) if operator == "%" else range(len(value) + 1)
                found = (value[:start] for start in starts if pattern.fullmatch(value, start))
                return next(found, value)
            case "#" | "##" as operator:
                ends = range(len(value) + 1) if operator == "#" else range(len(value), -1, -1)
                found = (value[end:] for end in ends if pattern.fullmatch(value, 0, end))
                return next(found, value)
            case _:
                return self._replaced(value, pattern, part)

    def _replaced(self, value: str, pattern: re.Pattern[str], part: Parameter) -> str:
        text = _joined(self.segments(part.replacement))
        # The longest match is replaced, which only a plain text is sure to be; and what & and
        # backslashes mean depends on the version of bash.
        plain = [each.text for each in self.segments(part.operand)]
        if pattern.pattern != re.escape("".join(plain)) or "&" in text or "\\" in text:
            raise self._error("it replaces by a pattern")
        if not "".join(plain):
            return value
        return value.replace("".join(plain), text, -1 if part.operator == "//" else 1)

    def _error(self, reason: str) -> NotCompiledError:
        return NotCompiledError(reason, line=self.line)
