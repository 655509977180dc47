"""``condabox diff``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from condabox.cli.console import choose_reporter

_PLACE = "Lock file, or REV:path as git knows it; an environment file stands for its lock."


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
) -> None:
    """Show what differs between two lock files, package by package."""
    from condabox.reporting.lockdiff_markdown import lock_diff_markdown
    from condabox.reporting.lockdiff_text import lock_diff_text
    from condabox.workflows.diff import DiffRequest, diff_locks

    request = DiffRequest(old=old, new=new, environment=environment)
    found = diff_locks(request, reporter=choose_reporter(quiet=False))
    match output_format:
        case DiffFormat.TEXT:
            typer.echo(lock_diff_text(found))
        case DiffFormat.MARKDOWN:
            typer.echo(lock_diff_markdown(found))
        case DiffFormat.JSON:
            typer.echo(json.dumps(found.to_json(), indent=2))
