"""Reads the pip block of an environment file, and refuses what cannot be locked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from condabox.conda.envfile.document import read_text
from condabox.conda.envfile.reading import FieldError
from condabox.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.markers import Marker

_MOST_FILES = 50
_INCLUDE = re.compile(r"(?:-r\s*|--requirement[\s=]+)(?P<file>\S.*)")
_EDITABLE = re.compile(r"-e\b|--editable\b")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")


def requirements(text: str, *, at: str, folder: Path) -> tuple[str, ...]:
    """Return the PEP 508 requirements that one entry stands for: itself, or what ``-r`` includes.

    ``folder`` is where files are looked up.  Raise FieldError for what pip would take but no lock
    can hold: editable installs, paths and version control.
    """
    return _read(text.strip(), at=at, place="", folder=folder, included=set())


def project_name(requirement: str) -> str:
    """Return the normalized name, as PyPA specifies it, of a checked requirement."""
    return canonicalize_name(Requirement(requirement).name)


def marker_of(requirement: str) -> Marker | None:
    """Return what a checked requirement wants of the place where it is installed."""
    return Requirement(requirement).marker


def _read(text: str, *, at: str, place: str, folder: Path, included: set[Path]) -> tuple[str, ...]:
    """Read one line; ``place`` is the requirements file that it stands in, and its line."""
    include = _INCLUDE.fullmatch(text)
    if include is None:
        if mistake := _mistake(text):
            message, hint = mistake
            raise FieldError(place + message, at=at, hint=hint)
        return (text,)
    if "://" in include["file"]:
        raise FieldError(
            f"{place}a requirements file must be a local file",
            at=at,
            hint="save it beside this file",
        )
    path = folder / include["file"].strip("\"'")
    # Also for files that include each other many times over: the cost is that of reading them
    if path.resolve() in included or len(included) >= _MOST_FILES:
        raise FieldError(f"{place}{path} is included twice, or one of too many", at=at)
    included.add(path.resolve())
    return tuple(
        requirement
        for number, line in _logical_lines(path, at=at, place=place)
        for requirement in _read(
            line, at=at, place=f"{path}:{number}: ", folder=path.parent, included=included
        )
    )


def _logical_lines(path: Path, *, at: str, place: str) -> list[tuple[int, str]]:
    """Return what is left of a requirements file without comments, its lines joined at ``\\``."""
    try:
        content = read_text(path)
    except SpecError as error:
        raise FieldError(place + error.message, at=at, hint=error.hint) from None
    lines: list[tuple[int, str]] = []
    start, pending = 1, ""
    for number, line in enumerate((*content.splitlines(), ""), start=1):
        if not pending:
            start = number
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        if logical := _COMMENT.sub("", pending + line).strip():
            lines.append((start, logical))
        pending = ""
    return lines


def _mistake(text: str) -> tuple[str, str] | None:
    """Say what is wrong with what is no name with limits, and no name with the URL of a file."""
    if refusal := _refusal(text):
        return refusal
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        message, hint = _misspelling(text)
        return f"{_shown(text)} {message}", hint
    if requirement.url is None:
        return None
    return _refusal(requirement.url) or _bad_address(requirement.name, requirement.url)


def _bad_address(name: str, address: str) -> tuple[str, str] | None:
    try:
        url = urlsplit(address)
    except ValueError:
        return f"the address of {name} is not a URL", "write it as `name @ https://…`"
    if url.scheme not in {"http", "https"} or not url.hostname:
        return f"the address of {name} is not one of the web", "write it as `name @ https://…`"
    if url.username is not None:
        return (
            f"the address of {name} holds credentials, which would be locked",
            "keep them out of the file, for example in ~/.netrc",
        )
    if not url.path.endswith(".whl"):
        # to know what a source needs, somebody would have to run it
        return (
            f"the address of {name} is not that of a wheel",
            "make one of it, `pip wheel`, and publish that",
        )
    return None


def _refusal(text: str) -> tuple[str, str] | None:
    if _EDITABLE.match(text):
        return (
            "an editable install cannot be locked",
            "publish a wheel, or copy the code with `condabox: app:`",
        )
    if re.match(r"(git|hg|svn|bzr)\+", text):
        return (
            "version control cannot be locked: its bytes have no fixed hash",
            "name a release, or the URL of a wheel: `name @ https://…`",
        )
    if text.startswith("-"):
        option = re.split(r"[\s=]", text, maxsplit=1)[0]
        if option in {"-i", "--index-url", "--extra-index-url"}:
            return (
                f"{option} is a setting, not a requirement",
                "set [pip] index-url in condabox.toml",
            )
        return f"{option} is not read here", "the lock holds exact versions and their hashes"
    if text.startswith((".", "/", "~", "file:")) or re.match(r"[A-Za-z]:\\", text):
        return (
            "a local path cannot be locked: no other machine has it",
            "publish a wheel, or copy the code with `condabox: app:`",
        )
    return None


def _misspelling(text: str) -> tuple[str, str]:
    """Say what was probably meant by something that is no requirement."""
    name = re.match(r"[A-Za-z0-9._-]*", text)
    shown = name[0] if name and name[0] else "numpy"
    if "://" in text and " @ " not in text:
        return "has no name", "write it as `name @ https://…`"
    if "::" in text:
        return "is a conda package", "conda's packages stand above `- pip:`"
    if " --hash" in text:
        return "has a hash", "leave it away: the lock holds the hashes"
    if re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?\s*=[^=]", text):
        return "is not a pip requirement", f"pip wants two equals signs: {shown}==1.2"
    return "is not a pip requirement", f"write it like {shown}, {shown}==1.2 or {shown}>=1.2,<2"


def _shown(text: str) -> str:
    return repr(re.sub(r"://[^/\s]*@", "://…@", text[:200]))
