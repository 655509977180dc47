"""Reads ``.conda`` and ``.tar.bz2`` packages as streams of members, and trusts nothing in them."""

from __future__ import annotations

import bz2
import functools
import tarfile
import zipfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import IO, TYPE_CHECKING

import zstandard
from conda_package_streaming.package_streaming import tar_generator

from condabox.content import CHUNK_SIZE
from condabox.errors import InstallError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_MEMBERS = 1_000_000
MAX_INFO_SIZE = 64 << 20
"""The largest file below ``info/`` that is read; 200 000 paths need about 50 MiB."""

INFO_FILES = frozenset(
    {
        "about.json",
        "files",
        "has_prefix",
        "index.json",
        "link.json",
        "no_link",
        "no_softlink",
        "paths.json",
    }
)
"""What below ``info/`` decides about installing; the rest is for people and builders."""

TEST_FILES = frozenset({"info/test/run_test.py", "info/tests/tests.yaml"})
"""Where conda-build and rattler-build keep a package's tests, as far as they are for Python."""

MAX_TEST_SIZE = 1 << 20
"""Bytes."""

_MAX_HEADER = 1 << 20
_TAR_BUFFER = 1 << 16  # tarfile copies what is left of its buffer on every small read

_ZIP = b"PK\x03\x04"
_BZIP2 = b"BZh"

_EXTENDED_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)

# What the standard library and zstandard raise for broken archives, taken together.
_BROKEN = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
)


class MemberKind(Enum):
    """What a member of a package can be; everything else is refused."""

    FILE = auto()
    LINK = auto()
    HARD_LINK = auto()
    DIRECTORY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a package, readable until the next one is asked for.

    ``path`` is relative and normal.  ``target`` is what a link says, as it stands there, or the
    path of the earlier member that a hard link names.
    """

    path: str
    kind: MemberKind
    executable: bool
    target: str
    package: str
    data: IO[bytes] | None

    def chunks(self) -> Iterator[bytes]:
        """Yield a file's bytes in pieces of at most 1 MiB; nothing for anything but a file."""
        if self.data is None:
            return
        while True:
            with _reading(self.package):
                chunk = self.data.read(CHUNK_SIZE)
            if not chunk:
                return
            yield chunk

    def read(self, *, limit: int) -> bytes:
        """Return a file's bytes at once; raise InstallError when there are more than ``limit``."""
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            if len(data) > limit:
                raise InstallError(f"{self.package}: {self.path} is larger than {limit} bytes")
        return bytes(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageArchive:
    """A conda package on disk; its first bytes, not its name, tell the format.

    ``name`` is what messages call it.
    """

    path: Path
    name: str

    @property
    def size(self) -> int:
        """The number of bytes of the archive itself."""
        with _reading(self.name):
            return self.path.stat().st_size

    def info_files(self) -> Mapping[str, bytes]:
        """Return those of `INFO_FILES` that are there, by name.

        Of a ``.conda`` only the info component is read.  A ``.tar.bz2`` is read up to its payload
        when everything that matters comes before it, as conda-build has written it since 2017.
        """
        found: dict[str, bytes] = {}
        for member in self._members(components=("info-",)):
            folder, _, name = member.path.rpartition("/")
            if folder == "info" and name in INFO_FILES and member.kind is MemberKind.FILE:
                found[name] = member.read(limit=MAX_INFO_SIZE)
            elif member.path.partition("/")[0] != "info" and _complete(found):
                break
        return found

    def files_of_tests(self) -> Mapping[str, bytes]:
        """Return those of `TEST_FILES` that are there, by path; of what is too large nothing.

        Of a ``.tar.bz2`` only what stands before the payload is read.
        """
        found: dict[str, bytes] = {}
        for member in self._members(components=("info-",)):
            if member.path.partition("/")[0] != "info":
                break
            if member.path in TEST_FILES and member.kind is MemberKind.FILE:
                with suppress(InstallError):
                    found[member.path] = member.read(limit=MAX_TEST_SIZE)
        return found

    def members(self) -> Iterator[Member]:
        """Yield every member, those below ``info/`` included.

        Raise UnsafePathError for a name that leaves the package, for devices and pipes, and for
        what lies behind a link; InstallError for all else that is not a sound archive.
        """
        links: set[str] = set()
        seen: set[str] = set()
        for count, member in enumerate(self._members(components=("pkg-", "info-")), start=1):
            if count > MAX_MEMBERS:
                raise InstallError(f"{self.name} has more than {MAX_MEMBERS} members")
            if member.path in seen:
                raise InstallError(f"{self.name}: {member.path} is there twice")
            if links and (link := first_parent_in(member.path, links)):
                raise UnsafePathError(
                    f"{self.name}: {member.path} lies behind the symbolic link {link}"
                )
            if member.kind is not MemberKind.DIRECTORY:  # tar may repeat directories
                seen.add(member.path)
            if member.kind is MemberKind.LINK:
                links.add(member.path)
            yield member

    def _members(self, *, components: tuple[str, ...]) -> Iterator[Member]:
        with _reading(self.name), self.path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(_BZIP2):
                with bz2.open(file) as reader:
                    yield from self._tar_members(reader)
            elif magic == _ZIP:
                with zipfile.ZipFile(file) as archive:
                    for prefix in components:
                        yield from self._tar_members(self._component(archive, prefix))
            else:
                raise InstallError(f"{self.name} is neither a .conda nor a .tar.bz2 package")

    def _component(self, archive: zipfile.ZipFile, prefix: str) -> IO[bytes]:
        found = [
            info
            for info in archive.infolist()
            if info.filename.startswith(prefix) and info.filename.endswith(".tar.zst")
        ]
        if len(found) != 1 or found[0].compress_type != zipfile.ZIP_STORED:
            raise InstallError(f"{self.name} has not exactly one stored {prefix}*.tar.zst")
        reader: IO[bytes] = zstandard.ZstdDecompressor().stream_reader(
            archive.open(found[0]), read_across_frames=True, closefd=True
        )
        return reader

    def _tar_members(self, reader: IO[bytes]) -> Iterator[Member]:
        open_tar = functools.partial(tarfile.TarFile.open, bufsize=_TAR_BUFFER, tarinfo=_Header)
        for tar, header in tar_generator(reader, tarfile_open=open_tar, closefd=True):
            tar.members.clear()  # else every header is kept until the end
            member = self._member(tar, header)
            if member is not None:
                yield member

    def _member(self, tar: tarfile.TarFile, header: tarfile.TarInfo) -> Member | None:
        if header.isdir() and not header.name.strip("./"):
            return None  # the package's root
        kind = _kind(header)
        path = normal_path(header.name, package=self.name)
        if kind is None:
            raise UnsafePathError(f"{self.name}: {path} is no file, directory or link")
        target = ""
        if kind is MemberKind.HARD_LINK:
            target = normal_path(header.linkname, package=self.name)
        elif kind is MemberKind.LINK:
            target = _text(header.linkname, package=self.name)
        return Member(
            path=path,
            kind=kind,
            executable=bool(header.mode & 0o111),
            target=target,
            package=self.name,
            data=tar.extractfile(header) if kind is MemberKind.FILE else None,
        )


def normal_path(name: str, *, package: str) -> str:
    """Return ``name`` without empty and ``.`` parts; raise UnsafePathError if it leaves the root.

    ``package`` is the name that the message gives.
    """
    parts = [part for part in _text(name, package=package).split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts or not parts:
        raise UnsafePathError(f"{package}: {name!r} is not a path inside of the prefix")
    return "/".join(parts)


def first_parent_in(path: str, paths: set[str]) -> str | None:
    """Return the topmost directory above ``path`` that is one of ``paths``."""
    end = path.find("/")
    while end >= 0:
        if path[:end] in paths:
            return path[:end]
        end = path.find("/", end + 1)
    return None


class _Header(tarfile.TarInfo):
    """A tar header that does not make tarfile read extended headers of any size into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        too_large = header.type in _EXTENDED_HEADERS and header.size > _MAX_HEADER
        if too_large or header.size < 0:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


def _kind(header: tarfile.TarInfo) -> MemberKind | None:
    if header.issym():
        return MemberKind.LINK
    if header.islnk():
        return MemberKind.HARD_LINK
    if header.isdir():
        return MemberKind.DIRECTORY
    # A sparse file of a few bytes can claim to be petabytes; no builder writes any.
    return MemberKind.FILE if header.isreg() and not header.issparse() else None


def _text(name: str, *, package: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UnsafePathError(f"{package}: {name!r} is not valid UTF-8") from None
    if "\0" in name:
        raise UnsafePathError(f"{package}: {name!r} contains a NUL")
    return name


def _complete(info: Mapping[str, bytes]) -> bool:
    # Only noarch packages have a link.json, and nothing promises that it comes early.
    needed = {"index.json", "paths.json"}
    if b'"noarch"' in info.get("index.json", b""):
        needed.add("link.json")
    return needed <= info.keys()


@contextmanager
def _reading(package: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise InstallError(
            f"{package} cannot be read: {reason}",
            hint="the archive is damaged, or was never a conda package",
        ) from None
