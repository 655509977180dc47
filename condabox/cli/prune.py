"""``condabox prune``."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from condabox.cli.build_options import (
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
from condabox.cli.options import Json, Quiet, parse_platform


def prune(
    source: Source,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="With --explain: files, folders or globs to explain, relative to the prefix or as "
            "they are in the image.",
            metavar="PATH",
            show_default=False,
        ),
    ] = None,
    *,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say what each rule is for, what it takes, and what stays because something needs "
            "it; or of each PATH, whose it is, and what becomes of it.",
        ),
    ] = False,
    profile: Prune = None,
    variant: Variants = None,
    dev: Dev = False,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            help="For which platform, like linux/arm64. Default: this machine's, or else the "
            "file's first.",
            metavar="PLATFORM",
        ),
    ] = None,
    locked: Locked = False,
    frozen: Frozen = False,
    lock_file: LockFile = None,
    environment: LockEnvironment = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a build leaves out of the packages of an environment; nothing is built."""
    from condabox.reporting.path_text import paths_text
    from condabox.reporting.pruning_text import explained_text, pruning_text
    from condabox.settings import load_settings
    from condabox.workflows.prune import PruneRequest, explain_paths, report_pruning

    if paths and not explain:
        raise typer.BadParameter(f"{paths[0]}: paths are explained with --explain")
    request = PruneRequest(
        environment=source,
        lock_file=lock_file,
        lock_environment=environment,
        platform=parse_platform(platform),
        prune=profile,
        lock_policy=parse_lock_policy(locked=locked, frozen=frozen, lock_file=lock_file),
        variant=parse_variant(variant or (), dev=dev),
    )
    settings = load_settings(source.parent, env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    if paths:
        found = explain_paths(request, paths, settings=settings, env=os.environ, reporter=reporter)
        document: object = {"paths": [each.to_json() for each in found]}
        text = paths_text(found)
    else:
        report = report_pruning(request, settings=settings, env=os.environ, reporter=reporter)
        for warning in report.warnings:
            reporter.warning(warning)
        document = report.to_explained_json() if explain else report.to_json()
        text = explained_text(report) if explain else pruning_text(report)
    typer.echo(json.dumps(document, indent=2) if as_json else text)
