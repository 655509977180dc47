"""The ``conda-meta`` record of an installed package: what conda, mamba and scanners read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry
from condabox.content import BytesContent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.entry import PrefixEntry
    from condabox.conda.packages.metadata import ListedPath, PackageMetadata

_FROM_INDEX = (
    "arch",
    "build_number",
    "constrains",
    "depends",
    "extra_depends",
    "features",
    "flags",
    "license",
    "license_family",
    "noarch",
    "platform",
    "python_site_packages_path",
    "timestamp",
    "track_features",
)
_FROM_ABOUT = ("license", "license_family")
_NO_HASH = "0" * 64  # what rattler gives to directories


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedPath:
    """An entry and how it came to be.

    ``listed`` is None for the script of an entry point.  ``sha256`` is that of the bytes in the
    prefix (of a link: of its target), or None where they are the ones that the package listed.
    """

    entry: PrefixEntry
    listed: ListedPath | None
    sha256: str | None


def record_path(package: LockedPackage) -> str:
    """Return where the record of ``package`` lies, relative to the prefix."""
    return f"conda-meta/{package.name}-{package.version}-{package.build}.json"


def package_record(
    metadata: PackageMetadata,
    package: LockedPackage,
    *,
    linked: Iterable[LinkedPath],
    archive_size: int,
) -> FileEntry:
    """Return the record of ``package``, with rattler's fields.

    What would tell where and how it was installed is blank, and the URL is the locked one, so that
    the same package gives the same bytes everywhere.
    """
    rows = sorted((_row(each) for each in linked), key=lambda row: str(row["_path"]).encode())
    known = {key: metadata.about.get(key) for key in _FROM_ABOUT}
    known |= {key: metadata.index[key] for key in _FROM_INDEX if metadata.index.get(key)}
    record = {
        "build_number": 0,
        "depends": [],
        **{key: value for key, value in known.items() if value is not None},
        "build": package.build,
        "channel": package.url.rsplit("/", 2)[0],
        "extracted_package_dir": "",
        "files": [row["_path"] for row in rows],
        "fn": package.filename,
        "link": {"source": "", "type": 1},
        "name": package.name,
        "package_tarball_full_path": "",
        "paths_data": {"paths": rows, "paths_version": 1},
        "requested_specs": [],
        "sha256": package.sha256,
        "size": archive_size,
        "subdir": package.subdir,
        "url": package.url,
        "version": package.version,
    }
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return FileEntry(
        path=record_path(package), content=BytesContent(text.encode()), executable=False
    )


def _row(linked: LinkedPath) -> dict[str, object]:
    listed = linked.listed
    path_type, size, sha256 = _measured(linked)
    row: dict[str, object] = {"_path": linked.entry.path, "size_in_bytes": size}
    if listed is None:
        return {**row, "path_type": "unix_python_entry_point", "sha256": sha256}
    row["path_type"] = path_type
    if listed.sha256 is not None:
        row["sha256"] = listed.sha256
    if sha256 is not None and sha256 != listed.sha256:
        row["sha256_in_prefix"] = sha256
    if listed.no_link:
        row["no_link"] = True
    if listed.placeholder is not None and path_type == "hardlink":
        row["file_mode"] = listed.placeholder.mode
        row["prefix_placeholder"] = listed.placeholder.text
    return row


def _measured(linked: LinkedPath) -> tuple[str, int, str | None]:
    match linked.entry:
        case FileEntry(content=content):
            return "hardlink", content.size, linked.sha256
        case LinkEntry(target=target):
            # As rattler has it: what builders list is the size of the file behind the link.
            listed = linked.listed.size if linked.listed else None
            size = len(target.encode()) if listed is None else listed
            return "softlink", size, linked.sha256
        case DirectoryEntry():
            return "directory", 0, _NO_HASH
