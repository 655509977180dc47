"""Starts a project: example files that explain themselves, and jobs for CI."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import condabox
from condabox import process
from condabox.errors import SpecError, ToolMissingError
from condabox.resources import templates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class CI(StrEnum):
    """Whose jobs refresh the lock files and build the images."""

    GITHUB = "github"
    GITLAB = "gitlab"


TOOLS = "dev-tools.yml"
"""Name of the environment file of what images for development have beside the environment."""

_JOBS: Mapping[CI, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        CI.GITHUB: (
            ("ci/github/condabox-locks.yml", ".github/workflows/condabox-locks.yml"),
            ("ci/github/condabox-images.yml", ".github/workflows/condabox-images.yml"),
        ),
        CI.GITLAB: (("ci/gitlab/condabox.gitlab-ci.yml", ".gitlab/condabox.gitlab-ci.yml"),),
    }
)
"""Templates, and what they become below the root of the project."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")
_FIELD = re.compile(r"\{\{(\w+)\}\}")
_HOST = re.compile(r"(?:[a-z+]+://)?(?:[^/@]*@)?([^/:]+)")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What the user asked for.  ``root`` is that of the project, where CI looks for its jobs.

    With ``ci`` the environment file may be there already.
    """

    environment: Path
    root: Path
    ci: CI | None = None


def project_root(folder: Path, *, current: Path) -> Path:
    """Return the git repository around ``folder``, which may not be there yet, or ``current``."""
    absolute = current / folder
    repositories = (each for each in (absolute, *absolute.parents) if (each / ".git").exists())
    return next(repositories, current)


def hosted_ci(root: Path) -> CI | None:
    """Return whose jobs the project at ``root`` can have and does not have yet.

    Told by the files of other jobs, or by the address of git's ``origin``.
    """
    ci = _host(root)
    if ci is None or any((root / path).exists() for _, path in _JOBS[ci]):
        return None
    return ci


def start_project(request: StartRequest) -> tuple[Path, ...]:
    """Write the example environment, the tools beside it, and CI's jobs; return what was written.

    A tools file that is there is kept: it may serve other environments.  Raise SpecError, with
    nothing written, where anything else is there already.
    """
    environment = request.environment
    texts: dict[Path, str] = {}
    if request.ci is None or not environment.is_file():
        _check_environment(environment)
        texts[environment] = _environment(environment)
    tools = environment.with_name(TOOLS)
    if not os.path.lexists(tools):
        texts[tools] = _rendered(TOOLS, {"tools": shlex.quote(str(tools))})
    if request.ci is not None:
        texts |= _jobs(request.ci, environment=environment, tools=tools, root=request.root)
    _write_all(texts)
    return tuple(texts)


def _host(root: Path) -> CI | None:
    if (root / ".github").is_dir():
        return CI.GITHUB
    if (root / ".gitlab-ci.yml").exists():
        return CI.GITLAB
    try:
        git = process.find("git", hint="it knows where the project is hosted")
        found = process.attempt([git, "-C", str(root), "remote", "get-url", "origin"])
    except ToolMissingError:
        return None
    host = _HOST.match(found.stdout.decode(errors="replace").lower())
    return next((ci for ci in CI if host and ci.value in host[1]), None)


def _check_environment(environment: Path) -> None:
    if os.path.lexists(environment):
        raise _exists(environment)
    if environment.name == TOOLS:
        raise SpecError(
            f"{TOOLS} is the file of the tools for development",
            hint="choose another name for the environment",
        )
    if not str(environment).isprintable():
        raise SpecError(
            f"{str(environment)!r} is not a name that a file can explain itself by",
            hint="choose one that can be printed",
        )


def _environment(path: Path) -> str:
    name = _NOT_IN_NAMES.sub("-", path.stem.lower()).strip("._-") or "environment"
    return _rendered("environment.yml", {"name": name, "file": shlex.quote(str(path))})


def _jobs(ci: CI, *, environment: Path, tools: Path, root: Path) -> dict[Path, str]:
    values = {
        "environment": _path_in_jobs(environment, root=root),
        "tools": _path_in_jobs(tools, root=root),
        "version": condabox.__version__,
    }
    return {root / path: _rendered(template, values) for template, path in _JOBS[ci]}


def _path_in_jobs(path: Path, *, root: Path) -> str:
    """Return ``path`` from the root of the project, as no shell and no YAML reads it otherwise."""
    absolute, top = path.parent.resolve() / path.name, root.resolve()
    if not absolute.is_relative_to(top):
        raise SpecError(
            f"{path} is not below {top}, which is all that CI has",
            hint="choose another folder, or do without jobs: --ci none",
        )
    found = absolute.relative_to(top).as_posix()
    if not _PLAIN_PATH.fullmatch(found):
        raise SpecError(
            f"{found!r} cannot be named in CI's jobs",
            hint="use letters, digits and _ . - /, or do without jobs: --ci none",
        )
    return found


def _rendered(template: str, values: Mapping[str, str]) -> str:
    text = templates().joinpath(*template.split("/")).read_text(encoding="utf-8")
    return _FIELD.sub(lambda field: values[field[1]], text)


def _write_all(texts: Mapping[Path, str]) -> None:
    """Write every file, or none: where one cannot be written, those before it go again."""
    for path in texts:
        if os.path.lexists(path):
            raise _exists(path)
    with ExitStack() as undo:
        for path, text in texts.items():
            try:
                _write(path, text, undo=undo)
            except FileExistsError:
                raise _exists(path) from None
            except OSError as error:
                raise SpecError(f"{path} cannot be written: {error.strerror}") from None
        undo.pop_all()


def _write(path: Path, text: str, *, undo: ExitStack) -> None:
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        undo.callback(folder.rmdir)
    with path.open("x", encoding="utf-8") as file:
        undo.callback(path.unlink)
        file.write(text)


def _exists(path: Path) -> SpecError:
    return SpecError(f"{path} exists", hint="choose another name, or move it away")
