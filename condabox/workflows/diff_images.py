"""What ``condabox diff`` does where it is given images, and how it tells them from locks."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import SpecError
from condabox.inspection.image_diff import compare_images
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.workflows.inspect import InspectRequest, inspect_image
from condabox.workflows.revision import Revision

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.inspection.image_diff import ImageDiff
    from condabox.platforms import Platform
    from condabox.settings import Settings

_ALWAYS_IMAGES = ("oci:", "oci-archive:", "docker-archive:")
_ARCHIVE = ".tar"
_LOCKS = (".yml", ".yaml", ".lock", ".txt")
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00")


class Side(StrEnum):
    """What one side of a difference can be, as messages call it."""

    LOCK = "a lock file"
    IMAGE = "an image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDiffRequest:
    """What the user asked for: two images, and of which of their platforms."""

    old: str
    new: str
    platform: Platform | None = None


def diff_images(request: ImageDiffRequest, *, settings: Settings, reporter: Reporter) -> ImageDiff:
    """Compare two images, wherever each of them is."""
    old, new = (
        inspect_image(
            InspectRequest(image=image, platform=request.platform),
            settings=settings,
            reporter=reporter,
        )
        for image in (request.old, request.new)
    )
    return compare_images(old, new)


def what_to_compare(old: str, new: str, *, settings: Settings) -> Side:
    """Return what both ``old`` and ``new`` are; raise SpecError where they are not the same."""
    sides = side_of(old, settings=settings), side_of(new, settings=settings)
    if sides[0] is not sides[1]:
        raise SpecError(
            f"{old} stands for {sides[0].value}, and {new} for {sides[1].value}",
            hint="compare two lock files, or two images",
        )
    return sides[0]


def side_of(text: str, *, settings: Settings) -> Side:
    """Say whether ``text`` names a lock or an image; raise SpecError where it may be both.

    What exists is what it is: a folder or an archive is an image, any other file a lock or an
    environment.  Then come names in the local store, and what ends as lock files do, in a commit
    or not; the rest is an image's reference, if it can be one.
    """
    found = Side.IMAGE if text.startswith(_ALWAYS_IMAGES) else _on_disk(Path(text))
    if found is not None:
        return found
    reference = _reference(text)
    known = reference is not None and LocalStore(settings.cache_dir).get(reference) is not None
    lock = text.endswith(_LOCKS)
    if known and lock and Revision.parse(text):
        raise SpecError(
            f"{text} is an image in the local store, and may be a file in a commit, too",
            hint="write the file as REV:./path, or the image with its digest",
        )
    if known:
        return Side.IMAGE
    return Side.LOCK if lock or reference is None else Side.IMAGE


def _on_disk(path: Path) -> Side | None:
    try:
        if path.is_dir():
            return Side.IMAGE
        if not path.exists():
            return Side.IMAGE if path.suffix == _ARCHIVE else None
        with path.open("rb") as file:
            compressed = file.read(6).startswith(_COMPRESSED)
        return Side.IMAGE if compressed or tarfile.is_tarfile(path) else Side.LOCK
    except OSError:  # too long for a name, or nobody may read it: who reads it says so
        return None


def _reference(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except SpecError:
        return None
