"""``condabox build``."""

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
    DryRun,
    Frozen,
    Layers,
    Load,
    Locked,
    LockEnvironment,
    LockFile,
    MetadataFile,
    Output,
    Push,
    Source,
    Tags,
    Variants,
)
from condabox.cli.console import choose_reporter
from condabox.cli.options import Json, Platforms, Quiet, parse_platforms
from condabox.layering import DEFAULT_BUDGET
from condabox.oci.compress import Compression
from condabox.reporting.formats import format_size
from condabox.reporting.pushes import describe_push
from condabox.workflows.build_request import Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from condabox.backends.result import BuildResult, BuiltLayer
    from condabox.workflows.build import BuildOutcome

_TITLE_WIDTH = 48


def build(
    source: Source,
    *,
    tag: Tags = None,
    variant: Variants = None,
    dev: Dev = False,
    platform: Platforms = None,
    base: Base = None,
    cuda: Cuda = "auto",
    output: Output = None,
    load: Load = False,
    push: Push = False,
    locked: Locked = False,
    frozen: Frozen = False,
    lock_file: LockFile = None,
    environment: LockEnvironment = None,
    layers: Layers = DEFAULT_BUDGET,
    compression: Annotated[
        Compression, typer.Option(help="How layers are compressed.")
    ] = Compression.GZIP,
    metadata_file: MetadataFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build an image from an environment file, or from a lock file alone."""
    from condabox.settings import load_settings, source_date_epoch
    from condabox.workflows.build import build_environment, plan_environment
    from condabox.workflows.build_request import BuildRequest, LockPolicy

    if locked and frozen:
        raise typer.BadParameter("--locked and --frozen exclude each other")
    if locked and lock_file:
        raise typer.BadParameter("--locked compares ENV with its own lock, not with --lock-file")
    if dry_run and metadata_file:
        raise typer.BadParameter("--dry-run has no result for --metadata-file")
    policy = LockPolicy.LOCKED if locked else LockPolicy.FROZEN if frozen else LockPolicy.MAKE
    request = BuildRequest(
        environment=source,
        lock_file=lock_file,
        lock_environment=environment,
        names=tuple(tag or ()),
        platforms=parse_platforms(platform),
        base=base,
        cuda=None if cuda == "auto" else cuda,
        output=output,
        load=load,
        push=push,
        lock_policy=policy,
        variant=_variant(variant or (), dev=dev),
        budget=layers,
        compression=compression,
        epoch=source_date_epoch(os.environ),
    )
    settings = load_settings(source.parent, env=os.environ)
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
        _write_metadata(metadata_file, text)
    for pushed in outcome.pushed:
        reporter.message(describe_push(pushed))
    typer.echo(text if as_json else "\n".join(_lines(outcome)))


def _variant(asked: Sequence[Variant], *, dev: bool) -> Variant:
    variants = {*asked, *((Variant.DEV,) if dev else ())}
    if len(variants) > 1:
        raise typer.BadParameter("prod and dev are two images: build one after the other")
    return variants.pop() if variants else Variant.PROD


def _write_metadata(path: Path, text: str) -> None:
    from condabox.errors import ImageError
    from condabox.files import rewriting

    try:
        with rewriting(path) as file:
            file.write(text.encode() + b"\n")
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror}") from None


def _lines(outcome: BuildOutcome) -> Iterator[str]:
    for result in outcome.results:
        yield from _layer_table(result)
        yield ""
    for name in outcome.names:
        yield f"{name}  {outcome.digest}"
    yield from outcome.places
    yield from map(str, outcome.pushed)


def _layer_table(result: BuildResult) -> Iterator[str]:
    yield f"{result.platform!s:<{_TITLE_WIDTH + 4}}{'compressed':>12}{'unpacked':>12}"
    for number, layer in enumerate(result.layers, start=1):
        yield f"{number:>3} {_title(layer):<{_TITLE_WIDTH}}{_sizes(layer)}"
    compressed = sum(layer.compressed for layer in result.layers)
    unpacked = sum(layer.unpacked or 0 for layer in result.layers)
    totals = f"{format_size(compressed):>12}{format_size(unpacked):>12}"
    yield f"    {'total; unpacked without the base':<{_TITLE_WIDTH}}{totals}"


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
