"""Starts a project: example files that explain themselves, jobs for CI, and a file for editors."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import condabox
from condabox import process
from condabox.conda.envfile.spec import read_environment
from condabox.development.devcontainer import devcontainer_json
from condabox.development.places import TOOLS_FILE
from condabox.errors import SpecError, ToolMissingError
from condabox.oci.reference import Reference
from condabox.resources import templates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class CI(StrEnum):
    """Whose jobs refresh the lock files and build the images."""

    GITHUB = "github"
    GITLAB = "gitlab"


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

_DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
"""Where editors look below that root, the one that we write first."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")
_PLAIN_NAME = re.compile(r"(?!(?:true|false|null|yes|no|on|off|y|n)\Z)[a-z][a-z0-9._-]*")
"""What every reader of YAML takes for a string."""
_FIELD = re.compile(r"\{\{(\w+)\}\}")
_HOST = re.compile(r"(?:[a-z+]+://)?(?:[^/@]*@)?([^/:]+)")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What the user asked for.  ``root`` is that of the project: CI and editors look there.

    With ``ci`` or ``devcontainer`` the environment file may be there already.
    """

    environment: Path
    root: Path
    ci: CI | None = None
    devcontainer: bool = False
    """Whether editors are to open the project in the image for development."""


def write_tools(path: Path) -> None:
    """Write the environment file of the usual tools; raise SpecError where there is a file."""
    _write_all({path: _tools(path)})


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
    """Write the example environment, the tools beside it, and what else was asked for.

    Return what was written.  A tools file that is there is kept: it may serve other environments.
    None is written where the environment file, which is there, names another.
    Raise SpecError, with nothing written, where anything else is there already.
    """
    environment = request.environment
    texts: dict[Path, str] = {}
    adds = request.ci is not None or request.devcontainer
    if not adds or not environment.is_file():
        _check_environment(environment)
        texts[environment] = _environment(environment)
    tools = tools_of(environment)
    if tools == environment.with_name(TOOLS_FILE) and not os.path.lexists(tools):
        texts[tools] = _tools(tools)
    if request.ci is not None:
        texts |= _jobs(request.ci, environment=environment, tools=tools, root=request.root)
    if request.devcontainer:
        texts |= _devcontainer(environment, root=request.root)
    _write_all(texts)
    return tuple(texts)


def tools_of(environment: Path) -> Path:
    """Return the environment file of the tools, where ``environment`` names it or beside that.

    What is wrong in ``environment`` is for others to tell.
    """
    dev = None
    if environment.is_file():
        with suppress(SpecError):
            dev = read_environment(environment).image.dev
    return (dev.tools if dev else None) or environment.with_name(TOOLS_FILE)


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
    if environment.name == TOOLS_FILE:
        raise SpecError(
            f"{TOOLS_FILE} is the file of the tools for development",
            hint="choose another name for the environment",
        )
    if not str(environment).isprintable():
        raise SpecError(
            f"{str(environment)!r} is not a name that a file can explain itself by",
            hint="choose one that can be printed",
        )


def _tools(path: Path) -> str:
    return _rendered(TOOLS_FILE, {"tools": shlex.quote(str(path))})


def _environment(path: Path) -> str:
    name = _name_for(path)
    said = name if _PLAIN_NAME.fullmatch(name) else f'"{name}"'
    return _rendered("environment.yml", {"name": said, "file": shlex.quote(str(path))})


def _name_for(path: Path) -> str:
    return _NOT_IN_NAMES.sub("-", path.stem.lower()).strip("._-") or "environment"


def _jobs(ci: CI, *, environment: Path, tools: Path, root: Path) -> dict[Path, str]:
    reader = _Reader(name="CI's jobs", otherwise="do without jobs: --ci none")
    values = {
        "environment": _path_for(reader, environment, root=root),
        "tools": _path_for(reader, tools, root=root),
        "version": condabox.__version__,
    }
    return {root / path: _rendered(template, values) for template, path in _JOBS[ci]}


def _devcontainer(environment: Path, *, root: Path) -> dict[Path, str]:
    """Return the file for editors; raise SpecError where there is one, or no name for an image."""
    for place in _DEVCONTAINERS:
        if os.path.lexists(root / place):
            raise _exists(root / place)
    reader = _Reader(name=_DEVCONTAINERS[0], otherwise="do without --devcontainer")
    path = _path_for(reader, environment, root=root)
    is_there = environment.is_file()
    name = read_environment(environment).name if is_there else _name_for(environment)
    Reference.parse(f"{name}:dev")  # what a build would refuse
    return {root / _DEVCONTAINERS[0]: devcontainer_json(name, path)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Who reads paths from the root of the project, and what to do where that cannot be."""

    name: str
    otherwise: str


def _path_for(reader: _Reader, path: Path, *, root: Path) -> str:
    """Return ``path`` from the root of the project, as no shell and no YAML reads it otherwise."""
    absolute, top = path.parent.resolve() / path.name, root.resolve()
    if not absolute.is_relative_to(top):
        raise SpecError(
            f"{path} is not below {top}, which is all that {reader.name} can name",
            hint=f"choose another folder, or {reader.otherwise}",
        )
    found = absolute.relative_to(top).as_posix()
    if not _PLAIN_PATH.fullmatch(found):
        raise SpecError(
            f"{found!r} cannot be named in {reader.name}",
            hint=f"use letters, digits and _ . - /, or {reader.otherwise}",
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
