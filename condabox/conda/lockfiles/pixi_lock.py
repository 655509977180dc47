"""Reads one environment of a ``pixi.lock``, whose format is rattler's, versions 6 and 7."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from condabox.conda.channels.channel import ChannelNames
from condabox.conda.envfile.reading import FieldError
from condabox.conda.lockfiles.foreign_lock import (
    conda_package,
    foreign_lock,
    hexadecimal,
    shown,
    subdir,
    wheel,
)
from condabox.conda.lockfiles.inputs import package_of
from condabox.decode import each, join, mapping, optional, required, sequence, strings
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.foreign_lock import ForeignLock
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.decode import JSON

DEFAULT_ENVIRONMENT = "default"

_VERSIONS = ("6", "7")
_KINDS = ("conda", "conda_source", "pypi")
_LONGEST_SIZE = 15  # digits, in bytes: larger than any archive
_DIRECT = "direct+"
"""What pixi writes before the URL of a package that comes from no index."""


def parse_pixi_lock(
    document: object, *, data: bytes, path: Path, environment: str | None
) -> ForeignLock:
    """Read ``environment`` of ``document``, the YAML that ``data`` is; None is the default one.

    Packages of other environments are not looked at.  Raise DecodeError for what is no such file.
    """
    root = mapping(document, at="")
    _check_version(root)
    found, at = _environment(root, environment or DEFAULT_ENVIRONMENT)
    reader = _Reader(root)
    packages, refused = {}, {}
    for name, platform, chosen in _platforms(root, found, at=at):
        try:
            packages[name] = reader.packages(chosen, at=join(join(at, "packages"), platform))
        except FieldError as error:
            refused[name] = error
    return foreign_lock(
        path,
        data,
        channels=_channels(found, at=at),
        packages=packages,
        md5=reader.md5,
        refused=refused,
    )


def _check_version(root: JSON) -> None:
    version = required(root, "version", str, at="")
    if version not in _VERSIONS:
        newer = version.isdecimal() and len(version) < 5 and int(version) > int(_VERSIONS[-1])  # noqa: PLR2004
        raise FieldError(
            f"{shown(version)} is not a version of pixi.lock that condabox reads: 6 and 7 are",
            at="version",
            hint="update condabox" if newer else "make the file again with today's pixi",
        )


def _environment(root: JSON, name: str) -> tuple[JSON, str]:
    environments = mapping(root.get("environments"), at="environments")
    if name not in environments:
        raise FieldError(
            f"there is no {shown(name)!r}, only {shown(', '.join(sorted(environments)))}",
            at="environments",
            hint="choose one of them with --environment",
        )
    at = join("environments", name)
    return mapping(environments[name], at=at), at


def _channels(environment: JSON, *, at: str) -> tuple[str, ...]:
    def read(item: object, where: str) -> tuple[str, ...]:
        url = required(mapping(item, at=where), "url", str, at=where)
        try:
            return ChannelNames().canonical([url])
        except (SpecError, ValueError):
            raise FieldError("is not a channel", at=where) from None

    at = join(at, "channels")
    return tuple(url for urls in each(environment.get("channels", []), read, at=at) for url in urls)


def _platforms(root: JSON, environment: JSON, *, at: str) -> Iterable[tuple[str, str, object]]:
    """Yield each subdir, the environment's platform for it, and what that consists of.

    Since version 7 platforms have names of their own, and several may be for one subdir: then the
    one counts that is called like it.
    """
    at = join(at, "packages")
    packages = mapping(environment.get("packages"), at=at)
    subdirs = _subdirs(root)
    by_subdir: dict[str, list[str]] = {}
    for platform in packages:
        where = join(at, platform)
        if subdirs is None:
            by_subdir.setdefault(subdir(platform, at=where), []).append(platform)
        elif platform in subdirs:
            by_subdir.setdefault(subdirs[platform], []).append(platform)
        else:
            raise FieldError("is not among the platforms of the file", at=where)
    for name, platforms in sorted(by_subdir.items()):
        if name not in platforms and len(platforms) > 1:
            raise FieldError(
                f"{', '.join(map(shown, sorted(platforms)))} are all for {name}",
                at=at,
                hint=f"condabox takes the one that is called {name}",
            )
        chosen = name if name in platforms else platforms[0]
        yield name, chosen, packages[chosen]


def _subdirs(root: JSON) -> Mapping[str, str] | None:
    """Return the subdir of every platform by its name; None in a file that has no such names."""
    if "platforms" not in root:
        return None

    def read(item: object, at: str) -> tuple[str, str]:
        entry = mapping(item, at=at)
        name = required(entry, "name", str, at=at)
        return name, subdir(optional(entry, "subdir", str, at=at) or name, at=at)

    return dict(each(root["platforms"], read, at="platforms"))


class _Reader:
    """Looks packages up and reads those that are asked for."""

    def __init__(self, root: JSON) -> None:
        self.md5: dict[str, str] = {}
        self._entries: dict[tuple[str, str], tuple[JSON, str]] = {}
        for index, item in enumerate(sequence(root.get("packages"), at="packages")):
            at = join("packages", index)
            entry = mapping(item, at=at)
            # of entries that differ in what else they tell, the first one counts
            self._entries.setdefault(_identity(entry, at=at), (entry, at))

    def packages(self, selectors: object, *, at: str) -> list[LockedPackage]:
        """Return the packages that ``selectors`` name, each manager's with a name once."""
        found: dict[tuple[str, str], LockedPackage] = {}
        for index, item in enumerate(sequence(selectors, at=at)):
            where = join(at, index)
            identity = _identity(mapping(item, at=where), at=where)
            if identity not in self._entries:
                raise FieldError(f"{shown(identity[1])} is not below `packages`", at=where)
            entry, place = self._entries[identity]
            package = self._read(*identity, entry, at=place)
            known = found.setdefault((package.manager, package.name), package)
            if known != package:
                raise FieldError(
                    f"{package.name} is there twice: {known.version} and {package.version}",
                    at=where,
                )
        return list(found.values())

    def _read(self, kind: str, location: str, entry: JSON, *, at: str) -> LockedPackage:
        hashes = {
            name: hexadecimal(required(entry, name, str, at=at), name, at=join(at, name))
            for name in ("md5", "sha256")
            if name in entry
        }
        if kind == "pypi":
            return wheel(
                required(entry, "name", str, at=at),
                location.removeprefix(_DIRECT),
                at=join(at, kind),
                sha256=hashes.get("sha256", ""),
                dependencies=_requirements(entry, at=at),
            )
        package = conda_package(
            _address(kind, location, at=join(at, kind)),
            at=join(at, kind),
            sha256=hashes.get("sha256", ""),
            dependencies=map(package_of, strings(entry.get("depends", []), at=join(at, "depends"))),
            size=_size(entry, at=at),
        )
        if "md5" in hashes:
            self.md5[package.url] = hashes["md5"]
        return package


def _identity(entry: JSON, *, at: str) -> tuple[str, str]:
    for kind in _KINDS:
        if kind in entry:
            return kind, required(entry, kind, str, at=at)
    raise FieldError(f"is none of {', '.join(_KINDS)}", at=at, hint="update condabox")


def _address(kind: str, location: str, *, at: str) -> str:
    """Return the URL of a conda package's archive; channels in folders are written as paths."""
    is_archive = location.endswith((".conda", ".tar.bz2")) and not location.startswith("git+")
    if kind == "conda_source" or not is_archive:
        raise FieldError(
            f"{shown(location)} is built from its source by pixi",
            at=at,
            hint="publish the package in a channel, or lock without it",
        )
    if "://" in location:
        return location
    if not location.startswith("/"):
        raise FieldError(
            f"{shown(location)} is a path beside the file",
            at=at,
            hint="publish the package in a channel",
        )
    return PurePosixPath(location).as_uri()


def _requirements(entry: JSON, *, at: str) -> Iterable[str]:
    """Return the projects that a wheel needs, without those of its extras."""
    at = join(at, "requires_dist")
    for index, text in enumerate(strings(entry.get("requires_dist", []), at=at)):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            raise FieldError(f"{shown(text)!r} is not a requirement", at=join(at, index)) from None
        if "extra ==" not in str(requirement.marker or ""):
            yield canonicalize_name(requirement.name)


def _size(entry: JSON, *, at: str) -> int | None:
    text = optional(entry, "size", str, at=at)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_SIZE):
        raise FieldError(f"{shown(text)!r} is not a size in bytes", at=join(at, "size"))
    return int(text)
