"""The same thing at several places of an image: content, or a library under one soname."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from condabox.inspection.report import DuplicateReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from condabox.inspection.stack import Stack

_LIBRARY = re.compile(r"(lib[^/]+?)((?:-[0-9a-f]{8})*)\.so((?:\.\d+)*)")
"""A library's file; wheels that bring their own put a hash into the name (auditwheel)."""
_VARIANTS = "/glibc-hwcaps/"
"""Where the same library lies for other processors."""


def duplicates_of(stack: Stack, *, base: Collection[int]) -> tuple[DuplicateReport, ...]:
    """Return what a container sees more than once, that which wastes most first.

    Only files that are large enough to have a digest count, and the same library twice only where
    the content is not the same.  ``base`` are the layers of the base image.
    """
    found = [*_same_content(stack, base=base), *_same_soname(stack, base=base)]
    return tuple(sorted(found, key=lambda each: (-each.wasted, each.paths)))


def _same_content(stack: Stack, *, base: Collection[int]) -> Iterator[DuplicateReport]:
    paths: dict[tuple[str, int], list[str]] = {}
    for path, digest in stack.digests.items():
        paths.setdefault((digest, _size(stack, path)), []).append(path)
    for (_, size), same in paths.items():
        if len(same) > 1:
            yield _duplicate(
                stack,
                "content",
                what=min(same).rpartition("/")[2],
                paths=same,
                wasted=size * (len(same) - 1),
                base=base,
            )


def _same_soname(stack: Stack, *, base: Collection[int]) -> Iterator[DuplicateReport]:
    libraries: dict[str, dict[str, str]] = {}
    for path, digest in sorted(stack.digests.items()):
        soname = soname_of(path)
        if soname is not None and _VARIANTS not in path:
            # of equal content, which is told as such, one stands for all
            libraries.setdefault(soname, {}).setdefault(digest, path)
    for soname, by_digest in libraries.items():
        if len(by_digest) > 1:
            sizes = [_size(stack, path) for path in by_digest.values()]
            yield _duplicate(
                stack,
                "library",
                what=soname,
                paths=list(by_digest.values()),
                wasted=sum(sizes) - max(sizes),
                base=base,
            )


def soname_of(path: str) -> str | None:
    """Return what programs ask for to get the library at ``path``, as its name tells it.

    That is ``libz.so.1`` for ``libz.so.1.3.1``, and for ``libz-0123abcd.so.1.3.1`` of a wheel.
    None for what has no version: nobody else looks for that.
    """
    found = _LIBRARY.fullmatch(path.rpartition("/")[2])
    if found is None or not (found[2] or found[3]):
        return None
    major = f".{found[3].split('.')[1]}" if found[3] else ""
    return f"{found[1]}.so{major}"


def _duplicate(
    stack: Stack,
    kind: Literal["content", "library"],
    *,
    what: str,
    paths: list[str],
    wasted: int,
    base: Collection[int],
) -> DuplicateReport:
    return DuplicateReport(
        kind=kind,
        what=what,
        paths=tuple(f"/{path}" for path in sorted(paths)),
        wasted=wasted,
        in_base=any(stack.files[path] in base for path in paths),
    )


def _size(stack: Stack, path: str) -> int:
    return stack.written[stack.files[path]][path]
