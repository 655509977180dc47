"""Makes small conda packages, sound and hostile ones, byte for byte the same on every call.

    archive = make_package(
        tmp_path,
        "tool",
        "1.2",
        files={
            "bin/tool": File(f"#!{PLACEHOLDER}/bin/python\n", executable=True),
            "lib/libtool.so.1": b"\\0binary\\0",
            "lib/libtool.so": Link("libtool.so.1"),
            "share/tool": Directory(),
        },
        depends=["python >=3.11"],
    )
    package = locked(archive)

Text and bytes that contain `PLACEHOLDER` are listed in ``paths.json`` as files with a prefix
(binary when they hold a NUL, text otherwise), everything else without.  ``write_archive`` takes raw
tar members, for what no sane builder writes.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import posixpath
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import zstandard

from condabox.conda.lockfiles.lockfile import LockedPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PLACEHOLDER = "/home/conda/feedstock_root/build_artifacts/" + "placehold_" * 21
"""What stands in a package for the prefix that it will get; longer than any sane prefix."""

CHANNEL = "https://conda.anaconda.org/conda-forge"

TIMESTAMP = 1_700_000_000_000
"""When every package was built, in milliseconds."""

ArchiveFormat = Literal["conda", "tar.bz2"]
Member = tuple[tarfile.TarInfo, bytes]


@dataclass(frozen=True, slots=True)
class File:
    """A file; ``placeholder`` and ``file_mode`` are found in ``data`` where they are None."""

    data: bytes | str
    executable: bool = False
    placeholder: str | None = None
    file_mode: Literal["text", "binary"] | None = None
    no_link: bool = False
    listed: bool = True

    @property
    def content(self) -> bytes:
        return self.data.encode() if isinstance(self.data, str) else self.data


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str
    listed: bool = True


@dataclass(frozen=True, slots=True)
class HardLink:
    """A second name for ``target``, an earlier file of the same package."""

    target: str


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that is listed in ``paths.json``, as rattler-build does for empty ones."""


Entry = File | Link | HardLink | Directory
Shipped = bytes | str | Entry


def make_package(
    directory: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, Shipped] | None = None,
    depends: Sequence[str] = (),
    build: str = "0",
    noarch: Literal["python", "generic"] | None = None,
    subdir: str | None = None,
    entry_points: Sequence[str] = (),
    archive_format: ArchiveFormat = "conda",
    old_style: bool = False,
    index: Mapping[str, object] | None = None,
    info: Mapping[str, bytes] | None = None,
) -> Path:
    """Write ``directory/NAME-VERSION-BUILD.(conda|tar.bz2)`` and return its path.

    ``files`` keep their order in the archive.  ``noarch`` implies the subdir.  ``old_style`` lists
    the files as before 2017 (``files``, ``has_prefix``, ``no_link``) instead of in ``paths.json``.
    ``index`` adds to or replaces parts of ``index.json``; ``info`` adds or replaces whole files
    below ``info/``.
    """
    shipped = {path: _as_entry(entry) for path, entry in (files or {}).items()}
    index_json: dict[str, object] = {
        "arch": None,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "license": "MIT",
        "name": name,
        "subdir": subdir or ("noarch" if noarch else "linux-64"),
        "timestamp": TIMESTAMP,
        "version": version,
        **({"noarch": noarch} if noarch else {}),
        **(index or {}),
    }
    info_files = {
        "about.json": _json({"license": "MIT", "summary": f"{name} for tests"}),
        "index.json": _json(index_json),
        **(_old_lists(shipped) if old_style else {"paths.json": _json(_paths_json(shipped))}),
    }
    if noarch == "python":
        noarch_links = {"type": "python", "entry_points": list(entry_points)}
        info_files["link.json"] = _json({"noarch": noarch_links, "package_metadata_version": 1})
    return write_archive(
        directory / f"{name}-{version}-{build}.{archive_format}",
        info={**info_files, **(info or {})},
        members=[_member(path, entry) for path, entry in shipped.items()],
    )


def write_archive(path: Path, *, info: Mapping[str, bytes], members: Iterable[Member]) -> Path:
    """Write raw tar ``members`` and the files of ``info/`` as the package that ``path`` names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    info_members = [file_member(f"info/{name}", data) for name, data in sorted(info.items())]
    if path.name.endswith(".conda"):
        stem = path.name.removesuffix(".conda")
        parts = {
            "metadata.json": _json({"conda_pkg_format_version": 2}),
            f"pkg-{stem}.tar.zst": zstandard.compress(tar_bytes(members)),
            f"info-{stem}.tar.zst": zstandard.compress(tar_bytes(info_members)),
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in parts.items():
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
    else:
        path.write_bytes(bz2.compress(tar_bytes([*info_members, *members])))
    return path


def tar_bytes(members: Iterable[Member]) -> bytes:
    """Return an uncompressed tar of ``members``, in their order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def file_member(name: str, data: bytes = b"", *, mode: int = 0o644) -> Member:
    """Return a regular file for `write_archive`."""
    member = special_member(name, tarfile.REGTYPE, mode=mode)
    member.size = len(data)
    return member, data


def special_member(
    name: str, kind: bytes, *, target: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    """Return a tar member without data; ``kind`` is ``tarfile.SYMTYPE``, ``FIFOTYPE`` …"""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode, member.mtime = kind, target, mode, 1_600_000_000
    return member


def locked(
    archive: Path, *, name: str = "", dependencies: Sequence[str] = (), category: str = "main"
) -> LockedPackage:
    """Return what a lock file would say of ``archive``, an artifact of conda-forge.

    The subdir is linux-64; see `dataclasses.replace` for others.
    """
    stem = archive.name.removesuffix(".conda").removesuffix(".tar.bz2")
    in_name, version, _ = stem.rsplit("-", 2)
    return LockedPackage(
        name=name or in_name,
        version=version,
        manager="conda",
        url=f"{CHANNEL}/linux-64/{archive.name}",
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        category=category,
        dependencies=tuple(dependencies),
    )


def locked_named(
    name: str,
    dependencies: Iterable[str] = (),
    *,
    subdir: str = "linux-64",
    manager: Literal["conda", "pip"] = "conda",
) -> LockedPackage:
    """Return a locked package of which only the name and the dependencies matter."""
    return LockedPackage(
        name=name,
        version="1",
        manager=manager,
        url=f"{CHANNEL}/{subdir}/{name}-1-0.conda",
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        category="main",
        dependencies=tuple(dependencies),
    )


def _as_entry(shipped: Shipped) -> Entry:
    return File(shipped) if isinstance(shipped, str | bytes) else shipped


def _placeholder(file: File) -> tuple[str, str] | None:
    placeholder = file.placeholder or (PLACEHOLDER if PLACEHOLDER.encode() in file.content else "")
    if not placeholder:
        return None
    return placeholder, file.file_mode or ("binary" if b"\0" in file.content else "text")


def _paths_json(shipped: Mapping[str, Entry]) -> dict[str, object]:
    rows = [
        {"_path": path, **_row(path, entry, shipped)}
        for path, entry in sorted(shipped.items())
        if not isinstance(entry, File | Link) or entry.listed
    ]
    return {"paths": rows, "paths_version": 1}


def _row(path: str, entry: Entry, shipped: Mapping[str, Entry]) -> dict[str, object]:
    match entry:
        case File():
            no_link = {"no_link": True} if entry.no_link else {}
            return {"path_type": "hardlink", **_measured(entry), **_patched(entry), **no_link}
        case HardLink():
            return {"path_type": "hardlink", **_patched(shipped[entry.target])}
        case Link():
            # conda-build lists the hash and the size of what is behind a link.
            behind = shipped.get(posixpath.normpath(posixpath.join(path, "..", entry.target)))
            return {"path_type": "softlink", **_measured(behind)}
        case Directory():
            return {"path_type": "directory"}


def _measured(entry: Entry | None) -> dict[str, object]:
    if not isinstance(entry, File):
        return {}
    sha256 = hashlib.sha256(entry.content).hexdigest()
    return {"sha256": sha256, "size_in_bytes": len(entry.content)}


def _patched(entry: Entry) -> dict[str, object]:
    if not isinstance(entry, File) or (found := _placeholder(entry)) is None:
        return {}
    return {"prefix_placeholder": found[0], "file_mode": found[1]}


def _old_lists(shipped: Mapping[str, Entry]) -> dict[str, bytes]:
    has_prefix = [
        f"{found[0]} {found[1]} {path}"
        for path, entry in shipped.items()
        if isinstance(entry, File) and (found := _placeholder(entry))
    ]
    no_link = [path for path, entry in shipped.items() if isinstance(entry, File) and entry.no_link]
    lists = {"files": list(shipped), "has_prefix": has_prefix, "no_link": no_link}
    return {
        name: "".join(f"{line}\n" for line in lines).encode()
        for name, lines in lists.items()
        if lines
    }


def _member(path: str, entry: Entry) -> Member:
    match entry:
        case File():
            return file_member(path, entry.content, mode=0o775 if entry.executable else 0o664)
        case Link():
            return special_member(path, tarfile.SYMTYPE, target=entry.target, mode=0o777), b""
        case HardLink():
            return special_member(path, tarfile.LNKTYPE, target=entry.target), b""
        case Directory():
            return special_member(path, tarfile.DIRTYPE, mode=0o755), b""


def _json(obj: object) -> bytes:
    return json.dumps(obj, sort_keys=True, indent=2).encode()
