"""Images as files: an archive, or a layout for each directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.files import check_rewritable
from condabox.oci.archive import write_archive
from condabox.oci.layout import LAYOUT_FILE, ImageLayout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.oci.reference import Reference

_OTHER_ARCHIVES = frozenset({".bz2", ".gz", ".tgz", ".xz", ".zip", ".zst"})
_NAMELESS = "latest"


def is_archive(path: Path) -> bool:
    """Say whether images are written to ``path`` as an archive: by its suffix ``.tar``."""
    return path.suffix == ".tar"


def check_output(path: Path) -> None:
    """Raise ImageError where `write_images` would not write: it replaces no other kind of thing."""
    if is_archive(path):
        if path.is_dir():
            raise ImageError(f"{path} is a directory, and an archive would be written there")
        try:
            check_rewritable(path)
        except OSError as error:
            raise ImageError(f"cannot write {path}: {error.strerror}") from None
    elif path.suffix in _OTHER_ARCHIVES or str(path) == "-":
        raise ImageError(
            f"{path} would become the directory of a layout",
            hint="end the name with .tar to write an archive",
        )
    elif path.exists() and not path.is_dir():
        raise ImageError(
            f"{path} is a file, and a layout would be written there",
            hint="end the name with .tar to write an archive",
        )
    elif path.is_dir() and any(path.iterdir()) and not (path / LAYOUT_FILE).exists():
        raise ImageError(
            f"{path} has other files in it, and a layout would be written there",
            hint="name a new directory, or that of a layout",
        )


def write_images(path: Path, images: Sequence[Image], *, names: Sequence[Reference]) -> None:
    """Write one image, for each platform one, called ``names``.

    ``x.tar`` becomes one archive that Docker, podman and every OCI tool read; any other path is the
    directory of an OCI layout, to which the image is added.
    """
    check_output(path)
    if is_archive(path):
        write_archive(path, images, names=names)
        return
    layout = ImageLayout.create(path)
    for name in [str(name) for name in names] or [_NAMELESS]:
        layout.add(images, name=name)
