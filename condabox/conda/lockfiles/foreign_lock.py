"""What locks of all makers have in common: packages by the URLs of their archives, checked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from condabox.conda.channels.channel import without_credentials
from condabox.conda.envfile.reading import FieldError
from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from urllib.parse import SplitResult

_SCHEMES = frozenset({"file", "http", "https", "oci", "s3", "gs"})
_WITH_HOST = _SCHEMES - {"file"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~]{0,127}")
_BUILD = re.compile(r"[A-Za-z0-9_.+]{1,127}")
_SUBDIR = re.compile(r"noarch|[a-z]{1,20}-[a-z0-9_]{1,20}")
_SUFFIX = re.compile(r"\.(?:conda|tar\.bz2)$")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!~=-]{0,254}")
_HASHES = {"md5": re.compile(r"[0-9a-f]{32}"), "sha256": re.compile(r"[0-9a-f]{64}")}
_MOST_SHOWN = 200

_PUBLISH = "publish it as a wheel, or lock without it and copy its code with `app: […]`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignLock:
    """A lock file that another tool wrote.

    ``md5`` is by URL, of those packages of ``file`` whose sha256 the lock does not tell: it is
    empty in ``file``, until `complete_hashes` has asked the channels.  ``refused`` are the subdirs
    that are locked too, and have packages that cannot be installed.
    """

    file: LockFile
    md5: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, FieldError] = field(default_factory=dict)


def foreign_lock(
    path: Path,
    data: bytes,
    *,
    channels: Iterable[str],
    packages: Mapping[str, Iterable[LockedPackage]],
    md5: Mapping[str, str],
    refused: Mapping[str, FieldError],
) -> ForeignLock:
    """Put together what was read from ``data``; ``packages`` are by subdir, ``channels`` URLs."""
    file = LockFile(
        path=path,
        digest=hashlib.sha256(data).hexdigest(),
        channels=tuple(dict.fromkeys(channels)),
        subdirs=tuple(sorted(packages)),
        packages={
            subdir: tuple(sorted(found, key=lambda package: (package.manager, package.name)))
            for subdir, found in sorted(packages.items())
        },
        inputs={},
        base=None,
        base_digests={},
    )
    without = {p.url for found in file.packages.values() for p in found if not p.sha256}
    return ForeignLock(
        file=file, md5={url: md5[url] for url in sorted(without & md5.keys())}, refused=refused
    )


def conda_package(
    location: str,
    *,
    at: str,
    sha256: str = "",
    dependencies: Iterable[str] = (),
    size: int | None = None,
) -> LockedPackage:
    """Return the package of a channel whose archive is at ``location``.

    Its name and version are what the archive is called by.  Raise FieldError for what is no such
    address.
    """
    parts = _split(location, at=at)
    folder, _, filename = parts.path.rpartition("/")
    name, version, build = _in_three(unquote(filename))
    if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version) and _BUILD.fullmatch(build)):
        raise FieldError(
            f"{shown(location)} is not the address of a conda package",
            at=at,
            hint="it ends in NAME-VERSION-BUILD.conda or .tar.bz2",
        )
    if _SUBDIR.fullmatch(folder.rpartition("/")[2]) is None:
        raise FieldError(
            f"{shown(location)} is not in a channel",
            at=at,
            hint="a channel has packages in folders such as linux-64 and noarch",
        )
    return LockedPackage(
        name=name,
        version=version,
        manager="conda",
        url=without_credentials(parts._replace(fragment="").geturl()),
        sha256=sha256,
        category="main",
        dependencies=tuple(sorted({name for name in dependencies if not name.startswith("__")})),
        size=size,
    )


def wheel(
    name: str, location: str, *, at: str, sha256: str, dependencies: Iterable[str] = ()
) -> LockedPackage:
    """Return the wheel at ``location``; raise FieldError for sources, paths and version control."""
    named = canonicalize_name(name[:_MOST_SHOWN])
    if _NAME.fullmatch(named) is None:
        raise FieldError(f"{shown(name)!r} is not a package's name", at=at)
    if "://" not in location or "+" in location.partition("://")[0]:
        raise FieldError(
            f"{named} is locked to {shown(location)}, which is no archive", at=at, hint=_PUBLISH
        )
    parts = _split(location, at=at)
    filename = unquote(parts.path.rpartition("/")[2])
    if not filename.endswith(".whl"):
        raise FieldError(
            f"{named} is locked to {shown(location)}, which is no wheel",
            at=at,
            hint="choose a version that has one, or take the package from a conda channel",
        )
    try:
        _, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        version = None
    if version is None or _FILENAME.fullmatch(filename) is None:
        raise FieldError(f"{shown(filename)!r} is not a wheel's filename", at=at)
    if not sha256:
        raise FieldError(
            f"{named} is locked without sha256",
            at=at,
            hint="take it from an index: the hash is what a build verifies it with",
        )
    return LockedPackage(
        name=named,
        version=str(version),
        manager="pip",
        # not the token of a conda channel: /t/ is also where indexes keep tqdm
        url=parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl(),
        sha256=sha256,
        category="main",
        dependencies=tuple(sorted(set(dependencies))),
    )


def channel_of(url: str) -> str:
    """Return the URL of the channel that has a conda package at ``url``."""
    return url.rsplit("/", 2)[0]


def subdir(text: str, *, at: str) -> str:
    """Return ``text`` if it can be the name of a subdir."""
    if _SUBDIR.fullmatch(text) is None:
        raise FieldError(f"{shown(text)!r} is not a platform", at=at)
    return text


def hexadecimal(text: str, kind: str, *, at: str) -> str:
    """Return ``text`` if it is a hash of the ``kind`` md5 or sha256."""
    if _HASHES[kind].fullmatch(text.lower()) is None:
        raise FieldError(f"{shown(text)!r} is not an {kind}", at=at)
    return text.lower()


def shown(text: str) -> str:
    """Return ``text`` as a message may repeat it: without credentials, and not too long."""
    try:
        text = without_credentials(text)
    except ValueError:
        return "the address"
    text = "".join(c if c.isprintable() else "?" for c in text[: _MOST_SHOWN + 1].partition("?")[0])
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _split(location: str, *, at: str) -> SplitResult:
    try:
        parts = urlsplit(location)
    except ValueError:
        raise FieldError("is not a URL", at=at) from None
    if "://" not in location or any(map(str.isspace, location)):
        raise FieldError(f"{shown(location)!r} is not a URL", at=at)
    if parts.scheme not in _SCHEMES or bool(parts.netloc) != (parts.scheme in _WITH_HOST):
        raise FieldError(f"packages cannot be downloaded from {shown(location)}", at=at)
    return parts


def _in_three(filename: str) -> tuple[str, str, str]:
    """Split NAME-VERSION-BUILD.conda; return nothing three times for another filename."""
    stem, is_package = _SUFFIX.subn("", filename)
    parts = stem.rsplit("-", 2)
    if not is_package or len(parts) != 3 or _FILENAME.fullmatch(filename) is None:  # noqa: PLR2004
        return "", "", ""
    return parts[0], parts[1], parts[2]
