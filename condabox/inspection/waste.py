"""Bytes that lie in layers for nothing, as dive counts them.

The definition is that of wagoodman/dive, ``dive/filetree/efficiency.go``: every layer that has a
path, or takes it away, counts with the size that the path has there, which is 0 where it is taken
away.  The efficiency is the sum of each path's smallest size over the sum of all its sizes; an
image without bytes has 1.  What is wasted is the difference of the two sums, so that both numbers
say the same.  (dive's own ``wastedBytes`` adds up all copies, the one that is needed included.)

A directory that is taken away counts as all the files in it: dive asks for that, but compares the
directory with itself and finds nothing wasted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.inspection.report import WasteReport

if TYPE_CHECKING:
    from condabox.inspection.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """How efficient the layers are, from 0 to 1, and the paths that make them less so.

    The path that wastes most comes first.
    """

    efficiency: float
    bytes: int
    paths: tuple[WasteReport, ...]


def waste_of(stack: Stack) -> Waste:
    """Compare all that the layers of an image write with the least that they could."""
    total = sum(sum(written.values()) for written in stack.written)
    again = _several_times(stack)
    found = []
    for path, layers in again.items():
        sizes = [stack.written[layer].get(path, 0) for layer in layers]
        wasted = sum(sizes) - min(sizes)
        if wasted:
            found.append(WasteReport(path=f"/{path}", bytes=wasted, layers=tuple(layers)))
    wasted = sum(each.bytes for each in found)
    return Waste(
        efficiency=(total - wasted) / total if total else 1.0,
        bytes=wasted,
        # the path is the tiebreaker
        paths=tuple(sorted(found, key=lambda each: (-each.bytes, each.path))),
    )


def _several_times(stack: Stack) -> dict[str, list[int]]:
    """Return the layers that have, or take away, each path that more than one of them does."""
    once: dict[str, int] = {}
    again: dict[str, list[int]] = {}
    for layer, (written, removed) in enumerate(zip(stack.written, stack.removed, strict=True)):
        for path in (*written, *(removed - written.keys())):
            if path in once:
                again.setdefault(path, [once[path]]).append(layer)
            else:
                once[path] = layer
    return again
