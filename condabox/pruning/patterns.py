"""Globs over paths: ``*`` and ``?`` within a part, ``[a-z]`` and ``[!a-z]``, ``**`` over parts.

A glob speaks of whole paths, relative to the prefix.  ``**`` stands alone between slashes, for any
number of parts; at the end it is all that is below, and not the folder itself.  Case counts, and a
leading dot is a character like any other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

_TOKEN = re.compile(
    r"(?P<star>\*+)|(?P<one>\?)|\[(?P<no>[!^]?)(?P<set>\]?[^]]+|\])\]|(?P<char>.)", re.DOTALL
)
_RANGE = re.compile(r"(?P<low>.)-(?P<high>.)|(?P<char>.)", re.DOTALL)
_WILD = frozenset("*?[]")
_BRACES = re.compile(r"\{([^{}]*)\}")


def alternatives(glob: str) -> tuple[str, ...]:
    """Write ``a/{b,c}`` out as ``a/b`` and ``a/c``: how rules are written, no part of a glob."""
    found = _BRACES.search(glob)
    if found is None:
        return (glob,)
    before, after = glob[: found.start()], glob[found.end() :]
    whole = (alternatives(f"{before}{each}{after}") for each in found[1].split(","))
    return tuple(dict.fromkeys(chain.from_iterable(whole)))


def any_case(glob: str) -> str:
    """Write ``a*`` as ``[Aa]*``, for names that people write in whatever case."""
    return "".join(f"[{each.upper()}{each.lower()}]" if each.isalpha() else each for each in glob)


@lru_cache(maxsize=4096)
def glob_regex(glob: str) -> re.Pattern[str]:
    """Return what matches, as a whole, the paths that ``glob`` means; it never backtracks much."""
    return re.compile(_translated(glob), re.DOTALL)


@lru_cache(maxsize=256)
def any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches the paths of all ``globs``; of none, nothing."""
    return re.compile("|".join(f"(?:{_translated(glob)})" for glob in globs) or "(?!)", re.DOTALL)


class GlobTable(Generic[T]):
    """Many globs, each with a value, and quickly those of them that match a path.

    A glob is only tried on paths that hold a name which the glob spells out.  What was found out
    about a folder is remembered.
    """

    def __init__(self, globs: Iterable[tuple[str, T]]) -> None:
        tried: defaultdict[str, defaultdict[str, list[tuple[re.Pattern[str], T]]]]
        tried = defaultdict(lambda: defaultdict(list))
        for glob, value in globs:
            kind, text = _anchor(glob)
            tried[kind][text].append((glob_regex(glob), value))
        self._tried = {kind: dict(anchors) for kind, anchors in tried.items()}
        self._names, self._endings = self._tried.get("name", {}), self._tried.get("ending", {})
        self._folders: dict[str, tuple[tuple[re.Pattern[str], T], ...]] = {}

    def __bool__(self) -> bool:
        """Tell whether there are any globs."""
        return bool(self._tried)

    def matching(self, path: str) -> tuple[T, ...]:
        """Return the values of the globs that match ``path``, in no particular order."""
        folder, _, name = path.rpartition("/")
        below = self._folders.get(folder)
        if below is None:
            below = self._folders[folder] = self._below(folder)
        named = self._names.get(name, ())
        ending = self._endings.get(name.rpartition(".")[2], ())
        if not (below or named or ending):
            return ()
        return tuple(
            value
            for found in (below, named, ending)
            for regex, value in found
            if regex.fullmatch(path)
        )

    def _below(self, folder: str) -> tuple[tuple[re.Pattern[str], T], ...]:
        parts = dict.fromkeys(folder.split("/"))
        anchors = [("", ""), ("parent", folder), *(("folder", part) for part in parts)]
        return tuple(
            each for kind, text in anchors for each in self._tried.get(kind, {}).get(text, ())
        )


def _anchor(glob: str) -> tuple[str, str]:
    """Return what every path has that ``glob`` matches, as narrow as possible."""
    parent, _, name = glob.rpartition("/")
    if _spelled(name):
        return "name", name
    _, dot, ending = name.rpartition(".")
    if dot and _spelled(ending):
        return "ending", ending
    if name != "**" and _spelled(parent):
        return "parent", parent
    folders = [folder for folder in parent.split("/") if folder and _spelled(folder)]
    return ("folder", folders[-1]) if folders else ("", "")


def _spelled(text: str) -> bool:
    """Tell whether ``text`` means itself; the end of a ``[range]`` does not, without its start."""
    return _WILD.isdisjoint(text)


def _translated(glob: str) -> str:
    """Translate what is between two ``**`` at its leftmost match, which is as good as any other."""
    first, *others = _runs(glob)
    if not others:
        return first
    *middle, last = others
    found = f"{first}/" if first else ""
    found += "".join(f"(?>(?:[^/]+/)*?{run}/)" for run in middle)
    return found + (f"(?:[^/]+/)*{last}" if last else ".+")


def _runs(glob: str) -> list[str]:
    """Return the parts between ``**``, translated; nothing stands before a leading ``**``."""
    runs: list[list[str]] = [[]]
    for part in glob.split("/"):
        if part != "**":
            runs[-1].append(_part(part))
        elif runs[-1] or len(runs) == 1:
            runs.append([])
    return ["/".join(run) for run in runs]


def _part(part: str) -> str:
    """Translate one part; as with ``**``, the text between two ``*`` is taken where it is first."""
    chunks = [""]
    for token in _TOKEN.finditer(part):
        if token["star"]:
            chunks.append("")
        else:
            chunks[-1] += _single(token)
    first, *others = chunks
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle) + f"[^/]*{last}"


def _single(token: re.Match[str]) -> str:
    if token["one"]:
        return "[^/]"
    if token["char"]:
        return re.escape(token["char"])
    ranges = "".join(
        f"{re.escape(each['low'])}-{re.escape(each['high'])}"
        if each["low"]
        else re.escape(each["char"])
        for each in _RANGE.finditer(token["set"])
    )
    return f"[^/{ranges}]" if token["no"] else f"[{ranges}]"
