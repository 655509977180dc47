"""``condabox init``."""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.workflows.init import CI, StartRequest


class Jobs(StrEnum):
    """Whose CI gets jobs."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


def init(
    environment: Annotated[
        Path, typer.Argument(help="Environment file to write.", metavar="ENV")
    ] = Path("environment.yml"),
    *,
    ci: Annotated[
        Jobs | None,
        typer.Option(
            help="Write jobs that refresh the lock files and build the images, too. Default: for "
            "GitHub or GitLab where git's origin, or jobs that are there, tell which. Named, it "
            "also does so for an environment file that is there already.",
            show_default=False,
        ),
    ] = None,
    devcontainer: Annotated[
        bool,
        typer.Option(
            "--devcontainer",
            help="Write .devcontainer/devcontainer.json, too, by which editors build the image for "
            "development and open the project in it; also for an environment file that is there "
            "already.",
        ),
    ] = False,
) -> None:
    """Write an example environment file to start from, and the tools of development images.

    Nothing that is there is overwritten.
    """
    from condabox.workflows.init import CI, StartRequest, hosted_ci, project_root, start_project

    root = project_root(environment.parent, current=Path.cwd())
    chosen = None if ci in {None, Jobs.NONE} else CI(ci)
    if ci is None and not environment.exists():
        chosen = hosted_ci(root)
    request = StartRequest(environment=environment, root=root, ci=chosen, devcontainer=devcontainer)
    typer.echo("\n".join(_lines(request, start_project(request))))


def _lines(request: StartRequest, written: Sequence[Path]) -> Iterator[str]:
    for path in written:
        yield f"wrote {os.path.relpath(path)}"
    yield from _next(request.environment, ci=request.ci)
    if request.devcontainer:
        yield f"and open {os.path.relpath(request.root)} in an editor that knows dev containers"


def _next(environment: Path, *, ci: CI | None) -> Iterator[str]:
    file = shlex.quote(str(environment))
    if ci is None:
        yield f"next: edit {file}, then run `condabox build {file}`"
        return
    from condabox.workflows.init import tools_of

    tools = shlex.quote(str(tools_of(environment)))
    yield f"next: edit {file}, run `condabox lock {file} {tools}`, and commit all of it"
    if ci.value == Jobs.GITLAB:
        yield "and let .gitlab-ci.yml have: include: [{local: .gitlab/condabox.gitlab-ci.yml}]"
