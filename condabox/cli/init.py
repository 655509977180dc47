"""``condabox init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    environment: Annotated[
        Path, typer.Argument(help="Environment file to write.", metavar="ENV")
    ] = Path("environment.yml"),
) -> None:
    """Write an example environment file to start from."""
    from condabox.workflows.init import write_example

    write_example(environment)
    typer.echo(f"{environment}: edit it, then run `condabox build {environment}`")
