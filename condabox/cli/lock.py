"""``condabox lock``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import Environments, Json, Platforms, Quiet, parse_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.workflows.lock import LockResult, PackageChange


def lock(
    environments: Environments,
    *,
    platform: Platforms = None,
    update: Annotated[
        list[str] | None,
        typer.Option(
            help="Package that may move while all others stay; may be given again.", metavar="PKG"
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only say whether the lock files are current; exit 4 where one is not."
        ),
    ] = False,
    solver: Annotated[
        str | None,
        typer.Option(help="micromamba, mamba or conda instead of condabox's own.", metavar="EXE"),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Solve environments, and write ENV.conda-lock.yml beside each file."""
    from condabox.platforms import subdir_of_platform
    from condabox.settings import load_settings
    from condabox.workflows.lock import LockRequest, check_locks
    from condabox.workflows.lock import lock as lock_environments

    request = LockRequest(
        environments=tuple(environments),
        subdirs=tuple(map(subdir_of_platform, parse_platforms(platform))),
        update=tuple(update or ()),
        solver=solver,
    )
    if check:
        if update or solver or as_json:
            raise typer.BadParameter("--check goes with neither --update, --solver nor --json")
        check_locks(request, env=os.environ)
        return
    reporter = choose_reporter(quiet=quiet)
    results = [
        result
        for environment in environments
        for result in lock_environments(
            replace(request, environments=(environment,)),
            settings=load_settings(environment.parent, env=os.environ),
            env=os.environ,
            reporter=reporter,
        )
    ]
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], default=str, indent=2))
        return
    for result in results:
        typer.echo("\n".join(_lines(result)))


def _lines(result: LockResult) -> Iterator[str]:
    yield f"{result.path}"
    for subdir in result.subdirs:
        yield f"  {subdir.subdir}: {subdir.packages} packages"
        yield from (f"    {_change(change)}" for change in subdir.changes)


def _change(change: PackageChange) -> str:
    if change.before is None:
        return f"+ {change.name} {change.after}"
    if change.after is None:
        return f"- {change.name} {change.before}"
    return f"  {change.name} {change.before} -> {change.after}"
