"""What ``condabox inspect`` does: it tells what an image is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.inspection.examine import examine
from condabox.workflows.images import select_image
from condabox.workflows.layer_contents import read_contents
from condabox.workflows.subjects import find_image

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.inspection.report import ImageReport
    from condabox.platforms import Platform
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectRequest:
    """What the user asked for.

    Without a platform it is the only one that the image has, or this machine's.
    """

    image: str
    platform: Platform | None = None


def inspect_image(
    request: InspectRequest, *, settings: Settings, reporter: Reporter
) -> ImageReport:
    """Report on an image of the local store, a file or a registry."""
    found = find_image(
        request.image, platform=request.platform, settings=settings, reporter=reporter
    )
    image = select_image(found, request.platform)
    contents = read_contents(image, settings=settings, reporter=reporter)
    return examine(image, contents, name=request.image)
