"""Reads the words of a shell script: quotes, escapes and ``$`` in them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.syntax import Foreign, Literal, NotCompiledError, Parameter

if TYPE_CHECKING:
    from condabox.conda.packages.shell.syntax import Part, Word

META = " \t\n;&|<>()"
"""What ends a word of a command."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_SHORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?$!-]")
_OPERATOR = re.compile(r":?[-=+?]|%%?|##?|//?")
_PATTERN_OPERATORS = frozenset({"%", "%%", "#", "##", "/", "//"})
_ESCAPED_IN_QUOTES = '$`"\\'


class WordReader(ABC):
    """A position in a script, and what can be read there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]

    @property
    def line(self) -> int:
        """The number of the line of the position, from 1."""
        return bisect_left(self._newlines, self.position) + 1

    def error(self, problem: str) -> NotCompiledError:
        """Return an error about the line of the position."""
        return NotCompiledError(problem, line=self.line)

    def at(self, text: str) -> bool:
        """Tell whether ``text`` comes next."""
        return self.text.startswith(text, self.position)

    def at_end(self) -> bool:
        """Tell whether nothing comes any more."""
        return self.position >= len(self.text)

    def take(self, text: str) -> bool:
        """Pass ``text`` if it comes next."""
        found = self.at(text)
        if found:
            self.position += len(text)
        return found

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Pass what ``pattern`` matches here, and return it."""
        found = pattern.match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found.group()

    def word(self, *, ends: str = META) -> Word:
        """Read parts up to an unquoted character of ``ends``; there may be none."""
        parts: list[Part] = []
        while not self.at_end() and self.text[self.position] not in ends:
            character = self.text[self.position]
            if character == "\\":
                self._escape(parts)
            elif character == "'":
                start = self.position + 1
                self.pass_through("'", after=start)
                parts.append(Literal(self.text[start : self.position - 1], quoted=True))
            elif character == '"':
                parts += self._quoted()
            elif character in "$`":
                parts.append(self._dollar(quoted=False))
            else:
                self._literal(parts, stop=ends + "\\'\"$`", quoted=False)
        return tuple(parts)

    @abstractmethod
    def substitution(self) -> Part:
        """Read the rest of ``$(command)``."""

    def _escape(self, parts: list[Part]) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        if following != "\n":  # a line that goes on with the next one
            parts.append(Literal(following or "\\", quoted=True))
        self.position += 2

    def _literal(self, parts: list[Part], *, stop: str, quoted: bool) -> None:
        """Read at least one character, and then up to one of ``stop``."""
        start = self.position
        self.position += 1
        while not self.at_end() and self.text[self.position] not in stop:
            self.position += 1
        parts.append(Literal(self.text[start : self.position], quoted=quoted))

    def pass_through(self, end: str, *, after: int) -> None:
        """Go on behind the next ``end`` from the position ``after``."""
        found = self.text.find(end, after)
        if found < 0:
            raise self.error(f"its {end} has no end")
        self.position = found + len(end)

    def _quoted(self) -> list[Part]:
        """Read a double-quoted string."""
        opening = self.error('its " has no end')
        self.position += 1
        parts: list[Part] = []
        while not self.take('"'):
            if self.at_end():
                raise opening
            self._quoted_part(parts, escaped=_ESCAPED_IN_QUOTES)
        return parts or [Literal("", quoted=True)]

    def _quoted_part(self, parts: list[Part], *, escaped: str) -> None:
        character = self.text[self.position]
        following = self.text[self.position + 1 : self.position + 2]
        if character in "$`":
            parts.append(self._dollar(quoted=True))
        elif character == "\\" and following == "\n":
            self.position += 2
        elif character == "\\" and following and following in escaped:
            parts.append(Literal(following, quoted=True))
            self.position += 2
        else:
            self._literal(parts, stop=_ESCAPED_IN_QUOTES + "}", quoted=True)

    def _dollar(self, *, quoted: bool) -> Part:
        """Read what a ``$`` or a backquote starts."""
        line = self.line
        if self.take("`"):
            while not self.take("`"):
                self.position += 2 if self.at("\\") else 1
                if self.at_end():
                    raise NotCompiledError("its ` has no end", line=line)
            return Foreign("a command substitution", line)
        self.position += 1
        if self.take("(("):
            self.pass_through("))", after=self.position)
            return Foreign("arithmetic", line)
        if self.take("("):
            return self.substitution()
        if self.take("{"):
            return self._braced(quoted=quoted, line=line)
        if not quoted and (self.at("'") or self.at('"')):
            return Foreign(f"a ${self.text[self.position]} string", line)
        name = self.match(_SHORT_NAME)
        return Literal("$", quoted=True) if name is None else Parameter(name, quoted)

    def _braced(self, *, quoted: bool, line: int) -> Part:
        """Read the rest of ``${name}``; an expansion that is not known is passed whole."""
        start = self.position
        is_length = self.at("#") and not self.at("#}") and self.take("#")
        name = self.match(_NAME)
        if name is not None and self.take("}"):
            return Parameter(name, quoted, "length" if is_length else "")
        operator = None if name is None or is_length else self.match(_OPERATOR)
        if name is None or operator is None or self.text[self.position : self.position + 1] == "":
            return self._foreign_expansion(start, line)
        is_pattern = operator in _PATTERN_OPERATORS
        is_replacement = operator in {"/", "//"}
        if is_replacement and self.text[self.position] in "#%/":
            return self._foreign_expansion(start, line)  # anchored
        inside = quoted and not is_pattern
        operand = self._operand(inside=inside, ends="/}" if is_replacement else "}")
        replacement: Word = ()
        if is_replacement and self.take("/"):
            replacement = self._operand(inside=quoted, ends="}")
        if not self.take("}"):
            raise NotCompiledError("its ${ has no end", line=line)
        return Parameter(name, quoted, operator, operand, replacement)

    def _operand(self, *, inside: bool, ends: str) -> Word:
        """Read the word behind an operator; ``inside`` of quotes, those in it only come and go."""
        if not inside:
            return self.word(ends=ends)
        parts: list[Part] = []
        while not self.at_end() and self.text[self.position] not in ends:
            if self.at('"'):
                parts += self._quoted()
            else:
                self._quoted_part(parts, escaped=_ESCAPED_IN_QUOTES + "}")
        return tuple(parts)

    def _foreign_expansion(self, start: int, line: int) -> Foreign:
        self.position, depth = start, 1
        while depth:
            if self.at_end():
                raise NotCompiledError("its ${ has no end", line=line)
            character = self.text[self.position]
            depth += {"{": 1, "}": -1}.get(character, 0)
            self.position += 2 if character == "\\" else 1
        return Foreign(f"the expansion ${{{self.text[start : self.position]}", line)
