"""What a command is about: an environment file or a lock, or else an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import ImageError, SpecError
from condabox.outputs.store import NamedImages
from condabox.workflows.images import find_here, find_images

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.platforms import Platform
    from condabox.settings import Settings

_DESCRIPTIONS = frozenset({".lock", ".txt", ".yaml", ".yml"})
"""How the names of environment files and of locks end; those of images' archives do not."""
_FILES = _DESCRIPTIONS | {".json"}
_PATHS = ("./", "../", "/", "~")


def is_description(target: str) -> bool:
    """Tell whether ``target`` is an environment file or a lock, and not an image."""
    path = Path(target)
    return path.suffix in _DESCRIPTIONS and path.is_file()


def find_image(
    target: str, *, platform: Platform | None, settings: Settings, reporter: Reporter
) -> NamedImages:
    """Return what `find_images` does, but ask no registry for what can only be a file.

    There, the image of that name is a stranger's.  Raise SpecError where no such file is here.
    """
    if _is_file(target) and not _is_here(target, settings=settings):
        raise SpecError(f"{target}: there is no such file")
    return find_images(target, platform=platform, settings=settings, reporter=reporter)


def _is_file(target: str) -> bool:
    return target.startswith(_PATHS) or Path(target).suffix.lower() in _FILES


def _is_here(target: str, *, settings: Settings) -> bool:
    if Path(target).exists():
        return True
    try:
        return isinstance(find_here(target, settings=settings), NamedImages)
    except ImageError:
        return False
