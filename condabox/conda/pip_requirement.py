"""Reads the pip block of an environment file, and refuses what cannot be locked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from condabox.conda.document import read_text
from condabox.conda.reading import FieldError
from condabox.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

_DEEPEST = 8
_INCLUDE = re.compile(r"(?:-r\s*|--requirement[\s=]+)(?P<file>\S.*)")
_EDITABLE = re.compile(r"-e\b|--editable\b")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")


def requirements(text: str, *, at: str, folder: Path) -> tuple[str, ...]:
    """Return the PEP 508 requirements that one entry stands for: itself, or what ``-r`` includes.

    ``folder`` is where files are looked up.  Raise FieldError for what pip would take but no lock
    can hold: editable installs, paths and version control.
    """
    return _read(text.strip(), at=at, folder=folder, including=())


def project_name(requirement: str) -> str:
    """Return the normalized name, as PyPA specifies it, of a checked requirement."""
    return canonicalize_name(Requirement(requirement).name)


def _read(text: str, *, at: str, folder: Path, including: tuple[Path, ...]) -> tuple[str, ...]:
    include = _INCLUDE.fullmatch(text)
    if include is None:
        _check(text, at=at)
        return (text,)
    if "://" in include["file"]:
        raise FieldError(
            "a requirements file must be a local file", at=at, hint="save it beside this file"
        )
    path = folder / include["file"].strip("\"'")
    if path in including or len(including) >= _DEEPEST:
        raise FieldError(f"{path} includes itself, or too many others", at=at)
    found: list[str] = []
    for number, line in _logical_lines(path, at=at):
        try:
            found += _read(line, at="", folder=path.parent, including=(*including, path))
        except FieldError as problem:
            message = str(problem)
            where = message if message.startswith(str(folder)) else f"{path}:{number}: {message}"
            raise FieldError(where, at=at, hint=problem.hint) from None
    return tuple(found)


def _logical_lines(path: Path, *, at: str) -> list[tuple[int, str]]:
    """Return what is left of a requirements file without comments, its lines joined at ``\\``."""
    try:
        content = read_text(path)
    except SpecError as error:
        raise FieldError(error.message, at=at, hint=error.hint) from None
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


def _check(text: str, *, at: str) -> None:
    """Raise FieldError unless ``text`` is a name with limits, or a name and the URL of a file."""
    if mistake := _refusal(text):
        message, hint = mistake
        raise FieldError(message, at=at, hint=hint)
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        message, hint = _misspelling(text)
        raise FieldError(f"{_shown(text)} {message}", at=at, hint=hint) from None
    if requirement.url is None:
        return
    try:
        url = urlsplit(requirement.url)
    except ValueError:
        raise FieldError("holds an address that is none", at=at) from None
    if mistake := _refusal(requirement.url):
        message, hint = mistake
        raise FieldError(message, at=at, hint=hint)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise FieldError(
            f"{requirement.name} comes from a local path, which no other machine has",
            at=at,
            hint="build a wheel and publish it, or copy the code with `condabox: app:`",
        )
    if url.username is not None:
        raise FieldError(
            f"the address of {requirement.name} holds credentials, which would be locked",
            at=at,
            hint="keep them out of the file, for example in ~/.netrc",
        )


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
