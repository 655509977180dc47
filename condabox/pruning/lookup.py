"""Which paths of an environment somebody means, who names a file, a folder or a glob."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import accumulate
from typing import TYPE_CHECKING

from condabox.conda.packages.bytecode import source_of
from condabox.pruning.patterns import glob_regex
from condabox.pruning.prefix import inside

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from collections.abc import Set as AbstractSet

_MOST_SUGGESTIONS = 3
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What somebody means by a text.

    ``paths`` are all of them where ``is_several``: what a glob matches, or what is below a folder.
    Where ``is_byte_code``, it is the source's path: builds make the byte code from what stays.
    ``outside`` tells that the text names something that is not in the prefix; ``near`` are paths
    and folders like it, where there is nothing of the name.
    """

    paths: tuple[str, ...] = ()
    is_several: bool = False
    is_byte_code: bool = False
    outside: bool = False
    near: tuple[str, ...] = ()


def look_up(text: str, paths: AbstractSet[str], *, prefix: str) -> Found:
    """Find ``text``, relative to ``prefix`` or an absolute path in the image, among ``paths``."""
    path = _relative(text, prefix=prefix)
    if path is None:
        return Found(outside=True)
    if below := _below(path, paths):
        return Found(paths=below, is_several=True)
    if (source := source_of(path)) in paths:
        return Found(paths=(source,), is_byte_code=True)
    if path in paths:
        return Found(paths=(path,))
    if not _WILD.isdisjoint(path):
        regex = glob_regex(path)
        matching = tuple(sorted(filter(regex.fullmatch, paths)))
        return Found(paths=matching, is_several=True)
    return Found(near=_near(path, paths))


def _relative(text: str, *, prefix: str) -> str | None:
    """Return where ``text`` is in the prefix, which itself is ``""``; None for elsewhere."""
    absolute = posixpath.join(prefix, text).lstrip("/")
    path = posixpath.normpath(f"/{absolute}")
    if path != prefix and not path.startswith(f"{prefix}/"):
        return None
    return path[len(prefix) + 1 :]


def _below(folder: str, paths: Iterable[str]) -> tuple[str, ...]:
    start = f"{folder}/" if folder else ""
    return tuple(sorted(path for path in paths if path.startswith(start)))


def _near(path: str, paths: AbstractSet[str]) -> tuple[str, ...]:
    """Return what somebody may have meant: it ends so, is called so, or is written like it."""
    known = sorted({*paths, *_folders(paths)})
    folder, _, name = path.rpartition("/")
    if found := [each for each in known if each.endswith(f"/{path}")]:
        return _nearest(found)
    if found := [each for each in known if each.rpartition("/")[2] == name]:
        return _nearest(found)
    beside = {each.rpartition("/")[2] for each in known if each.rpartition("/")[0] == folder}
    return tuple(
        inside(folder, each) for each in get_close_matches(name, sorted(beside), _MOST_SUGGESTIONS)
    )


def _nearest(found: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(found, key=lambda each: (each.count("/"), each))[:_MOST_SUGGESTIONS])


def _folders(paths: Iterable[str]) -> Iterator[str]:
    for folder in {path.rpartition("/")[0] for path in paths}:
        if folder:
            yield from accumulate(folder.split("/"), inside)
