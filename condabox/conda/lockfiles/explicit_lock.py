"""Reads explicit locks: below ``@EXPLICIT``, the URL of one package on each line (CEP 23)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.conda.envfile.reading import FieldError
from condabox.conda.lockfiles.foreign_lock import (
    channel_of,
    conda_package,
    foreign_lock,
    hexadecimal,
    shown,
    subdir,
    wheel,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from condabox.conda.lockfiles.foreign_lock import ForeignLock
    from condabox.conda.lockfiles.lockfile import LockedPackage

NO_SUBDIR = "noarch"
"""The subdir of a lock that does not tell its platform, and whose packages are for all of them."""

_MARK = "@EXPLICIT"
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<subdir>\S+)")
_WITHOUT_URL = re.compile(r"#\s*no URL for:\s*(?P<name>\S+)")
# conda-lock has no other place for wheels; `conda-lock install` gives these lines to pip
_WHEEL = re.compile(
    r"#\s*pip\s+(?P<name>\S+)\s+@\s+(?P<url>[^\s#]+)"
    r"(?:(?:#|\s+--hash=)sha256[=:](?P<sha256>\S+))?.*"
)
_MD5_LENGTH = 32


def parse_explicit_lock(data: bytes, *, path: Path) -> ForeignLock:
    """Read the content of an explicit lock, which is for one subdir.

    Raise FieldError for what is none.
    """
    reader = _Reader()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise FieldError("is not UTF-8", at=f"line {number}", hint="save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), start=1):
        reader.read(line.strip(), at=f"line {number}")
    packages = reader.packages.values()
    if not packages:
        raise FieldError("names no package", at="")
    return foreign_lock(
        path,
        data,
        channels=(channel_of(package.url) for package in packages if package.manager == "conda"),
        packages={_subdir(packages, told=reader.told): packages},
        md5=reader.md5,
        refused={},
    )


class _Reader:
    """Takes the lines one by one.  ``told`` are the platforms that comments name."""

    def __init__(self) -> None:
        self.packages: dict[tuple[str, str], LockedPackage] = {}
        self.md5: dict[str, str] = {}
        self.told: list[str] = []

    def read(self, line: str, *, at: str) -> None:
        if line.startswith("#"):
            self._comment(line, at=at)
        elif line and line != _MARK:
            self._conda(line, at=at)

    def _comment(self, line: str, *, at: str) -> None:
        if match := _PLATFORM.fullmatch(line):
            self.told.append(subdir(match["subdir"], at=at))
        elif match := _WITHOUT_URL.fullmatch(line):
            raise FieldError(
                f"conda knew no address of {shown(match['name'])}, so the lock is not complete",
                at=at,
                hint="install the package from a channel, and make the lock again",
            )
        elif match := _WHEEL.fullmatch(line):
            sha256 = hexadecimal(match["sha256"], "sha256", at=at) if match["sha256"] else ""
            self._add(wheel(match["name"], match["url"], at=at, sha256=sha256), at=at)

    def _conda(self, line: str, *, at: str) -> None:
        url, _, text = line.partition("#")
        md5 = sha256 = ""
        if text.startswith("sha256:") or len(text) > _MD5_LENGTH:
            sha256 = hexadecimal(text.removeprefix("sha256:"), "sha256", at=at)
        elif text:
            md5 = hexadecimal(text, "md5", at=at)
        package = conda_package(url, at=at, sha256=sha256)
        if md5 and self.md5.setdefault(package.url, md5) != md5:
            raise FieldError(f"{package.name} is there twice, with another md5", at=at)
        self._add(package, at=at)

    def _add(self, package: LockedPackage, *, at: str) -> None:
        known = self.packages.setdefault((package.manager, package.name), package)
        if known != package:
            raise FieldError(
                f"{package.name} is there twice: {known.version} and {package.version}",
                at=at,
                hint="is the file made of two locks?",
            )


def _subdir(packages: Iterable[LockedPackage], *, told: Iterable[str]) -> str:
    found = {package.subdir for package in packages if package.manager == "conda"} - {"noarch"}
    found |= set(told)
    if len(found) > 1:
        raise FieldError(
            f"has packages for {' and '.join(sorted(found))}",
            at="",
            hint="an explicit lock is for one platform: make one for each",
        )
    return found.pop() if found else NO_SUBDIR
