"""Single values of the ``condabox:`` section, each checked and brought into one form."""

from __future__ import annotations

import posixpath
import re
from typing import Literal

from condabox.appfiles import hidden_link
from condabox.conda.envfile.reading import FieldError, items, text, text_mapping, word, words
from condabox.decode import each, join, mapping, typed

LONGEST_PREFIX = 255
"""Bytes: the room that conda-build leaves for the prefix in binary files."""

CpuAllowed = frozenset[str] | Literal["all"]
"""Names of packages, in lower case."""

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
# deb-control(5), and a version as apt-get takes it, which would remove what ends with a dash
_APT = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9-]+)?(=[0-9][A-Za-z0-9.+:~*-]*)?")
_VIRTUAL_NAME = re.compile(r"__[a-z0-9]+(_[a-z0-9]+)*")
_VIRTUAL_VALUE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}( [A-Za-z0-9_.+]{1,64})?")
_PORT = re.compile(r"(?P<port>[0-9]{1,5})(?:/(?P<protocol>tcp|udp))?")
_USER = re.compile(r"([a-z_][a-z0-9_-]*|[0-9]{1,10})(:([a-z_][a-z0-9_-]*|[0-9]{1,10}))?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(
    r"(?:(?P<h>[0-9]+(?:\.[0-9]+)?)h)?(?:(?P<m>[0-9]+(?:\.[0-9]+)?)m)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s)?(?:(?P<ms>[0-9]+)ms)?"
)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PACKAGES = re.compile(r"[A-Za-z0-9_.*?-]+")
_GLOB_EXAMPLE = "write it like share/man/** or numpy:**/tests/**"
_GLOB_MISTAKES = (
    (re.compile(r"^$"), "has no path", _GLOB_EXAMPLE),
    (re.compile(r"^/"), "is absolute", "paths are relative to the prefix: share/man/**"),
    (re.compile(r"(^|/)\.\.(/|$)"), "climbs up with `..`", "paths are relative to the prefix"),
    (re.compile(r"/$"), "names a folder", "end it with /** for all that is in it"),
    (re.compile(r"(^|/)\.?(/|$)"), "has an empty part", _GLOB_EXAMPLE),
    (re.compile(r"\\"), "has a backslash", "a character that means itself is in brackets: [*]"),
    (re.compile(r"\*\*[^/]|[^/]\*\*"), "`**` stands alone between slashes", "write **/*.txt"),
)
_GLOB_RANGE = re.compile(r"\[[!^]?(?P<ranges>-|-?(?:[^][/!^-](?:-[^][/!^-])?)+)\]")
_SHORTEST_DURATION = 0.001
_LONGEST_DURATION = 1_000_000.0
_MOST_RETRIES = 1000
_HIGHEST_ID = 2**32 - 2
_HIGHEST_PORT = 65535


def image(value: object, at: str) -> str:
    """Return how the base image is named; what it means is for the base to find out."""
    found = word(value, at)
    if any(map(str.isspace, found)):
        raise FieldError("is not an image", at=at, hint="write it like ubuntu:24.04")
    return found


def cuda(value: object, at: str) -> str:
    """Return a CUDA version ``MAJOR.MINOR``."""
    if isinstance(value, float):
        # 12.10 has become 12.1 by now: only the writer knows what was meant
        raise FieldError("a version is not a number", at=at, hint='put it in quotes: cuda: "12.8"')
    if isinstance(value, int) or not re.fullmatch(r"[0-9]{1,3}\.[0-9]{1,3}", text(value, at)):
        raise FieldError("is not a CUDA version", at=at, hint='write it like cuda: "12.8"')
    return text(value, at)


def virtual_packages(value: object, at: str) -> dict[str, str | None]:
    """Return ``name -> "version"`` or ``name -> "version build"``; None takes a package away."""
    return {
        _virtual_name(name, at): _virtual_value(name, item, join(at, name))
        for name, item in mapping(value, at=at).items()
    }


def _virtual_name(name: str, at: str) -> str:
    if not _VIRTUAL_NAME.fullmatch(name):
        raise FieldError(
            f"{name!r} is not a virtual package", at=at, hint="their names are like __glibc"
        )
    return name


def _virtual_value(name: str, value: object, at: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        # 2.40 has become 2.4 by now, as with `cuda:`
        raise FieldError(
            "a version is not a number", at=at, hint='put it in quotes: __glibc: "2.28"'
        )
    found = text(value, at)
    if name == "__cuda":
        # the image's own variables follow `cuda:`, and must not speak of another version
        raise FieldError(
            "is what `cuda:` tells",
            at=at,
            hint="write it there; here null takes it away from a platform without a GPU",
        )
    if not _VIRTUAL_VALUE.fullmatch(found):
        raise FieldError(
            "is not a version", at=at, hint='write it like "2.28", or "1 x86_64_v3" with a build'
        )
    return found


def cpu_allowed(value: object, at: str) -> CpuAllowed:
    """Return the packages that may come without CUDA: ``true`` is all of them."""
    if isinstance(value, bool):
        return "all" if value else frozenset()
    return frozenset(each(items(value, at), _name, at=at))


def _name(value: object, at: str) -> str:
    found = word(value, at).lower()
    if not _NAME.fullmatch(found):
        raise FieldError(
            f"{found!r} is not the name of a package", at=at, hint="leave version and build away"
        )
    return found


def boolean(value: object, at: str) -> bool:
    """Return true or false, written as such."""
    return typed(value, bool, at=at)


def image_path(value: object, at: str) -> str:
    """Return an absolute path inside of the image, in its shortest form."""
    found = word(value, at)
    if not found.startswith("/"):
        raise FieldError("is not absolute", at=at, hint=f"write it as /{found.lstrip('./')}")
    if ".." in found.split("/"):
        raise FieldError("climbs up with `..`", at=at, hint="write the path that it leads to")
    return "/" + posixpath.normpath(found).lstrip("/")


def app_destination(value: object, at: str) -> str:
    """Return an absolute path that keeps its trailing slash: it makes a file go into a folder."""
    found = image_path(value, at)
    return found + "/" if str(value).endswith("/") and found != "/" else found


def prefix(value: object, at: str) -> str:
    """Return the path that the environment has inside of the image."""
    found = image_path(value, at)
    if found == "/":
        raise FieldError("is the whole image", at=at, hint="use a folder of its own: /opt/env")
    if hidden := hidden_link(found.lstrip("/")):
        link, better = hidden
        raise FieldError(
            f"would hide /{link}, a link in most images", at=at, hint=f"write /{better}"
        )
    if len(found.encode()) > LONGEST_PREFIX:
        raise FieldError(
            f"is longer than {LONGEST_PREFIX} bytes",
            at=at,
            hint="packages have no room for a longer one",
        )
    if not re.fullmatch(r"[A-Za-z0-9_./+-]+", found):
        raise FieldError(
            "has a character that the first line of a script cannot hold",
            at=at,
            hint="use letters, digits and . _ + -",
        )
    return found


def user(value: object, at: str) -> str:
    """Return ``USER[:GROUP]``, names or numbers."""
    found = text(value, at)
    if not _USER.fullmatch(found) or any(
        part.isdigit() and int(part) > _HIGHEST_ID for part in found.split(":")
    ):
        raise FieldError("is not a user", at=at, hint='write it like "1000:0" or app:app')
    return found


def variables(value: object, at: str) -> dict[str, str]:
    """Return environment variables by name."""
    found = text_mapping(value, at)
    for name in found:
        if not _VARIABLE.fullmatch(name):
            raise FieldError(f"{name!r} is not the name of a variable", at=at)
    return found


def labels(value: object, at: str) -> dict[str, str]:
    """Return labels by key."""
    found = text_mapping(value, at)
    if any(not key or any(map(str.isspace, key)) for key in found):
        raise FieldError("a key is empty or has blanks", at=at)
    return found


def apt_package(value: object, at: str) -> str:
    """Return a package of Debian's or Ubuntu's, with its version where one is given."""
    found = word(value, at)
    if not _APT.fullmatch(found):
        raise FieldError(
            f"{found!r} is not a package of apt's", at=at, hint="write it like libgl1 or tini=0.19*"
        )
    return found


def port(value: object, at: str) -> int:
    """Return a TCP or UDP port."""
    found = typed(value, int, at=at)
    if not 1 <= found <= _HIGHEST_PORT:
        raise FieldError(f"is not between 1 and {_HIGHEST_PORT}", at=at)
    return found


def exposed_port(value: object, at: str) -> str:
    """Return a port with its protocol, tcp where none is given, as image-spec config.md has it."""
    if isinstance(value, int):
        return f"{port(value, at)}/tcp"
    found = _PORT.fullmatch(text(value, at))
    if found is None:
        raise FieldError("is not a port", at=at, hint="write it like 8000 or 8000/udp")
    return f"{port(int(found['port']), at)}/{found['protocol'] or 'tcp'}"


def command(value: object, at: str) -> tuple[str, ...]:
    """Return a program and its arguments."""
    found = words(value, at)
    if not found:
        raise FieldError("is empty", at=at)
    return found


def duration(value: object, at: str) -> float:
    """Return the seconds in ``1h30m``, ``30s`` or ``500ms``; engines know no less than 1 ms."""
    hint = "write it like 30s, 1m30s or 500ms"
    if isinstance(value, int | float):
        raise FieldError("has no unit", at=at, hint=hint)
    found = text(value, at)
    parts = _DURATION.fullmatch(found)
    if not found or parts is None:
        raise FieldError("is not a duration", at=at, hint=hint)
    seconds = sum(float(n) * _SECONDS[unit] for unit, n in parts.groupdict().items() if n)
    if not _SHORTEST_DURATION <= seconds <= _LONGEST_DURATION:
        raise FieldError("is shorter than 1 ms, or longer than 11 days", at=at)
    return seconds


def retries(value: object, at: str) -> int:
    """Return how often a check may fail."""
    found = typed(value, int, at=at)
    if not 1 <= found <= _MOST_RETRIES:
        raise FieldError(f"is not between 1 and {_MOST_RETRIES}", at=at)
    return found


def module(value: object, at: str) -> str:
    """Return the dotted name of a Python module."""
    found = word(value, at)
    if not all(part.isidentifier() for part in found.split(".")):
        raise FieldError("is not a module", at=at, hint="write it as after `import`")
    return found


def path_glob(value: object, at: str) -> str:
    """Return ``GLOB`` or ``PACKAGE:GLOB``: paths in the prefix, of any package or of some."""
    found = word(value, at)
    package, colon, glob = found.partition(":")
    if not colon or "/" in package:
        glob = found
    elif not _PACKAGES.fullmatch(package):
        raise FieldError(f"{package!r} is not a package", at=at, hint=_GLOB_EXAMPLE)
    for mistake, problem, hint in _GLOB_MISTAKES:
        if mistake.search(glob):
            raise FieldError(problem, at=at, hint=hint)
    if re.search(r"[][]", _GLOB_RANGE.sub(_ascending, glob)):
        raise FieldError("has a broken [range]", at=at, hint="write it like [a-z] or [!0-9]")
    return found


def _ascending(found: re.Match[str]) -> str:
    ranges = re.finditer(r"(.)-(.)", found["ranges"], re.DOTALL)
    return "" if all(each[1] <= each[2] for each in ranges) else found[0]
