"""Images as files: an archive, or a layout for each directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.oci.archive import write_archive
from condabox.oci.layout import ImageLayout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.oci.reference import Reference

_NAMELESS = "latest"


def is_archive(path: Path) -> bool:
    """Say whether images are written to ``path`` as an archive: by its suffix ``.tar``."""
    return path.suffix == ".tar"


def write_images(path: Path, images: Sequence[Image], *, names: Sequence[Reference]) -> None:
    """Write one image, for each platform one, called ``names``.

    ``x.tar`` becomes one archive that Docker, podman and every OCI tool read; any other path is the
    directory of an OCI layout, to which the image is added.
    """
    if is_archive(path):
        if path.is_dir():
            raise ImageError(f"{path} is a directory, and an archive would be written there")
        write_archive(path, images, names=names)
        return
    if path.is_file():
        raise ImageError(
            f"{path} is a file, and a layout would be written there",
            hint="end the name with .tar to write an archive",
        )
    layout = ImageLayout.create(path)
    for name in [str(name) for name in names] or [_NAMELESS]:
        layout.add(images, name=name)
