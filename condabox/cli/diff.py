"""``condabox diff``."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import OnePlatform, parse_platform

if TYPE_CHECKING:
    from condabox.settings import Settings

_PLACE = "Image, lock file, or REV:path as git knows it; an environment file stands for its lock."


class DiffFormat(StrEnum):
    """How differences are printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def diff(
    old: Annotated[str, typer.Argument(help=_PLACE, metavar="OLD")],
    new: Annotated[str, typer.Argument(help=_PLACE, metavar="NEW")],
    *,
    output_format: Annotated[
        DiffFormat,
        typer.Option("--format", help="Plain text, Markdown for a pull request, or JSON."),
    ] = DiffFormat.TEXT,
    environment: Annotated[
        str | None,
        typer.Option(help="Which environment of a pixi.lock. Default: its own.", metavar="NAME"),
    ] = None,
    platform: OnePlatform = None,
) -> None:
    """Show what differs between two lock files, or two images, package by package."""
    from condabox.errors import SpecError
    from condabox.settings import load_settings
    from condabox.workflows.diff_images import Side, what_to_compare

    settings = load_settings(Path.cwd(), env=os.environ)
    side = what_to_compare(old, new, settings=settings)
    if side is Side.IMAGE and environment is not None:
        raise SpecError("--environment is for pixi.lock, and these are images")
    if side is Side.LOCK and platform is not None:
        raise SpecError("--platform is for images, and these are lock files")
    if side is Side.IMAGE:
        text = _of_images(old, new, platform, settings, output_format)
    else:
        text = _of_locks(old, new, environment, output_format)
    typer.echo(text)


def _of_locks(old: str, new: str, environment: str | None, output_format: DiffFormat) -> str:
    from condabox.reporting.lockdiff_markdown import lock_diff_markdown
    from condabox.reporting.lockdiff_text import lock_diff_text
    from condabox.workflows.diff import DiffRequest, diff_locks

    request = DiffRequest(old=old, new=new, environment=environment)
    found = diff_locks(request, reporter=choose_reporter(quiet=False))
    match output_format:
        case DiffFormat.TEXT:
            return lock_diff_text(found)
        case DiffFormat.MARKDOWN:
            return lock_diff_markdown(found)
        case DiffFormat.JSON:
            return json.dumps(found.to_json(), indent=2)


def _of_images(
    old: str, new: str, platform: str | None, settings: Settings, output_format: DiffFormat
) -> str:
    from condabox.reporting.image_markdown import image_diff_markdown
    from condabox.reporting.image_text import image_diff_text
    from condabox.workflows.diff_images import ImageDiffRequest, diff_images

    request = ImageDiffRequest(old=old, new=new, platform=parse_platform(platform))
    found = diff_images(request, settings=settings, reporter=choose_reporter(quiet=False))
    match output_format:
        case DiffFormat.TEXT:
            return image_diff_text(found)
        case DiffFormat.MARKDOWN:
            return image_diff_markdown(found)
        case DiffFormat.JSON:
            return json.dumps(found.to_json(), indent=2)
