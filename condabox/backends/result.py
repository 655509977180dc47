"""What a backend hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.oci.image import Image
    from condabox.platforms import Platform
    from condabox.pruning.decision import Saving


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltLayer:
    """One layer of the image as its reader knows it; sizes in bytes."""

    title: str
    packages: tuple[str, ...]
    compressed: int
    unpacked: int | None
    """None for a base image's layer, which nobody unpacked."""
    cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """An image, where its bytes come from, and what its user should know."""

    platform: Platform
    image: Image
    layers: tuple[BuiltLayer, ...]
    warnings: tuple[str, ...]
    pruned: Mapping[str, Saving]
    """What packages have and the image has not, by the rule that takes it."""
