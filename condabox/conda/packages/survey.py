"""Takes the inventory of a conda package, mostly without unpacking it."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from condabox.conda.packages.archive import MemberKind, PackageArchive
from condabox.conda.packages.inventory import PREFIX_MARK, PackageInventory
from condabox.conda.packages.link import destinations
from condabox.conda.packages.metadata import read_metadata
from condabox.conda.packages.placeholder import replace_in_text
from condabox.conda.packages.record import record_path

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.metadata import PackageMetadata
    from condabox.conda.packages.python import PythonInfo

_ACTIVATION = re.compile(r"etc/conda/(?:activate\.d/[^/]*\.sh|env_vars\.d/[^/]*\.json)")
_LINK_SCRIPT = re.compile(r"bin/\.[^/]*-(?:pre|post)-link\.sh")
_MAX_SCRIPT = 1 << 20
_MAX_LINKS = 8


def conda_inventory(
    path: Path, package: LockedPackage, *, python: PythonInfo | None
) -> PackageInventory:
    """Read what the archive at ``path`` installs.

    Of a ``.conda`` only the info component is read, and the payload where activation is in it.
    """
    archive = PackageArchive(path=path, name=package.filename)
    metadata = read_metadata(archive)
    places = destinations(metadata, python=python, package=archive.name)
    scripts = {entry_point.path for entry_point in metadata.entry_points}
    paths = sorted({*places.values(), *scripts, record_path(package)}, key=str.encode)
    directories = {places[each.path] for each in metadata.paths if each.path_type == "directory"}
    return PackageInventory(
        paths=tuple(paths),
        archive_size=archive.size,
        timestamp=metadata.timestamp,
        link_scripts=tuple(each for each in paths if _LINK_SCRIPT.fullmatch(each)),
        activation=_activation(archive, metadata),
        directories=tuple(sorted(directories, key=str.encode)),
        site_packages=metadata.site_packages,
    )


def _activation(archive: PackageArchive, metadata: PackageMetadata) -> dict[str, str]:
    listed = {each.path: each for each in metadata.paths if _ACTIVATION.fullmatch(each.path)}
    texts: dict[str, str] = {}
    for path, data in sorted(_read_files(archive, set(listed)).items()):
        placeholder = listed[path].placeholder
        if placeholder is not None:
            old, new = placeholder.text.encode(), PREFIX_MARK.encode()
            data = b"".join(replace_in_text((data,), placeholder=old, prefix=new))  # noqa: PLW2901
        texts[path] = data.decode(errors="replace")
    return texts


def _read_files(archive: PackageArchive, paths: set[str]) -> dict[str, bytes]:
    """Return the contents of ``paths``, through links within the package."""
    contents: dict[str, bytes] = {}
    wanted = {path: {path} for path in paths}  # a member's path, and whose contents it has
    for _ in range(_MAX_LINKS):
        if not wanted:
            break
        linked: dict[str, set[str]] = {}
        for member in archive.members():
            names = wanted.pop(member.path, None)
            if names is None:
                continue
            if member.kind is MemberKind.FILE:
                data = member.read(limit=_MAX_SCRIPT)
                contents |= dict.fromkeys(names, data)
            elif member.kind is not MemberKind.DIRECTORY:
                target = member.target
                if member.kind is MemberKind.LINK:
                    folder = posixpath.dirname(member.path)
                    target = posixpath.normpath(posixpath.join(folder, target))
                linked.setdefault(target, set()).update(names)
            if not wanted:
                break
        wanted = linked
    return contents
