"""``condabox push``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import ImageName, Json, OnePlatform, Quiet, parse_platform
from condabox.reporting.pushes import describe_push


def push(
    image: ImageName,
    references: Annotated[
        list[str] | None,
        typer.Argument(
            help="Where to; may be several. Default: the image's own names.",
            metavar="[REF]...",
            show_default=False,
        ),
    ] = None,
    *,
    platform: OnePlatform = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Push an image to registries; what they have already is not sent."""
    from condabox.settings import load_settings
    from condabox.workflows.push import PushRequest, push_image

    request = PushRequest(
        image=image, references=tuple(references or ()), platform=parse_platform(platform)
    )
    settings = load_settings(Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    results = push_image(request, settings=settings, reporter=reporter)
    for result in results:
        reporter.message(describe_push(result))
    if as_json:
        typer.echo(json.dumps([result.to_json() for result in results], indent=2))
        return
    for result in results:
        typer.echo(str(result))
