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
    engine: Annotated[
        Literal["auto", "docker", "podman", "containerd"],
        typer.Option(help="What to load into; auto is Docker where it answers, else podman."),
    ] = "auto",
    namespace: Annotated[
        str | None,
        typer.Option(
            help="Namespace of containerd, like k8s.io. "
            "Default: that of CONTAINERD_NAMESPACE, or default.",
            metavar="NAME",
        ),
    ] = None,
    platform: OnePlatform = None,
    quiet: Quiet = False,
) -> None:
    """Load an image into Docker, podman or containerd."""
    from condabox.settings import load_settings
    from condabox.workflows.load import LoadEngine, LoadRequest, load_image

    if namespace is not None and engine != "containerd":
        raise typer.BadParameter("--namespace goes with --engine containerd")
    request = LoadRequest(
        image=image,
        engine=LoadEngine(engine),
        namespace=namespace,
        platform=parse_platform(platform),
    )
    settings = load_settings(Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    result = load_image(request, settings=settings, reporter=reporter)
    name = ", ".join(result.names) or result.reference
    typer.echo(f"{name} is in {result.engine.value}")
