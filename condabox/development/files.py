"""What a development image has of condabox itself: programs, their settings, and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from condabox.appfiles import AppDirectory
from condabox.development.places import COMMANDS, OWN, TOOLS, WORKSPACE
from condabox.errors import SpecError
from condabox.resources import templates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.appfiles import AppEntry
    from condabox.conda.lockfiles.lockfile import LockedPackage

_PROGRAM = "condabox.development.container"
_MAIN = "__main__.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """A file of condabox's, which belongs to root."""

    content: bytes
    executable: bool = False


_TEMPLATES: Mapping[str, str] = MappingProxyType(
    {
        "default_setting_overrides.json": f"{OWN}/config/labconfig/default_setting_overrides.json",
        "health.py": f"{OWN}/health.py",
        "jupyter_server_config.py": f"{OWN}/config/jupyter_server_config.py",
        "kernel": f"{OWN}/kernel",
        "kernel.json": f"{OWN}/jupyter/kernels/python3/kernel.json",
        "pyvenv.cfg": f"{TOOLS}/pyvenv.cfg",
        "sshd_config": f"{OWN}/config/sshd_config",
    }
)
"""Templates, and where they lie in the image."""
_EXECUTABLE = frozenset({"kernel"})

PROFILE = "/etc/profile.d/condabox.sh"
"""What login shells read after they set PATH."""
_PROFILE_TEMPLATE = "profile.sh"

ACCOUNTS = "/etc/passwd"
"""Who there is, with development's user."""
_TAKEN = {
    ACCOUNTS: "say by number who runs, `user: '1000:0'`, which needs no account",
    PROFILE: "choose another name for it",
    TOOLS: "choose another `dest:`",
}
"""What nobody else may bring, and what to do instead."""

_ALSO_NAMED = "jupyter_core"
"""Has ``jupyter``, which users of jupyterlab call."""
_NOT_CALLED = re.compile(r"python.*|pip.*|conda.*|sshd|tini.*")
"""The environment's own are called by these names, and services are started by the image."""


def own_files() -> dict[str, OwnFile]:
    """Return what is the same in every development image, by absolute path."""
    found = {place: _template(name) for name, place in _TEMPLATES.items()}
    # a folder that Python runs is all that it looks for modules in, beside its own library
    inside = f"{OWN}/start"
    *packages, _ = (parts := _PROGRAM.split("."))
    for depth in range(1, len(packages) + 1):
        found["/".join((inside, *packages[:depth], "__init__.py"))] = OwnFile(content=b"")
    for resource in files(_PROGRAM).iterdir():
        if resource.name.endswith(".py"):
            folder = inside if resource.name == _MAIN else "/".join((inside, *parts))
            found[f"{folder}/{resource.name}"] = OwnFile(content=resource.read_bytes())
    return dict(sorted(found.items()))


def profile() -> OwnFile:
    """Return what is at `PROFILE`."""
    return _template(_PROFILE_TEMPLATE)


def check_application(entries: Iterable[AppEntry], *, environment: Path) -> None:
    """Raise SpecError where the application has what would hide development's, or lie below it.

    ``environment`` is the file that names the application.
    """
    for entry in entries:
        path = f"/{entry.path}"
        for place, hint in (*_TAKEN.items(), (WORKSPACE, "choose another `dest:`")):
            is_way = place == path or place.startswith(f"{path}/")
            is_there = place in _TAKEN and f"{path}/".startswith(f"{place}/")
            if is_there or (is_way and not isinstance(entry, AppDirectory)):
                raise SpecError(
                    f"{environment}: condabox.app: {path}: development images have their own "
                    f"{place}",
                    hint=hint,
                )


def command_links(commands: Sequence[str]) -> dict[str, str]:
    """Return the links by which users find ``commands`` of the tools, with their targets."""
    return {f"{COMMANDS}/{name}": f"../bin/{name}" for name in commands}


def commands_of(
    packages: Sequence[LockedPackage],
    paths: Mapping[str, Collection[str]],
    *,
    named: Collection[str],
) -> tuple[str, ...]:
    """Return which programs of the tools users call, sorted.

    ``paths`` are what the image has of each package, by sha256; ``named`` are the packages that
    the tools' environment file names.
    """
    return tuple(sorted(set(_commands(packages, paths, named={*named, _ALSO_NAMED}))))


def _commands(
    packages: Sequence[LockedPackage],
    paths: Mapping[str, Collection[str]],
    *,
    named: Collection[str],
) -> Iterator[str]:
    for package in packages:
        if package.name not in named or package.name == "python":
            continue
        for path in paths[package.sha256]:
            folder, _, name = path.partition("/")
            if folder == "bin" and "/" not in name and not _NOT_CALLED.fullmatch(name):
                yield name


def _template(name: str) -> OwnFile:
    content = templates().joinpath("dev", name).read_bytes()
    return OwnFile(content=content, executable=name in _EXECUTABLE)
