"""What a conda package says of itself below ``info/``, in today's form and in the old one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from condabox.conda.packages.archive import normal_path
from condabox.conda.packages.entry_points import EntryPoint
from condabox.decode import DecodeError, each, mapping, optional, required
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.conda.packages.archive import PackageArchive
    from condabox.decode import JSON

PathType = Literal["hardlink", "softlink", "directory"]
FileMode = Literal["text", "binary"]

OLD_PLACEHOLDER = "/opt/" + "".join(f"anaconda{number}" for number in (1, 2, 3))
"""What ``has_prefix`` means when it names no placeholder.

It is put together here so that builders of conda packages do not replace it in this very file.
"""

_MAX_PLACEHOLDER = 4096  # no path is longer on Linux
_MILLISECONDS_SINCE = 253_402_300_799  # the year 9999 in seconds: more than that are milliseconds
_LATEST = 0o77777777777  # the year 2242 in seconds: the last that the header of a tar can say

_WORD = r'"(?:\\.|[^"\\])*"|[^\s"]\S*'
_HAS_PREFIX = re.compile(rf"(?P<prefix>{_WORD})\s+(?P<mode>(?i:text|binary))\s+(?P<path>{_WORD})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """The prefix that a file was built for, and how to replace it there."""

    text: str
    mode: FileMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPath:
    """One path that a package wants to be installed; ``path`` is the one in the archive.

    ``path_type``, ``sha256`` and ``size`` are what the package says; the old form says none of it.
    """

    path: str
    path_type: PathType | None = None
    placeholder: Placeholder | None = None
    no_link: bool = False
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageMetadata:
    """The files below ``info/`` that decide about installing; paths are unique.

    ``site_packages`` is where a ``python`` package looks for modules, if it is not the usual place.
    """

    index: JSON
    about: JSON
    paths: tuple[ListedPath, ...]
    entry_points: tuple[EntryPoint, ...]
    noarch_python: bool
    site_packages: str | None

    @property
    def timestamp(self) -> int | None:
        """When the package was built, in seconds; None where that is not told or cannot be."""
        stamp = self.index.get("timestamp")
        if type(stamp) is not int:
            return None
        seconds = stamp // 1000 if stamp > _MILLISECONDS_SINCE else stamp
        return seconds if 0 < seconds <= _LATEST else None


def read_metadata(archive: PackageArchive) -> PackageMetadata:
    """Read what ``archive`` says of itself; raise InstallError when that makes no sense."""
    info = archive.info_files()
    try:
        index = _document(info, "index.json")
        noarch_python = index.get("noarch") == "python"
        paths = (
            _paths(_document(info, "paths.json"), package=archive.name)
            if "paths.json" in info
            else _old_paths(info, package=archive.name)
        )
        return PackageMetadata(
            index=index,
            about=_document(info, "about.json") if "about.json" in info else {},
            paths=paths,
            entry_points=_entry_points(info) if noarch_python else (),
            noarch_python=noarch_python,
            site_packages=_site_packages(index, package=archive.name),
        )
    except DecodeError as error:
        raise InstallError(f"{archive.name}: {error}") from None


def _document(info: Mapping[str, bytes], name: str) -> JSON:
    at = f"info/{name}"
    if name not in info:
        raise DecodeError("is missing", at=at)
    try:
        document = json.loads(info[name], parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"is not JSON: {error}", at=at) from None
    return mapping(document, at=at)


def _site_packages(index: JSON, *, package: str) -> str | None:
    path = optional(index, "python_site_packages_path", str, at="info/index.json")
    return normal_path(path, package=package) if path else None


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _paths(document: JSON, *, package: str) -> tuple[ListedPath, ...]:
    def read(item: object, at: str) -> ListedPath:
        entry = mapping(item, at=at)
        path_type = required(entry, "path_type", str, at=at)
        if path_type not in {"hardlink", "softlink", "directory"}:
            raise DecodeError(f"{path_type!r} is not a known type", at=f"{at}.path_type")
        return ListedPath(
            path=normal_path(required(entry, "_path", str, at=at), package=package),
            path_type=path_type,  # type: ignore[arg-type]
            placeholder=_placeholder(
                optional(entry, "prefix_placeholder", str, at=at),
                optional(entry, "file_mode", str, at=at),
                at=at,
            ),
            no_link=optional(entry, "no_link", bool, at=at) or False,
            sha256=optional(entry, "sha256", str, at=at),
            size=optional(entry, "size_in_bytes", int, at=at),
        )

    found = each(document.get("paths"), read, at="info/paths.json: paths")
    return tuple({listed.path: listed for listed in found}.values())


def _old_paths(info: Mapping[str, bytes], *, package: str) -> tuple[ListedPath, ...]:
    if "files" not in info:
        raise DecodeError("is missing, and so is info/files", at="info/paths.json")
    placeholders: dict[str, Placeholder | None] = {}
    for number, line in enumerate(_lines(info, "has_prefix"), start=1):
        at = f"info/has_prefix: line {number}"
        found = _HAS_PREFIX.fullmatch(line)
        path = _unquoted(found["path"] if found else line)
        placeholders[normal_path(path, package=package)] = _placeholder(
            _unquoted(found["prefix"]) if found else OLD_PLACEHOLDER,
            found["mode"].lower() if found else "text",
            at=at,
        )
    no_link = {*_lines(info, "no_link"), *_lines(info, "no_softlink")}
    paths = {normal_path(line, package=package): line for line in _lines(info, "files")}
    return tuple(
        ListedPath(path=path, placeholder=placeholders.get(path), no_link=line in no_link)
        for path, line in paths.items()
    )


def _placeholder(text: str | None, mode: str | None, *, at: str) -> Placeholder | None:
    if not text or mode is None:
        return None
    if mode not in {"text", "binary"}:
        raise DecodeError(f"{mode!r} is not a known mode", at=f"{at}.file_mode")
    if len(text) > _MAX_PLACEHOLDER or not text.isprintable():
        raise DecodeError("is not a path", at=f"{at}.prefix_placeholder")
    return Placeholder(text=text, mode=mode)  # type: ignore[arg-type]


def _entry_points(info: Mapping[str, bytes]) -> tuple[EntryPoint, ...]:
    if "link.json" not in info:
        return ()
    noarch = required(_document(info, "link.json"), "noarch", dict, at="info/link.json")
    return each(
        noarch.get("entry_points", []),
        lambda item, at: EntryPoint.parse(str(item), at=at),
        at="info/link.json: noarch.entry_points",
    )


def _lines(info: Mapping[str, bytes], name: str) -> list[str]:
    try:
        text = info.get(name, b"").decode()
    except UnicodeDecodeError:
        raise DecodeError("is not valid UTF-8", at=f"info/{name}") from None
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]


def _unquoted(word: str) -> str:
    if word.startswith('"') and word.endswith('"') and len(word) > 1:
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word
