"""Opens wheels and decides where each of their files goes, trusting none of their names."""

from __future__ import annotations

import configparser
import csv
import stat
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file
from installer.utils import (
    canonicalize_name,
    parse_entrypoints,
    parse_metadata_file,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from condabox.conda.packages.advice import LOCK_AGAIN
from condabox.conda.packages.bytecode import replaced_bytecode
from condabox.conda.packages.entry_points import EntryPoint
from condabox.content import CHUNK_SIZE
from condabox.errors import InstallError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.python import PythonInfo

_LARGEST_TEXT = 64 << 20
_LARGEST_RATIO = 1032  # deflate cannot do better; what claims to is a bomb
_ENCRYPTED = 0x1
_HASHES = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
# Written anew, or about another installation than this one.
_NOT_INSTALLED = frozenset(
    {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelMember:
    """A file of the archive and its place in the prefix."""

    info: zipfile.ZipInfo
    path: str
    is_script: bool

    @property
    def executable(self) -> bool:
        """Whether it may be run: scripts always, other files as the archive says."""
        mode = self.info.external_attr >> 16
        return self.is_script or (stat.S_ISREG(mode) and mode & 0o111 != 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """An open wheel whose names and metadata were checked.

    ``dist_info`` and the keys of ``entry_points`` are paths in the prefix, the keys of ``record``
    names in the archive.
    """

    filename: str
    archive: zipfile.ZipFile
    python: PythonInfo
    dist_info: str
    members: tuple[WheelMember, ...]
    entry_points: Mapping[str, EntryPoint]
    record: Mapping[str, RecordEntry]

    def chunks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the file's bytes, of which there are never more than the archive declares."""
        with self.archive.open(info) as stream:
            while chunk := stream.read(CHUNK_SIZE):
                yield chunk

    def read_text(self, info: zipfile.ZipInfo) -> str:
        """Return the text of a small file."""
        return _read_text(self.archive, info, self.filename)


@contextmanager
def open_wheel(
    archive: Path, package: LockedPackage, *, python: PythonInfo | None
) -> Iterator[Wheel]:
    """Open ``archive``; raise InstallError for everything that is wrong with it, then or later."""
    filename = package.filename
    if not filename.endswith(".whl"):
        raise InstallError(
            f"{package.name} {package.version} is locked as a source distribution, {filename}",
            hint=f"choose a version of {package.name} that has wheels, or take it from conda",
        )
    if python is None:
        raise InstallError(
            f"{filename} needs Python, and the environment has none",
            hint="add python to the environment's dependencies",
        )
    try:
        with zipfile.ZipFile(archive) as opened:
            yield _read(opened, package, python, size=archive.stat().st_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise InstallError(
            f"{filename}: the wheel is damaged: {str(error) or 'it ends too early'}",
            hint="remove it from the cache and try again",
        ) from None
    except (NotImplementedError, RuntimeError) as error:  # unknown compression or flags
        raise InstallError(f"{filename}: the wheel cannot be read: {error}") from None
    except OSError as error:
        raise InstallError(f"{archive} cannot be read: {error.strerror or error}") from None


def _read(
    archive: zipfile.ZipFile, package: LockedPackage, python: PythonInfo, *, size: int
) -> Wheel:
    filename = package.filename
    infos = _checked_infos(archive, filename, size=size)
    stem = _dist_info_stem(infos, package)
    files = _TextFiles(archive=archive, infos=infos, filename=filename, folder=f"{stem}.dist-info")
    _check_wheel_file(files)
    name = _check_metadata(files, package)
    places = _Places(
        filename=filename,
        site_packages=python.site_packages,
        headers=f"include/{PurePosixPath(python.site_packages).parent.name}/{name}",
    )
    entry_points = {places.of_entry_point(point.command): point for point in _entry_points(files)}
    members = places.of_members(infos.values(), stem)
    return Wheel(
        filename=filename,
        archive=archive,
        python=python,
        dist_info=f"{python.site_packages}/{stem}.dist-info",
        members=tuple(member for member in members if member.path not in entry_points),
        entry_points=entry_points,
        record=_record(files),
    )


def _checked_infos(
    archive: zipfile.ZipFile, filename: str, *, size: int
) -> dict[str, zipfile.ZipInfo]:
    """Return the files by name, after every name and size was found harmless.

    ``size`` is the archive's own, in bytes: files that share bytes of it are a bomb.
    """
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        parts = info.filename.removesuffix("/").split("/")
        unsafe = not all(parts) or {".", ".."} & {*parts} or "\\" in info.filename
        if unsafe or info.orig_filename.partition("\0")[1] or ":" in parts[0]:
            raise UnsafePathError(f"{filename}: the path {info.orig_filename!r} is not allowed")
        if info.flag_bits & _ENCRYPTED:
            raise InstallError(f"{filename}: {info.filename} is encrypted")
        if info.is_dir():
            continue
        if info.filename in infos:
            raise InstallError(f"{filename}: {info.filename} is in the archive twice")
        infos[info.filename] = info
    packed = sum(info.compress_size for info in infos.values())
    unpacked = sum(info.file_size for info in infos.values())
    if packed > size or unpacked > _LARGEST_RATIO * packed:
        raise InstallError(f"{filename}: the archive claims to hold more than it can")
    return infos


def _dist_info_stem(infos: Iterable[str], package: LockedPackage) -> str:
    """Return ``name-version``, as the one ``.dist-info`` folder has it."""
    folders = {name.split("/")[0] for name in infos if "/" in name}
    found = sorted(name for name in folders if name.endswith(".dist-info"))
    if len(found) != 1:
        listed = ", ".join(found) or "none"
        raise InstallError(
            f"{package.filename}: a wheel has exactly one .dist-info folder, this one: {listed}"
        )
    stem = found[0].removesuffix(".dist-info")
    name, _, version = stem.rpartition("-")
    _check_same(package, name, version, where=found[0])
    try:
        of_file = parse_wheel_filename(package.filename)
    except ValueError:
        raise InstallError(f"{package.filename} is not the name of a wheel") from None
    _check_same(package, of_file.distribution, of_file.version, where="its name")
    return stem


def _check_same(package: LockedPackage, name: str, version: str, *, where: str) -> None:
    same_name = canonicalize_name(name) == canonicalize_name(package.name)
    if not same_name or _version(version) != _version(package.version):
        raise InstallError(
            f"{package.filename} is locked as {package.name} {package.version}, "
            f"but {where} says {name} {version}",
            hint=LOCK_AGAIN.format(name=package.name),
        )


def _version(text: str) -> Version | str:
    try:
        return Version(text.replace("_", "-"))
    except InvalidVersion:
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextFiles:
    """The texts of the ``.dist-info`` folder."""

    archive: zipfile.ZipFile
    infos: Mapping[str, zipfile.ZipInfo]
    filename: str
    folder: str

    def get(self, name: str) -> str | None:
        info = self.infos.get(f"{self.folder}/{name}")
        return None if info is None else _read_text(self.archive, info, self.filename)

    def require(self, name: str) -> str:
        text = self.get(name)
        if text is None:
            raise InstallError(f"{self.filename}: {self.folder}/{name} is missing")
        return text


def _read_text(archive: zipfile.ZipFile, info: zipfile.ZipInfo, filename: str) -> str:
    if info.file_size > _LARGEST_TEXT:
        raise InstallError(f"{filename}: {info.filename} is too large")
    return archive.read(info).decode()


def _check_wheel_file(files: _TextFiles) -> None:
    fields = parse_metadata_file(files.require("WHEEL"))
    at = f"{files.filename}: {files.folder}/WHEEL"
    version = str(fields["Wheel-Version"])
    if not version.strip().startswith("1."):
        raise InstallError(
            f"{at}: Wheel-Version is {version}, condabox reads 1.x", hint="update condabox"
        )
    purelib = str(fields["Root-Is-Purelib"])
    # Both kinds have the same place in a conda prefix, so the value itself is not needed.
    if purelib.strip().lower() not in {"true", "false"}:
        raise InstallError(f"{at}: Root-Is-Purelib is {purelib}, not true or false")


def _check_metadata(files: _TextFiles, package: LockedPackage) -> str:
    """Return the distribution's name as its author writes it."""
    fields = parse_metadata_file(files.require("METADATA"))
    name, version = str(fields["Name"]).strip(), str(fields["Version"]).strip()
    _check_same(package, name, version, where=f"{files.folder}/METADATA")
    return name


def _entry_points(files: _TextFiles) -> list[EntryPoint]:
    text = files.get("entry_points.txt") or ""
    at = f"{files.filename}: {files.folder}/entry_points.txt"
    try:
        points = sorted(parse_entrypoints(text), key=lambda point: (point[3], point[0]))
        return [
            EntryPoint(command=name, module=module, function=function)
            for name, module, function, _ in points
        ]
    except (configparser.Error, AssertionError) as error:
        reason = " ".join(str(error).split()) or "an entry point is not module:function"
        raise InstallError(f"{at}: {reason}") from None


def _record(files: _TextFiles) -> dict[str, RecordEntry]:
    at = f"{files.filename}: {files.folder}/RECORD"
    try:
        rows = parse_record_file(files.require("RECORD").splitlines())
        record = {row[0]: RecordEntry.from_elements(*row) for row in rows}
    except (InvalidRecordEntry, csv.Error) as error:
        raise InstallError(f"{at}: {error}") from None
    for name, entry in record.items():
        if entry.hash_ is not None and entry.hash_.name not in _HASHES:
            raise InstallError(f"{at}: {name} has a {entry.hash_.name}, which is no hash of files")
        info = files.infos.get(name)
        if info is not None and entry.size not in {None, info.file_size}:
            raise InstallError(f"{at}: {name} has {entry.size} bytes, not {info.file_size}")
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where pip's posix prefix scheme puts the parts of a wheel."""

    filename: str
    site_packages: str
    headers: str

    def of_entry_point(self, name: str) -> str:
        if "/" in name or "\0" in name or name in {".", ".."}:
            raise UnsafePathError(f"{self.filename}: the entry point {name!r} is not a file name")
        return f"bin/{name}"

    def of_members(self, infos: Iterable[zipfile.ZipInfo], stem: str) -> list[WheelMember]:
        members: dict[str, WheelMember] = {}
        for info in infos:
            folder, _, rest = info.filename.partition("/")
            if folder == f"{stem}.dist-info" and rest in _NOT_INSTALLED:
                continue
            path, is_script = self._of_file(info.filename)
            if path in members:
                raise InstallError(f"{self.filename}: two files would become {path}")
            members[path] = WheelMember(info=info, path=path, is_script=is_script)
        self._check_parents(members)
        replaced = replaced_bytecode(members)
        return [member for path, member in members.items() if path not in replaced]

    def _of_file(self, name: str) -> tuple[str, bool]:
        """Return the path in the prefix, and whether it is one of the wheel's scripts."""
        top, _, rest = name.partition("/")
        if not top.endswith(".data"):
            return f"{self.site_packages}/{name}", False
        scheme, _, path = rest.partition("/")
        places = {
            "purelib": self.site_packages,
            "platlib": self.site_packages,
            "headers": self.headers,
            "scripts": "bin",
        }
        if path and scheme == "data":
            return path, False
        if not path or scheme not in places:
            raise InstallError(f"{self.filename}: {name} belongs to no known part of a wheel")
        return f"{places[scheme]}/{path}", scheme == "scripts"

    def _check_parents(self, members: Mapping[str, WheelMember]) -> None:
        for path in members:
            for parent in PurePosixPath(path).parents:
                if str(parent) in members:
                    raise InstallError(
                        f"{self.filename}: {parent} would be a file and a folder at once"
                    )
