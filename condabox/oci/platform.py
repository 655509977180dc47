"""Platforms as documents of images write them, and when one does for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.decode import optional, required
from condabox.platforms import Platform

if TYPE_CHECKING:
    from condabox.decode import JSON

_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7"}


def satisfies(found: Platform, wanted: Platform) -> bool:
    """Say whether an image for ``found`` is one for ``wanted``; arm64 without variant is v8."""
    return _explicit(found) == _explicit(wanted)


def platform_json(platform: Platform) -> dict[str, str]:
    """Return ``platform`` as it stands in a descriptor or a config."""
    return {
        "architecture": platform.architecture,
        "os": platform.os,
        **({"variant": platform.variant} if platform.variant else {}),
    }


def platform_from_mapping(obj: JSON, *, at: str) -> Platform:
    """Read the platform's fields of a descriptor or a config; raise DecodeError."""
    return Platform(
        os=required(obj, "os", str, at=at),
        architecture=required(obj, "architecture", str, at=at),
        variant=optional(obj, "variant", str, at=at) or None,
    )


def _explicit(platform: Platform) -> tuple[str, str, str | None]:
    default = _DEFAULT_VARIANTS.get(platform.architecture)
    return platform.os, platform.architecture, platform.variant or default
