"""``condabox build``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from condabox.cli.console import choose_reporter, format_size
from condabox.cli.options import Environment, Json, Platforms, Quiet, parse_platforms
from condabox.layering import DEFAULT_BUDGET
from condabox.oci.compress import Compression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from condabox.backends.result import BuildResult, BuiltLayer
    from condabox.workflows.build import BuildOutcome

_TITLE_WIDTH = 48


def build(
    environment: Environment,
    *,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag",
            "-t",
            help="Name of the image; may be given again. Default: NAME:latest.",
            metavar="REF",
        ),
    ] = None,
    platform: Platforms = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Base image: registry reference, oci:DIR, oci-archive:FILE, docker-archive:FILE "
            "or docker:NAME. Default: the environment file's, else ubuntu:24.04.",
            metavar="REF",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write an archive (x.tar) or an OCI layout (dir/), and keep nothing elsewhere.",
            metavar="PATH",
        ),
    ] = None,
    load: Annotated[
        bool, typer.Option("--load", help="Load the image into Docker; fail where none answers.")
    ] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Fail when the lock file is missing or stale.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Use the lock file as it is, stale or not.")
    ] = False,
    layers: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="How many packages get a layer of their own.", metavar="N"
        ),
    ] = DEFAULT_BUDGET,
    compression: Annotated[
        Compression, typer.Option(help="How layers are compressed.")
    ] = Compression.GZIP,
    metadata_file: Annotated[
        Path | None,
        typer.Option(help="Write the result as JSON to a file as well.", metavar="FILE"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan as JSON and build nothing.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build an image from an environment file."""
    from condabox.errors import ImageError
    from condabox.files import write_atomically
    from condabox.settings import load_settings, source_date_epoch
    from condabox.workflows.build import (
        BuildRequest,
        LockPolicy,
        build_environment,
        plan_environment,
    )

    if locked and frozen:
        raise typer.BadParameter("--locked and --frozen exclude each other")
    policy = LockPolicy.LOCKED if locked else LockPolicy.FROZEN if frozen else LockPolicy.MAKE
    request = BuildRequest(
        environment=environment,
        names=tuple(tag or ()),
        platforms=parse_platforms(platform),
        base=base,
        output=output,
        load=load,
        lock_policy=policy,
        budget=layers,
        compression=compression,
        epoch=source_date_epoch(os.environ),
    )
    settings = load_settings(environment.parent, env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    if dry_run:
        plans = plan_environment(request, settings=settings, env=os.environ, reporter=reporter)
        typer.echo(json.dumps([plan.to_json() for plan in plans], indent=2))
        return
    outcome = build_environment(request, settings=settings, env=os.environ, reporter=reporter)
    for result in outcome.results:
        for warning in result.warnings:
            reporter.warning(warning)
    text = json.dumps(outcome.to_json(), indent=2)
    if metadata_file is not None:
        try:
            write_atomically(metadata_file, text.encode() + b"\n")
        except OSError as error:
            raise ImageError(f"cannot write {metadata_file}: {error.strerror}") from None
    typer.echo(text if as_json else "\n".join(_lines(outcome)))


def _lines(outcome: BuildOutcome) -> Iterator[str]:
    for result in outcome.results:
        yield from _layer_table(result)
        yield ""
    for name in outcome.names:
        yield f"{name}  {outcome.digest}"
    yield from outcome.places


def _layer_table(result: BuildResult) -> Iterator[str]:
    yield f"{result.platform!s:<{_TITLE_WIDTH + 4}}{'compressed':>12}{'unpacked':>12}"
    for number, layer in enumerate(result.layers, start=1):
        yield f"{number:>3} {_title(layer):<{_TITLE_WIDTH}}{_sizes(layer)}"
    compressed = sum(layer.compressed for layer in result.layers)
    unpacked = sum(layer.unpacked or 0 for layer in result.layers)
    totals = f"{format_size(compressed):>12}{format_size(unpacked):>12}"
    yield f"    {'total':<{_TITLE_WIDTH}}{totals}"


def _title(layer: BuiltLayer) -> str:
    title = layer.title
    if len(layer.packages) > 1:
        shown = list(_fitting(layer.packages, _TITLE_WIDTH - 12))
        rest = len(layer.packages) - len(shown)
        title = ", ".join(shown) + (f" and {rest} more" if rest else "")
    return title if len(title) < _TITLE_WIDTH else title[: _TITLE_WIDTH - 2] + "…"


def _fitting(names: Sequence[str], width: int) -> Iterable[str]:
    for name in names:
        width -= len(name) + 2
        if width < 0:
            return
        yield name


def _sizes(layer: BuiltLayer) -> str:
    unpacked = "" if layer.unpacked is None else format_size(layer.unpacked)
    return f"{format_size(layer.compressed):>12}{unpacked:>12}{'  cached' if layer.cached else ''}"
