"""Which packages share a layer.

A pure function of the packages alone, so that the same lock file gives the same layers on every
machine.  Sizes count by their power of two: a new version of a package, a little larger or
smaller than the last one, leaves every package where it was.

The gain of a layer of its own is about ``size * (1 - change rate)`` less a fixed cost per layer,
so size decides, and the change rate corrects; see `docs/architecture.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_BUDGET = 40
"""Packages that get a layer of their own."""

SMALLEST_OWN = 1 << 20
"""Compressed bytes below which a layer of its own costs more than it saves."""


class Churn(IntEnum):
    """How often a package changes between two builds, most stable first."""

    LIBRARY = 0
    COMPILED = 1
    PURE = 2

    @property
    def rate(self) -> float:
        """Share of rebuilds in which such a package changed."""
        return (0.05, 0.15, 0.3)[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCandidate:
    """What layering needs to know of one package."""

    key: str
    """Identifies the package to the caller."""
    name: str
    size: int
    """Compressed bytes."""
    churn: Churn


def group_packages(
    candidates: Sequence[LayerCandidate], *, budget: int
) -> tuple[tuple[LayerCandidate, ...], ...]:
    """Give the ``budget`` packages that gain most a layer each, and the rest one per churn.

    The most stable layers come first, and so at the bottom of the image; packages that share one
    are sorted by name.
    """
    by_gain = sorted(candidates, key=lambda each: (-_gain(each), each.name, each.key))
    worthwhile = [each for each in by_gain if each.size >= SMALLEST_OWN]
    own = worthwhile[:budget]
    alone = {each.key for each in own}
    groups: list[tuple[Churn, int, int, tuple[LayerCandidate, ...]]] = [
        (each.churn, 0, -_gain(each), (each,)) for each in own
    ]
    for churn in Churn:
        rest = [each for each in by_gain if each.churn == churn and each.key not in alone]
        if rest:
            members = tuple(sorted(rest, key=lambda each: (each.name, each.key)))
            groups.append((churn, 1, 0, members))
    groups.sort(key=lambda group: (group[0], group[1], group[2], group[3][0].name))
    return tuple(members for _, _, _, members in groups)


def _gain(candidate: LayerCandidate) -> int:
    return int(candidate.size * (1 - candidate.churn.rate)).bit_length()
