"""Pulls whole images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.images import AMD64

if TYPE_CHECKING:
    from condabox.oci.image import Image
    from condabox.platforms import Platform
    from condabox.registry.transfer import Fetcher


def pulled(fetcher: Fetcher, selector: str, *, platform: Platform = AMD64) -> Image:
    """Return the image with all that it consists of, here."""
    image = fetcher.open(selector, platform=platform)
    fetcher.fetch_blobs(image.manifest.layers)
    return image
