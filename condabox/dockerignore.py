"""Reads ``.dockerignore`` and decides as BuildKit does: the last pattern that matches wins.

The patterns are those of https://docs.docker.com/build/concepts/context/#dockerignore-files: Go's
``filepath.Match`` with ``**`` for any number of folders, ``!`` to take an exclusion back, and ``#``
for comments.  A folder that matches takes along all that is in it, until a later ``!`` matches.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass


class PatternError(ValueError):
    """A line of the file is not a pattern."""

    def __init__(self, problem: str, *, line: int) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One line: what it matches, and whether it takes an exclusion back."""

    regex: re.Pattern[str]
    exception: bool

    def matches(self, path: str) -> bool:
        """Tell whether ``path`` itself matches, whatever its parents do."""
        return self.regex.fullmatch(path) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the patterns say of one path; its children's verdicts build on ``matched``."""

    excluded: bool
    matched: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerIgnore:
    """All patterns of one file, in its order."""

    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, text: str) -> DockerIgnore:
        """Read the file's text; raise PatternError for a line that Docker refuses too."""
        patterns = []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
            if line.startswith("#") or not line.strip():
                continue
            patterns.append(_pattern(line.strip(), line=number))
        return cls(patterns=tuple(patterns))

    @property
    def root(self) -> Verdict:
        """The verdict on the folder itself: it is never excluded."""
        return Verdict(excluded=False, matched=(False,) * len(self.patterns))

    @property
    def has_exceptions(self) -> bool:
        """Whether anything below an excluded folder can come back."""
        return any(pattern.exception for pattern in self.patterns)

    def judge(self, path: str, *, parent: Verdict) -> Verdict:
        """Decide on ``path``, relative to the folder, from the verdict on its parent.

        As in moby/patternmatcher: what matched the parent matches the child; a pattern that could
        not change the outcome is not tried, and does not count as matched further down.
        """
        excluded = False
        matched = []
        for pattern, inherited in zip(self.patterns, parent.matched, strict=True):
            match = inherited or (pattern.exception == excluded and pattern.matches(path))
            matched.append(match)
            if match:
                excluded = not pattern.exception
        return Verdict(excluded=excluded, matched=tuple(matched))


def _pattern(text: str, *, line: int) -> Pattern:
    exception = text.startswith("!")
    if exception:
        text = text[1:].strip()
        if not text:
            raise PatternError("`!` without a pattern", line=line)
    text = re.sub("^//", "/", posixpath.normpath(text))
    if text != "/":
        text = text.removeprefix("/")
    return Pattern(regex=re.compile(_regex(text, line=line), re.DOTALL), exception=exception)


def _regex(pattern: str, *, line: int) -> str:
    """Translate a normalized pattern."""
    rest = pattern.removeprefix("**")
    if rest != pattern and not re.search(r"[*?\[\]\\]", rest):
        # Docker compares suffixes here, so that `**name` matches the end of a name as well;
        # with a wildcard in it, `**name*` matches whole names
        return rf"(?:.*/)?{re.escape(rest[1:])}" if rest[:1] == "/" else rf".*{re.escape(rest)}"
    found = []
    position = 0
    while position < len(pattern):
        piece, position = _piece(pattern, position, line=line)
        found.append(piece)
    return "".join(found)


def _piece(pattern: str, start: int, *, line: int) -> tuple[str, int]:
    """Translate what begins at ``start``, and return where the next piece does."""
    if pattern.startswith("**", start):
        end = start + 3 if pattern.startswith("/", start + 2) else start + 2
        return (".*" if end >= len(pattern) else "(?:.*/)?"), end
    match pattern[start]:
        case "*":
            return "[^/]*", start + 1
        case "?":
            return "[^/]", start + 1
        case "[":
            return _character_class(pattern, start, line=line)
        case "\\":
            return _character(pattern, start, line=line)
        case character:
            return re.escape(character), start + 1


def _character_class(pattern: str, start: int, *, line: int) -> tuple[str, int]:
    """Translate ``[a-z]`` or ``[^a-z]``; ``-`` and ``]`` in it need a backslash, as in Go."""
    position = start + 1
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not ranges or not pattern.startswith("]", position):
        if pattern[position : position + 1] in {"", "-", "]"}:
            raise PatternError(f"{pattern!r} has a broken [range]", line=line)
        low, position = _character(pattern, position, line=line)
        if not pattern.startswith("-", position):
            ranges.append(low)
            continue
        if pattern[position + 1 : position + 2] in {"", "-", "]"}:
            raise PatternError(f"{pattern!r} has a broken [range]", line=line)
        high, position = _character(pattern, position + 1, line=line)
        if low[-1] > high[-1]:
            raise PatternError(f"{pattern!r} has a [range] that runs backwards", line=line)
        ranges.append(f"{low}-{high}")
    return f"[{'^' * negated}{''.join(ranges)}]", position + 1


def _character(pattern: str, start: int, *, line: int) -> tuple[str, int]:
    """Return the character at ``start``, escaped or not, as a regex, and where the next begins."""
    if pattern[start] == "\\":
        start += 1
    if start >= len(pattern):
        raise PatternError(f"{pattern!r} ends with a backslash", line=line)
    return re.escape(pattern[start]), start + 1
