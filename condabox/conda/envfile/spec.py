"""Reads environment.yml: what the user asks for, checked and with line numbers in its errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox.conda.envfile.dependencies import read_dependencies
from condabox.conda.envfile.document import parse_document, read_text
from condabox.conda.envfile.reading import FieldError, Problems, Table, word
from condabox.conda.envfile.section import ImageSection, read_section
from condabox.conda.envfile.values import variables
from condabox.decode import DecodeError, mapping
from condabox.errors import SpecError
from condabox.platforms import PLATFORM_OF_SUBDIR, SUBDIRS, host_subdir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.envfile.dependencies import Dependency
    from condabox.conda.envfile.document import Document

_KEYS = ("name", "channels", "dependencies", "platforms", "variables", "prefix", "condabox")
_ELSEWHERE = {
    "allow-pypi-requests": "set [pip] index-url in condabox.toml",
    "category": "packages for development go to `condabox: dev: dependencies:`",
    "pip": "make it an entry of `dependencies:`, `- pip:`, and indent its block",
    "pip-repositories": "set [pip] index-url in condabox.toml",
}
_NAME = re.compile(r"[^\s/:#\\]+")
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """An environment file.  ``channels`` are as written: names or URLs, in order of priority."""

    path: Path
    name: str
    channels: tuple[str, ...]
    dependencies: tuple[Dependency, ...]
    pip: tuple[Dependency, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...]
    image: ImageSection = field(default_factory=ImageSection)

    def match_specs(self, subdir: str) -> tuple[str, ...]:
        """Return the match specs for ``subdir``, in the file's order."""
        return tuple(one.text for one in self.dependencies if one.applies_to(subdir))

    def pip_requirements(self, subdir: str) -> tuple[str, ...]:
        """Return the PEP 508 requirements for ``subdir``, in the file's order."""
        return tuple(one.text for one in self.pip if one.applies_to(subdir))


def read_environment(path: Path) -> EnvironmentSpec:
    """Read and check the environment file at ``path``; raise SpecError with all that is wrong."""
    return parse_environment(read_text(path), path=path)


def parse_environment(content: str, *, path: Path) -> EnvironmentSpec:
    """Check the ``content`` of the environment file ``path``, as `read_environment` does."""
    document = parse_document(content, path=path)
    try:
        root = mapping(document.value, at="")
    except DecodeError as error:
        raise SpecError(
            f"{path}: {error}",
            hint="an environment file has keys such as `name:`, `channels:` and `dependencies:`",
        ) from None
    folder, problems = path.parent, Problems()
    misplaced = sorted(_ELSEWHERE.keys() & root.keys())
    for key in misplaced:
        problems.add(FieldError("does not belong here", at=key, hint=_ELSEWHERE[key]))
    table = Table(root, (*_KEYS, *misplaced), at="", problems=problems)
    conda, pip = read_dependencies(
        root.get("dependencies"),
        at="dependencies",
        document=document,
        folder=folder,
        problems=problems,
    )
    spec = EnvironmentSpec(
        path=path,
        name=table.get("name", _name, path.stem),
        channels=_channels(table, problems=problems),
        dependencies=conda,
        pip=pip,
        variables=table.get("variables", variables, {}),
        platforms=_platforms(table),
        image=read_section(root.get("condabox"), at="condabox", folder=folder, problems=problems),
    )
    if problems.found:
        raise _error(problems.found, document=document, path=path)
    return spec


def _name(value: object, at: str) -> str:
    found = word(value, at)
    if not _NAME.fullmatch(found):
        raise FieldError(
            "is not the name of an environment", at=at, hint="do without blanks and / : # \\"
        )
    return found


def _channels(table: Table, *, problems: Problems) -> tuple[str, ...]:
    before = len(problems.found)
    # conda takes it as "not the default channels"; we take none that is not named
    found = tuple(name for name in table.items("channels", _channel) if name != "nodefaults")
    if not found and len(problems.found) == before:
        problems.add(FieldError("names none", at="channels", hint="add `channels: [conda-forge]`"))
    return tuple(dict.fromkeys(found))


def _channel(value: object, at: str) -> str:
    found = word(value, at)
    if found.startswith((".", "/", "~")):
        raise FieldError("is a path", at=at, hint="write it as a URL: file:///srv/channel")
    if any(map(str.isspace, found)):
        raise FieldError("is not a channel", at=at, hint="put a space after each dash")
    try:
        urlsplit(found)
    except ValueError:
        raise FieldError("is not a URL", at=at) from None
    return found.rstrip("/")


def _platforms(table: Table) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(table.items("platforms", _platform)))
    return found or (_image_subdir_of_host(),)


def _platform(value: object, at: str) -> str:
    found = word(value, at)
    if found in SUBDIRS:
        return found
    for subdir, platform in PLATFORM_OF_SUBDIR.items():
        if found == str(platform):
            raise FieldError(f"is OCI's word, conda's is {subdir}", at=at, hint=f"write {subdir}")
    raise FieldError(f"{found!r} is not a platform", at=at, hint=f"one of {', '.join(SUBDIRS)}")


def _image_subdir_of_host() -> str:
    """Return the subdir of Linux images that this machine runs, in a virtual machine or itself."""
    host = host_subdir()
    if host in PLATFORM_OF_SUBDIR:
        return host
    return "linux-aarch64" if host == "osx-arm64" else "linux-64"


def _error(found: Sequence[DecodeError], *, document: Document, path: Path) -> SpecError:
    """Return one error for all that was found, in the order of the file's lines."""
    described = []
    for error in found:
        message = str(error)
        line = document.line(message.partition(": ")[0]) or 0
        hint = error.hint if isinstance(error, FieldError) else None
        described.append(
            (line, f"{path}:{line}: {message}" if line else f"{path}: {message}", hint)
        )
    described.sort(key=lambda one: one[0])  # the sort is stable: one line's keep their order
    if len(described) == 1:
        _, message, hint = described[0]
        return SpecError(message, hint=hint)
    lines = [f"{path} has {len(described)} problems"]
    for _, message, hint in described[:_MOST_SHOWN]:
        lines.append(f"  {message}")
        if hint:
            lines.append(f"    hint: {hint}")
    if len(described) > _MOST_SHOWN:
        lines.append(f"  and {len(described) - _MOST_SHOWN} more")
    return SpecError("\n".join(lines))
