"""What a command is about: an environment file or a lock, or else an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import SpecError
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.workflows.images import find_images

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.outputs.store import NamedImages
    from condabox.platforms import Platform
    from condabox.settings import Settings

_DESCRIPTIONS = frozenset({".lock", ".txt", ".yaml", ".yml"})
"""How the names of environment files and of locks end; those of images' archives do not."""
_FILES = _DESCRIPTIONS | {".gz", ".json", ".tar", ".tgz", ".toml", ".zst"}
_PATHS = ("./", "../", "/", "~")


def is_description(target: str) -> bool:
    """Tell whether ``target`` is an environment file or a lock, and not an image."""
    return _suffix(target) in _DESCRIPTIONS and Path(target).is_file()


def check_subject(target: str, *, settings: Settings) -> None:
    """Raise SpecError where ``target`` can only be a file, and no such file is here."""
    if not _is_file(target) or Path(target).exists() or _is_kept(target, settings=settings):
        return
    raise SpecError(f"{target}: there is no such file")


def find_image(
    target: str, *, platform: Platform | None, settings: Settings, reporter: Reporter
) -> NamedImages:
    """Return what `find_images` does, but ask no registry for what can only be a file.

    There, the image of that name is a stranger's.  Raise SpecError where no such file is here.
    """
    check_subject(target, settings=settings)
    return find_images(target, platform=platform, settings=settings, reporter=reporter)


def _is_file(target: str) -> bool:
    # a colon is before a tag or a port, or after what says itself how a path is meant
    return target.startswith(_PATHS) or (":" not in target and _suffix(target) in _FILES)


def _suffix(target: str) -> str:
    return Path(target).suffix.lower()


def _is_kept(target: str, *, settings: Settings) -> bool:
    try:
        name = Reference.parse(target)
    except SpecError:
        return False
    return LocalStore(settings.cache_dir).get(name) is not None
