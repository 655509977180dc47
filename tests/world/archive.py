"""Turn a staged tree into a conda package of either format, with all its metadata."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import zstandard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PLACEHOLDER_LENGTH = 255
_CHUNK = 1 << 20
# Speed matters more than size here: the world is made on the machine that uses it.
_ZSTD_LEVEL = 3

JsonObject = dict[str, object]


def placeholder(name: str) -> str:
    """Return the prefix that conda-build would have built ``name`` in, 255 characters long."""
    start = f"/home/conda/feedstock_root/build_artifacts/{name}_1700000000000/_h_env"
    missing = PLACEHOLDER_LENGTH - len(start)
    return start + ("_placehold" * (missing // 10 + 1))[:missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a package says of itself beside its files; ``timestamp`` is in seconds."""

    name: str
    version: str
    build: str
    subdir: str
    license: str
    summary: str
    timestamp: int
    build_number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: Literal["python", "generic"] | None = None
    entry_points: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    tar_bz2: bool = False

    @property
    def stem(self) -> str:
        """The file's name without its extension."""
        return f"{self.name}-{self.version}-{self.build}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A package on disk and its entry in ``repodata.json``."""

    path: Path
    subdir: str
    record: JsonObject


def write_package(staging: Path, metadata: Metadata, *, directory: Path) -> Built:
    """Write everything under ``staging`` as one package into ``directory``."""
    paths = _paths(staging, placeholder(metadata.name))
    index = _index(metadata)
    info = _info_files(metadata, index=index, paths=paths, licenses=_licenses(staging))
    names = [str(entry["_path"]) for entry in paths]
    if metadata.tar_bz2:
        path = directory / f"{metadata.stem}.tar.bz2"
        _write_tar_bz2(path, staging, names, info=info, metadata=metadata)
    else:
        path = directory / f"{metadata.stem}.conda"
        _write_conda(path, staging, names, info=info, metadata=metadata)
    sha256, md5 = _file_digests(path)
    record = {**index, "md5": md5, "sha256": sha256, "size": path.stat().st_size}
    return Built(path=path, subdir=metadata.subdir, record=record)


def _paths(staging: Path, prefix: str) -> list[JsonObject]:
    entries: list[JsonObject] = []
    for path in sorted(staging.rglob("*"), key=os.fsencode):
        name = path.relative_to(staging).as_posix()
        if path.is_symlink():
            target = path.resolve()
            content = target.read_bytes() if target.is_file() else b""
            entries.append(_path_entry(name, "softlink", content))
        elif path.is_file():
            content = path.read_bytes()
            entry = _path_entry(name, "hardlink", content)
            if prefix.encode() in content:
                entry["prefix_placeholder"] = prefix
                entry["file_mode"] = "binary" if b"\0" in content else "text"
            entries.append(entry)
    return entries


def _path_entry(name: str, path_type: str, content: bytes) -> JsonObject:
    return {
        "_path": name,
        "path_type": path_type,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }


def _index(metadata: Metadata) -> JsonObject:
    index: JsonObject = {
        "build": metadata.build,
        "build_number": metadata.build_number,
        "constrains": list(metadata.constrains),
        "depends": list(metadata.depends),
        "license": metadata.license,
        "name": metadata.name,
        "subdir": metadata.subdir,
        "timestamp": metadata.timestamp * 1000,
        "version": metadata.version,
    }
    if metadata.noarch is not None:
        index["noarch"] = metadata.noarch
    else:
        index["platform"], _, arch = metadata.subdir.partition("-")
        index["arch"] = {"64": "x86_64"}.get(arch, arch)
    return index


def _info_files(
    metadata: Metadata,
    *,
    index: JsonObject,
    paths: Sequence[JsonObject],
    licenses: Mapping[str, bytes],
) -> dict[str, bytes]:
    about = {"license": metadata.license, "summary": metadata.summary}
    names = "".join(f"{entry['_path']}\n" for entry in paths)
    files = {
        "info/about.json": _json(about),
        "info/files": names.encode(),
        "info/index.json": _json(index),
        "info/paths.json": _json({"paths": list(paths), "paths_version": 1}),
        **{f"info/licenses/{name}": text for name, text in licenses.items()},
    }
    prefixed = [entry for entry in paths if "prefix_placeholder" in entry]
    if prefixed:
        rows = (f'{e["prefix_placeholder"]} {e["file_mode"]} "{e["_path"]}"\n' for e in prefixed)
        files["info/has_prefix"] = "".join(rows).encode()
    if metadata.noarch is not None:
        noarch: JsonObject = {"type": metadata.noarch}
        if metadata.noarch == "python":
            noarch["entry_points"] = list(metadata.entry_points)
        files["info/link.json"] = _json({"noarch": noarch, "package_metadata_version": 1})
    if metadata.imports:
        test = "".join(f"import {name}\n" for name in metadata.imports)
        files["info/test/run_test.py"] = test.encode()
    return files


def _licenses(staging: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(staging.glob("share/doc/*/copyright")):
        if path.is_file():
            found[f"{path.parent.name}.copyright"] = path.read_bytes()
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def _write_conda(
    path: Path,
    staging: Path,
    names: Sequence[str],
    *,
    info: Mapping[str, bytes],
    metadata: Metadata,
) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("metadata.json"), b'{"conda_pkg_format_version": 2}')
        for part in ("info", "pkg"):
            member = zipfile.ZipInfo(f"{part}-{metadata.stem}.tar.zst")
            compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
            with (
                archive.open(member, "w", force_zip64=True) as out,
                compressor.stream_writer(out, closefd=False) as compressed,
                tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                if part == "info":
                    _add_info(tar, info, mtime=metadata.timestamp)
                else:
                    _add_files(tar, staging, names, mtime=metadata.timestamp)


def _write_tar_bz2(
    path: Path,
    staging: Path,
    names: Sequence[str],
    *,
    info: Mapping[str, bytes],
    metadata: Metadata,
) -> None:
    with tarfile.open(path, "w:bz2", format=tarfile.PAX_FORMAT) as tar:
        _add_info(tar, info, mtime=metadata.timestamp)
        _add_files(tar, staging, names, mtime=metadata.timestamp)


def _add_info(tar: tarfile.TarFile, info: Mapping[str, bytes], *, mtime: int) -> None:
    for name, content in sorted(info.items()):
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(content), mtime, 0o644
        tar.addfile(member, io.BytesIO(content))


def _add_files(tar: tarfile.TarFile, staging: Path, names: Sequence[str], *, mtime: int) -> None:
    for name in names:
        path = staging / name
        member = tarfile.TarInfo(name)
        member.mtime = mtime
        if path.is_symlink():
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            member.mode = 0o777
            tar.addfile(member)
            continue
        status = path.stat()
        member.size = status.st_size
        member.mode = 0o755 if status.st_mode & 0o100 else 0o644
        with path.open("rb") as stream:
            tar.addfile(member, stream)


def _file_digests(path: Path) -> tuple[str, str]:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()
