"""``condabox lock``."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from condabox.cli.console import choose_reporter
from condabox.cli.options import Environments, Json, Quiet
from condabox.reporting.formats import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.workflows.lock import LockRequest, LockResult

_EVERYTHING = "*"


class LockCommand(TyperCommand):
    """The command; its ``--update`` may stand alone, as no option of typer's may."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Give ``--update`` its value where none follows."""
        return super().parse_args(ctx, list(_spelled_out(args)))


def _spelled_out(arguments: Sequence[str]) -> Iterator[str]:
    for argument, following in pairwise([*arguments, "--"]):
        yield argument
        alone = following.startswith("-") or following.endswith((".yml", ".yaml"))
        if argument == "--update" and alone:
            yield _EVERYTHING


def lock(
    environments: Environments,
    *,
    platform: Annotated[
        str | None,
        typer.Option(
            help="Platforms to lock, separated by commas, like linux/amd64 or osx-arm64. Default: "
            "all of the file's.",
            metavar="PLATFORM,...",
        ),
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            help="Match spec, or pip:REQUIREMENT, that the environment file shall ask for; may be "
            "given again.",
            metavar="SPEC",
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            help="Package that the environment file shall ask for no more; may be given again.",
            metavar="PKG",
        ),
    ] = None,
    update: Annotated[
        list[str] | None,
        typer.Option(
            help="Package that shall move while all others stay where they can; may be given "
            "again. Without a name everything moves.",
            metavar="[PKG]",
        ),
    ] = None,
    update_base: Annotated[
        bool, typer.Option("--update-base", help="Pin the base image's digest of today.")
    ] = False,
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
    """Bring ENV.conda-lock.yml beside each file up to date, or make it.

    What is locked stays where the file allows it.
    """
    from condabox.conda.lockfiles.lockfile import lock_path
    from condabox.platforms import subdir_of
    from condabox.workflows.lock_check import check_locks

    if len({lock_path(environment) for environment in environments}) < len(environments):
        raise typer.BadParameter("several of the environment files have the same lock file")
    if (add or remove) and len(environments) > 1:
        raise typer.BadParameter("--add and --remove change one environment file at a time")
    subdirs = tuple(map(subdir_of, platform.split(","))) if platform else ()
    if check:
        if update or update_base or add or remove or solver or as_json:
            raise typer.BadParameter("--check goes with --platform alone")
        check_locks(environments, subdirs=subdirs, env=os.environ)
        return
    # after --check, which shall be quick
    from condabox.workflows.lock import LockRequest

    request = LockRequest(
        environments=tuple(environments),
        subdirs=subdirs,
        update=tuple(name for name in update or () if name != _EVERYTHING),
        update_all=_EVERYTHING in (update or ()),
        update_base=update_base,
        add=tuple(add or ()),
        remove=tuple(remove or ()),
        solver=solver,
    )
    results = list(_results(request, quiet=quiet))
    if as_json:
        typer.echo(json.dumps([result.to_json() for result in results], indent=2))
        return
    for result in results:
        typer.echo(_text(result))


def _results(request: LockRequest, *, quiet: bool) -> Iterator[LockResult]:
    """Lock each environment with the settings that hold for its folder."""
    from condabox.settings import load_settings
    from condabox.workflows.lock import lock as lock_environments

    reporter = choose_reporter(quiet=quiet)
    for environment in request.environments:
        yield from lock_environments(
            replace(request, environments=(environment,)),
            settings=load_settings(environment.parent, env=os.environ),
            env=os.environ,
            reporter=reporter,
        )


def _text(result: LockResult) -> str:
    if not result.written:
        return f"{result.locked.path} is current"
    if result.before:
        from condabox.reporting.lockdiff_text import lock_diff_text

        return lock_diff_text(result.diff)
    # of a first lock everything is new
    return "\n".join(
        [
            str(result.locked.path),
            *(
                f"  {subdir}: {counted(len(found.packages), 'package')}"
                for subdir, found in result.locked.environments.items()
            ),
        ]
    )
