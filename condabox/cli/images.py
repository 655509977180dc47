"""``condabox images``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer

from condabox.cli.options import Json
from condabox.reporting.formats import format_size


def images(*, as_json: Json = False) -> None:
    """List the images in the local store."""
    from condabox.settings import load_settings
    from condabox.workflows.images import list_images

    found = list_images(settings=load_settings(Path.cwd(), env=os.environ))
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found], indent=2))
        return
    rows = [("NAME", "PLATFORM", "DIGEST", "SIZE", "CREATED")]
    rows += [
        (each.name, str(each.platform), str(each.digest)[:19], format_size(each.size), each.created)
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
