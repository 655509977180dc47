"""``condabox inspect``."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import ImageName, OnePlatform, Quiet, parse_platform


class ReportFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


def inspect(
    image: ImageName,
    *,
    output_format: Annotated[
        ReportFormat,
        typer.Option(
            "--format", help="Plain text, Markdown for a pull request, JSON, or a page of HTML."
        ),
    ] = ReportFormat.TEXT,
    top: Annotated[
        int,
        typer.Option(help="Rows of each table; JSON and HTML have them all.", min=1, metavar="N"),
    ] = 10,
    max_size: Annotated[
        str | None,
        typer.Option(
            help="Exit with 11 where more compressed bytes are pulled, like 900MB or 800MiB.",
            metavar="SIZE",
        ),
    ] = None,
    min_efficiency: Annotated[
        float | None,
        typer.Option(
            help="Exit with 11 where layers waste more, as dive counts it, like 0.95.",
            min=0,
            max=1,
            metavar="SHARE",
        ),
    ] = None,
    platform: OnePlatform = None,
    quiet: Quiet = False,
) -> None:
    """Show what an image is made of: layers, packages, and what is there for nothing.

    It works on every image.  Layers that were seen before are not read, or pulled, again.
    """
    from condabox.inspection.budget import Budget, check_budget, parse_size
    from condabox.reporting.image_markdown import image_markdown
    from condabox.reporting.image_text import image_text
    from condabox.settings import load_settings
    from condabox.workflows.inspect import InspectRequest, inspect_image

    budget = Budget(
        max_size=None if max_size is None else parse_size(max_size), min_efficiency=min_efficiency
    )
    request = InspectRequest(image=image, platform=parse_platform(platform))
    settings = load_settings(Path.cwd(), env=os.environ)
    report = inspect_image(request, settings=settings, reporter=choose_reporter(quiet=quiet))
    match output_format:
        case ReportFormat.TEXT:
            typer.echo(image_text(report, top=top))
        case ReportFormat.MARKDOWN:
            typer.echo(image_markdown(report, top=top))
        case ReportFormat.JSON:
            typer.echo(json.dumps(report.to_json(), indent=2))
        case ReportFormat.HTML:
            from condabox.reporting.image_html import image_html

            typer.echo(image_html(report))
    check_budget(report, budget)
