"""``condabox run``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import ImageName, OnePlatform, Quiet, parse_platform


def run(
    image: ImageName,
    command: Annotated[
        list[str] | None,
        typer.Argument(help="Command to run instead of the image's own.", metavar="-- COMMAND"),
    ] = None,
    *,
    publish: Annotated[
        list[str] | None,
        typer.Option("--publish", "-p", help="Port to publish, like 8000:8000.", metavar="PORT"),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", help="Variable to set.", metavar="NAME[=VALUE]"),
    ] = None,
    engine: Annotated[
        Literal["auto", "docker", "podman", "unshare"],
        typer.Option(help="What runs the container; unshare needs no engine and no root."),
    ] = "auto",
    platform: OnePlatform = None,
    quiet: Quiet = False,
) -> None:
    """Run an image with Docker, podman or, rootless, with neither."""
    from condabox.settings import load_settings
    from condabox.workflows.run import Engine, RunRequest, run_image

    request = RunRequest(
        image=image,
        command=_without_separator(tuple(command or ())),
        publish=tuple(publish or ()),
        env=tuple(env or ()),
        engine=Engine(engine),
        platform=parse_platform(platform),
    )
    settings = load_settings(Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    status = run_image(request, settings=settings, env=os.environ, reporter=reporter)
    raise typer.Exit(status)


def _without_separator(words: tuple[str, ...]) -> tuple[str, ...]:
    # Options end at the image, so `--` is a word of the command here; users write it nevertheless.
    if words[:1] == ("--",):
        return words[1:]
    if words and words[0].startswith("-"):
        raise typer.BadParameter(
            f"{words[0]} comes after IMAGE: options stand before it, and a command after --"
        )
    return words
