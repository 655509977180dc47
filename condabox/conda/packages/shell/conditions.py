"""Reads the expressions between ``[[`` and ``]]``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.syntax import (
    Binary,
    Condition,
    Foreign,
    Junction,
    Literal,
    Negation,
    Unary,
)

if TYPE_CHECKING:
    from condabox.conda.packages.shell.parser import Parser
    from condabox.conda.packages.shell.syntax import Expression, Word

UNARY = frozenset("-" + letter for letter in "abcdefghknoprstuvwxzGLNORS")
"""The operators of one operand, in ``[[ ]]`` and in ``[ ]``."""

BINARY = frozenset(
    {"=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"}
)
"""The operators of two operands; ``=~`` in ``[[ ]]`` alone."""

_COMPARISON = re.compile("[<>]")
_REGULAR_EXPRESSION = re.compile(r"\S*")


def read_condition(parser: Parser, line: int) -> Condition:
    """Read up to and with ``]]``."""
    expression = _read_or(parser)
    parser.expect("]]")
    return Condition(expression, line)


def _read_or(parser: Parser) -> Expression:
    left = _read_and(parser)
    while parser.take("||"):
        left = Junction(left, "||", _read_and(parser))
    return left


def _read_and(parser: Parser) -> Expression:
    left = _read_not(parser)
    while parser.take("&&"):
        left = Junction(left, "&&", _read_not(parser))
    return left


def _read_not(parser: Parser) -> Expression:
    parser.skip_lines()
    if parser.take_keyword("!"):
        return Negation(_read_not(parser))
    if parser.take("("):
        inner = _read_or(parser)
        parser.expect(")")
        parser.skip_lines()
        return inner
    found = _read_primary(parser)
    parser.skip_lines()
    return found


def _read_primary(parser: Parser) -> Expression:
    first = _word(parser)
    if _plain(first) in UNARY and not parser.at_keyword("]]"):
        operand = _word(parser)
        return Unary(_plain(first), operand)
    parser.skip_lines()
    if parser.at_keyword("]]") or any(map(parser.at, ("&&", "||", ")"))):
        return Unary("-n", first)
    operator = parser.match(_COMPARISON) or _plain(_word(parser))
    if operator not in BINARY:
        raise parser.error(f"it has {operator!r} in [[ ]]")
    parser.skip_blanks()
    if operator == "=~":
        line = parser.line
        parser.match(_REGULAR_EXPRESSION)
        return Binary(first, operator, (Foreign("a regular expression", line),))
    right = _word(parser)
    if parser.at("("):
        raise parser.error("it has an extended pattern")
    return Binary(first, operator, right)


def _word(parser: Parser) -> Word:
    word = parser.word()
    if not word:
        raise parser.error("it has a [[ that is not complete")
    parser.skip_blanks()
    return word


def _plain(word: Word) -> str:
    """Return the text of a word without quotes and expansions; nothing for others."""
    if len(word) == 1 and isinstance(word[0], Literal) and not word[0].quoted:
        return word[0].text
    return ""
