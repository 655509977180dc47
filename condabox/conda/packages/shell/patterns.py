"""File name patterns of the shell, matched against text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLASS = re.compile(r"\[[!^]?\]?[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a pattern; what is quoted in it stands for itself."""

    text: str
    quoted: bool


class PatternError(ValueError):
    """A pattern that needs to know the locale, or is none."""


def has_wildcard(text: str) -> bool:
    """Tell whether the shell would look for files with such names."""
    return "*" in text or "?" in text or _CLASS.search(text) is not None


def compile_pattern(pieces: tuple[Piece, ...]) -> re.Pattern[str]:
    """Return the regular expression whose `fullmatch` is the pattern's; raise PatternError."""
    # What stands between two stars is found at its first place or not at all: the groups do not
    # look for another one, else a pattern of many stars would take for ever.
    chunks = [""]
    for one in _tokens(pieces):
        if one == "*":
            chunks.append("")
        else:
            chunks[-1] += one
    first, *rest = chunks
    if not rest:
        return re.compile(first, re.DOTALL)
    inner = "".join(f"(?>.*?{chunk})" for chunk in rest[:-1])
    return re.compile(f"{first}{inner}.*{rest[-1]}", re.DOTALL)


def _tokens(pieces: tuple[Piece, ...]) -> list[str]:
    """Return regular expressions of one character each, and ``*`` for a star."""
    characters = [(character, piece.quoted) for piece in pieces for character in piece.text]
    tokens: list[str] = []
    index = 0
    while index < len(characters):
        character, quoted = characters[index]
        index += 1
        if quoted:
            tokens.append(re.escape(character))
        elif character == "\\" and index < len(characters):
            tokens.append(re.escape(characters[index][0]))
            index += 1
        elif character == "*":
            tokens.append("*")
        elif character == "?":
            tokens.append(".")
        elif character == "[" and (end := _class_end(characters, index)) is not None:
            tokens.append(_class(characters[index:end]))
            index = end + 1
        else:
            tokens.append(re.escape(character))
    return tokens


def _class_end(characters: list[tuple[str, bool]], start: int) -> int | None:
    """Return the index of the ``]`` that ends what ``[`` before ``start`` begins."""
    first = start
    if first < len(characters) and characters[first][0] in "!^":
        first += 1
    for index in range(first + 1, len(characters)):
        if characters[index] == ("]", False):
            return index
    return None


def _class(characters: list[tuple[str, bool]]) -> str:
    negation = ""
    if characters[0] in {("!", False), ("^", False)}:
        negation, characters = "^", characters[1:]
    text = "".join(character for character, _ in characters)
    if re.search(r"\[[:.=]|\\", text) or any(quoted for _, quoted in characters):
        raise PatternError(f"the pattern [{text}]")
    escaped = re.sub(r"([\[\]^&~|])", r"\\\1", text)
    try:
        re.compile(f"[{escaped}]")
    except re.error:
        raise PatternError(f"the pattern [{text}]") from None
    return f"[{negation}{escaped}]"
