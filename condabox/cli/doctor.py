"""``condabox doctor``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from condabox.cli.options import Json


def doctor(
    environments: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Environment files to look at. Default: what any environment needs.",
            metavar="ENV",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say what is reachable and configured, and what to do about the rest.

    It looks at settings, disk, channels, registries, Docker, podman and the GPU, changes nothing,
    and exits with 10 where it finds problems.
    """
    from condabox.errors import VerificationFailedError
    from condabox.reporting.findings import State
    from condabox.reporting.findings_text import findings_text
    from condabox.workflows.doctor import diagnose

    found = diagnose(environments or (), env=os.environ)
    if as_json:
        typer.echo(json.dumps({"checks": [each.to_json() for each in found]}, indent=2))
    else:
        typer.echo(findings_text(found))
    if any(each.state is State.PROBLEM for each in found):
        raise typer.Exit(VerificationFailedError.exit_code)
