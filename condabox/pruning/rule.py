"""The form of a rule, and of an exception to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Risk = Literal["none", "low", "medium"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that a running environment does without.

    ``packages`` and ``unless`` are globs over names of packages, in the form of `canonical_name`;
    the others are globs over paths in the prefix.  ``patterns`` are taken, but for what ``but``
    matches; ``marks`` match files whose folder is taken whole.  A package of the environment that
    ``unless`` matches puts the rule out of force.  What ``safe`` takes, ``slim`` takes, too.
    """

    name: str
    reason: str
    risk: Risk
    profile: Literal["safe", "slim"]
    packages: tuple[str, ...] = ("*",)
    patterns: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """Paths that no rule takes, but for those that ``but`` matches, and why they are needed."""

    reason: str
    patterns: tuple[str, ...]
    but: tuple[str, ...] = ()
