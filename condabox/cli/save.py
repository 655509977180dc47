"""``condabox save``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import ImageName, OnePlatform, Quiet, parse_platform


def save(
    image: ImageName,
    output: Annotated[
        Path, typer.Argument(help="Archive (x.tar) or directory of an OCI layout.", metavar="PATH")
    ],
    *,
    platform: OnePlatform = None,
    quiet: Quiet = False,
) -> None:
    """Write an image to an archive or an OCI layout."""
    from condabox.settings import load_settings
    from condabox.workflows.save import SaveRequest, save_image

    request = SaveRequest(image=image, output=output, platform=parse_platform(platform))
    settings = load_settings(Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    result = save_image(request, settings=settings, reporter=reporter)
    for saved, digest in result.digests:
        typer.echo(f"{result.output}  {saved}  {digest}")
