"""What is installed, as package managers have written it down: conda, pip and dpkg.

Records are foreign, and so is what they claim.  One that is damaged tells of nothing, and a path
counts only where the manager may have put it: below the environment that the record lies in.
"""

from __future__ import annotations

import csv
import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping, required, strings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.inspection.report import Manager

_MOST_PATHS = 200_000
"""No package has as many files."""
_LONGEST_WORD = 200
"""Characters of a name or a version."""

_DPKG = "var/lib/dpkg/"
_STATUS = f"{_DPKG}status"
_STATUS_FOLDER = f"{_DPKG}status.d/"
"""Where images without a shell have a file for each package."""
_LISTS = f"{_DPKG}info/"
_SUMS = ".md5sums"

_INFO = (".dist-info", ".egg-info")
_FILE_LISTS = ("RECORD", "installed-files.txt")
_IN_INFO = (*_FILE_LISTS, "METADATA", "PKG-INFO")
_SITES = ("site-packages", "dist-packages")
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPackage:
    """One package, as one record tells of it.

    Paths are relative to the root, without a leading slash.  dpkg tells versions and files in
    different records, so that ``version`` or ``paths`` may be empty.
    """

    name: str
    version: str
    build: str = ""
    manager: Manager
    prefix: str
    """The environment; for wheels the folder that has them all."""
    record: str
    """The path of the file that tells of it."""
    paths: frozenset[str] = frozenset()


def is_record(path: str) -> bool:
    """Say whether a file is one that `read_record` reads."""
    folder, _, name = path.rpartition("/")
    if name in _IN_INFO:
        return folder.endswith(_INFO)
    if name.endswith(".json"):
        return folder.rpartition("/")[2] == "conda-meta"
    return name.endswith(".egg-info") or (path.startswith(_DPKG) and _is_debian(path))


def lists_files(record: str) -> bool:
    """Say whether a record has to be read: of some everything is told by their paths."""
    name = record.rpartition("/")[2]
    return name in _FILE_LISTS or not (name in _IN_INFO or name.endswith(".egg-info"))


def info_folder(path: str) -> str | None:
    """Return the folder of a wheel's or egg's record that ``path`` lies in, if it does."""
    folder = path.rpartition("/")[0]
    return folder if folder.endswith(_INFO) else None


def read_record(path: str, data: bytes) -> tuple[InstalledPackage, ...] | None:
    """Return the packages that a record tells of; None for one that is damaged."""
    try:
        if path.startswith(_DPKG):
            return tuple(_debian(path, data.decode(errors="surrogateescape")))
        if path.endswith(".json"):
            return (_conda(path, data),)
        return (_python(path, data.decode(errors="surrogateescape")),)
    except (ValueError, csv.Error, RecursionError):
        return None


def _conda(path: str, data: bytes) -> InstalledPackage:
    prefix = path.rpartition("/")[0].removesuffix("conda-meta").rstrip("/")
    document = mapping(json.loads(data), at="")
    files = document.get("files")
    if files is None:
        rows = mapping(document.get("paths_data"), at="").get("paths")
        files = [mapping(row, at="").get("_path") for row in rows] if isinstance(rows, list) else []
    return InstalledPackage(
        name=_word(required(document, "name", str, at="")),
        version=_word(required(document, "version", str, at="")),
        build=_word(str(document.get("build") or "")),
        manager="conda",
        prefix=prefix,
        record=path,
        paths=_below(prefix, strings(files, at="files"), around=prefix),
    )


def _python(path: str, text: str) -> InstalledPackage:
    folder = info_folder(path) or path
    site, _, info = folder.rpartition("/")
    name, _, rest = info.rpartition(".")[0].partition("-")
    claimed: Sequence[str] = ()
    start = site
    if path.endswith("/RECORD"):
        claimed = [row[0] for row in csv.reader(text.splitlines()) if row]
    elif path.endswith("/installed-files.txt"):
        claimed, start = text.splitlines(), folder
    return InstalledPackage(
        name=_word(_SEPARATORS.sub("-", name).lower()),
        version=_word(rest.partition("-")[0]),
        manager="pip",
        prefix=site,
        record=path,
        paths=_below(start, claimed, around=_environment(site)),
    )


def _environment(site: str) -> str:
    """Return the prefix whose ``lib/python3.12/site-packages`` is ``site``, or ``site`` itself."""
    parts = site.split("/")
    if parts[-1] not in _SITES:
        return site
    parts.pop()
    if parts and parts[-1].startswith("python"):
        parts.pop()
    if parts and parts[-1] in {"lib", "lib64"}:
        parts.pop()
    return "/".join(parts)


def _is_debian(path: str) -> bool:
    return (
        path == _STATUS
        or path.startswith(_STATUS_FOLDER)
        or (path.startswith(_LISTS) and path.endswith(".list"))
    )


def _debian(path: str, text: str) -> Iterator[InstalledPackage]:
    name = path.rpartition("/")[2]
    if name.endswith(".list"):
        yield _files_of(name.removesuffix(".list").partition(":")[0], path, text.splitlines())
    elif name.endswith(_SUMS):
        listed = [line.partition(" ")[2].strip() for line in text.splitlines()]
        yield _files_of(name.removesuffix(_SUMS), path, listed)
    else:
        for section in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in section.splitlines() if ": " in line)
            if "Package" in fields:
                yield InstalledPackage(
                    name=_word(fields["Package"]),
                    version=_word(fields.get("Version", "")),
                    manager="deb",
                    prefix="",
                    record=path,
                )


def _files_of(name: str, path: str, listed: Sequence[str]) -> InstalledPackage:
    return InstalledPackage(
        name=_word(name),
        version="",
        manager="deb",
        prefix="",
        record=path,
        paths=_below("", listed, around=""),
    )


def _word(text: str) -> str:
    if len(text) > _LONGEST_WORD:
        raise DecodeError(f"has {len(text)} characters", at="")
    return text


def _below(folder: str, claimed: Sequence[str], *, around: str) -> frozenset[str]:
    """Return the paths that ``claimed``, relative to ``folder``, mean, if they are in ``around``.

    Absolute ones are in the image's root.
    """
    if len(claimed) > _MOST_PATHS:
        raise DecodeError(f"there are {len(claimed)} files", at="")
    inside = f"{around}/" if around else ""
    found = (posixpath.normpath(posixpath.join("/", folder, each)).lstrip("/") for each in claimed)
    return frozenset(path for path in found if path and path.startswith(inside))
