"""The rules of each profile, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.pruning.rules_safe import SAFE
from condabox.pruning.rules_slim import SLIM

if TYPE_CHECKING:
    from condabox.conda.envfile.section import PruneProfile
    from condabox.pruning.rule import Rule

RULES: tuple[Rule, ...] = (*SAFE, *SLIM)


def rules_of(profile: PruneProfile) -> tuple[Rule, ...]:
    """Return what ``profile`` takes; each has all of the one before."""
    match profile:
        case "none":
            return ()
        case "safe":
            return SAFE
        case "slim":
            return RULES
