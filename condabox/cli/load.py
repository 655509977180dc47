"""``condabox load``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import ImageName, OnePlatform, Quiet, parse_platform


def load(
    image: ImageName,
    *,
    into: Annotated[
        Literal["auto", "docker", "podman"],
        typer.Option(help="Where to; auto is Docker where it answers, else podman."),
    ] = "auto",
    platform: OnePlatform = None,
    quiet: Quiet = False,
) -> None:
    """Load an image into Docker or podman."""
    from condabox.settings import load_settings
    from condabox.workflows.load import LoadRequest, LoadTarget, load_image

    request = LoadRequest(image=image, target=LoadTarget(into), platform=parse_platform(platform))
    settings = load_settings(Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    result = load_image(request, settings=settings, reporter=reporter)
    name = ", ".join(result.names) or result.reference
    typer.echo(f"{name} is in {result.target.value}")
