"""What ``condabox save`` does: an image becomes a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.outputs.files import write_images
from condabox.workflows.subjects import find_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.events import Reporter
    from condabox.oci.digest import Digest
    from condabox.platforms import Platform
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRequest:
    """What the user asked for.  Without a platform all that the image has are saved."""

    image: str
    output: Path
    """``x.tar`` is an archive, any other path a layout's directory."""
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveResult:
    """What was written where."""

    output: Path
    names: tuple[str, ...]
    digests: tuple[tuple[Platform, Digest], ...]
    """The manifest of each platform."""


def save_image(request: SaveRequest, *, settings: Settings, reporter: Reporter) -> SaveResult:
    """Write an image as an archive or into a layout."""
    found = find_image(
        request.image, platform=request.platform, settings=settings, reporter=reporter
    )
    images = (found.select(request.platform),) if request.platform else found.images
    reporter.message(f"writing {request.output}")
    write_images(request.output, images, names=found.names)
    return SaveResult(
        output=request.output,
        names=tuple(name.familiar() for name in found.names),
        digests=tuple((image.platform, image.digest) for image in images),
    )
