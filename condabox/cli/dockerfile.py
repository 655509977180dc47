"""``condabox dockerfile``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from condabox.cli.build_options import (
    Base,
    Cuda,
    Dev,
    Frozen,
    Locked,
    LockEnvironment,
    LockFile,
    Prune,
    Source,
    Variants,
    parse_lock_policy,
    parse_variant,
)
from condabox.cli.console import choose_reporter
from condabox.cli.options import Json, Quiet, parse_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.workflows.dockerfile import WrittenContext


def dockerfile(
    source: Source,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write to; nothing in it that condabox did not write is touched. "
            "Default: docker/NAME.",
            metavar="DIR",
        ),
    ] = None,
    variant: Variants = None,
    dev: Dev = False,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            help="Platforms that it can be built for, separated by commas. Default: all of the "
            "lock.",
            metavar="PLATFORM,...",
        ),
    ] = None,
    base: Base = None,
    cuda: Cuda = "auto",
    prune: Prune = None,
    locked: Locked = False,
    frozen: Frozen = False,
    lock_file: LockFile = None,
    environment: LockEnvironment = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a Dockerfile, and all that it needs, which makes the image without condabox."""
    from condabox.settings import load_settings, source_date_epoch
    from condabox.workflows.dockerfile import DockerfileRequest, write_dockerfile

    request = DockerfileRequest(
        environment=source,
        lock_file=lock_file,
        lock_environment=environment,
        platforms=parse_platforms(platform),
        base=base,
        cuda=None if cuda == "auto" else cuda,
        prune=prune,
        lock_policy=parse_lock_policy(locked=locked, frozen=frozen, lock_file=lock_file),
        variant=parse_variant(variant or (), dev=dev),
        epoch=source_date_epoch(os.environ),
        output=output,
    )
    settings = load_settings(source.parent, env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    written = write_dockerfile(request, settings=settings, env=os.environ, reporter=reporter)
    for warning in written.context.warnings:
        reporter.warning(warning)
    typer.echo(json.dumps(written.to_json(), indent=2) if as_json else "\n".join(_lines(written)))


def _lines(written: WrittenContext) -> Iterator[str]:
    yield f"in {written.folder}, for {', '.join(map(str, written.platforms))}; to build it:"
    yield ""
    yield from (f"    {command}" for command in written.commands)
