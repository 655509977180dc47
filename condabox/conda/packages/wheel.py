"""Turns wheels into entries of the prefix, as PyPA's binary distribution format says."""

from __future__ import annotations

import base64
import hashlib
import shlex
from typing import TYPE_CHECKING

from installer.records import Hash, RecordEntry
from installer.utils import Scheme, construct_record_file

from condabox.conda.packages.entry import FileEntry, sorted_entries
from condabox.conda.packages.entry_points import entry_point_script
from condabox.conda.packages.inventory import PackageInventory
from condabox.conda.packages.wheel_archive import open_wheel
from condabox.content import CHUNK_SIZE, BytesContent
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.entry import PrefixEntry, Spool
    from condabox.conda.packages.python import PythonInfo
    from condabox.conda.packages.wheel_archive import Wheel, WheelMember
    from condabox.content import Content

INSTALLER = b"condabox\n"
"""Who put the files there, for pip and other readers of ``INSTALLER``."""

_LONGEST_SHEBANG = 127  # what Linux reads of the line, `#!` and newline included


def link_wheel(
    archive: Path,
    package: LockedPackage,
    *,
    prefix: str,
    python: PythonInfo | None,
    spool: Spool,
    without: frozenset[str] = frozenset(),
) -> tuple[PrefixEntry, ...]:
    """Return what pip would put into ``prefix``, but for byte code and ``direct_url.json``.

    Entry points become the scripts that conda makes of them, whose text no library decides.

    Every file is verified against the wheel's RECORD while it is read.  The installed RECORD lists
    what is installed, generated scripts and INSTALLER included, byte code excluded.  What has a
    path in ``without`` is neither there nor listed.
    """
    with open_wheel(archive, package, python=python) as wheel:
        executable = f"{prefix}/{wheel.python.executable}"
        installed = _Installed(wheel, without=without)
        for member in wheel.members:
            if member.path in without:
                continue
            content, digest = _content(wheel, member, executable=executable, spool=spool)
            installed.add(member.path, content, digest, executable=member.executable)
        for path, point in wheel.entry_points.items():
            script = entry_point_script(point, prefix=prefix, python=wheel.python)
            installed.add_bytes(path, script, executable=True)
        installed.add_bytes(f"{wheel.dist_info}/INSTALLER", INSTALLER, executable=False)
        return installed.with_record()


def wheel_inventory(
    archive: Path, package: LockedPackage, *, python: PythonInfo | None
) -> PackageInventory:
    """Tell what `link_wheel` would return from the archive's table of contents."""
    with open_wheel(archive, package, python=python) as wheel:
        paths = {
            *(member.path for member in wheel.members),
            *wheel.entry_points,
            f"{wheel.dist_info}/INSTALLER",
            f"{wheel.dist_info}/RECORD",
        }
        return PackageInventory(
            paths=tuple(sorted(paths, key=str.encode)),
            archive_size=archive.stat().st_size,
            timestamp=None,
            link_scripts=(),
            activation={
                member.path: wheel.read_text(member.info)
                for member in wheel.members
                if member.path.startswith(("etc/conda/activate.d/", "etc/conda/env_vars.d/"))
                and member.path.endswith((".sh", ".json"))
            },
        )


class _Installed:
    """Collects entries, and their rows of RECORD."""

    def __init__(self, wheel: Wheel, *, without: frozenset[str]) -> None:
        self._without = without
        self._record = f"{wheel.dist_info}/RECORD"
        self._site_packages = wheel.python.site_packages
        self._entries: list[PrefixEntry] = []
        self._rows: list[tuple[Scheme, RecordEntry]] = []

    def add(self, path: str, content: Content, digest: str, *, executable: bool) -> None:
        self._entries.append(FileEntry(path=path, content=content, executable=executable))
        row = RecordEntry(self._relative(path), Hash("sha256", digest), content.size)
        self._rows.append((Scheme("purelib"), row))

    def add_bytes(self, path: str, data: bytes, *, executable: bool) -> None:
        if path in self._without:
            return
        digest = _encoded(hashlib.sha256(data).digest())
        self.add(path, BytesContent(data), digest, executable=executable)

    def with_record(self) -> tuple[PrefixEntry, ...]:
        if self._record in self._without:
            return sorted_entries(self._entries)
        own = RecordEntry(self._relative(self._record), None, None)
        with construct_record_file([*self._rows, (Scheme("purelib"), own)]) as file:
            content = BytesContent(file.read())
        record = FileEntry(path=self._record, content=content, executable=False)
        return sorted_entries([*self._entries, record])

    def _relative(self, path: str) -> str:
        """Write ``path`` as RECORD does: relative to site-packages."""
        root = f"{self._site_packages}/"
        if path.startswith(root):
            return path.removeprefix(root)
        return "../" * root.count("/") + path


def _content(
    wheel: Wheel, member: WheelMember, *, executable: str, spool: Spool
) -> tuple[Content, str]:
    """Spool the member as it is installed, and return it with its SHA-256 as RECORD writes it."""
    chunks = _verified(wheel, member)
    known = wheel.record.get(member.info.filename)
    if not member.is_script and known is not None and known.hash_ is not None:
        if known.hash_.name == "sha256":  # just verified, no need to compute it again
            return spool.add(chunks), known.hash_.value.rstrip("=")
    elif member.is_script:
        chunks = _with_shebang(chunks, executable)
    hasher = hashlib.sha256()
    content = spool.add(_tapped(chunks, hasher))
    return content, _encoded(hasher.digest())


def _verified(wheel: Wheel, member: WheelMember) -> Iterator[bytes]:
    """Yield the member's bytes; raise after the last of them if RECORD says otherwise."""
    name = member.info.filename
    expected = wheel.record.get(name)
    if expected is None or expected.hash_ is None:
        # As pip does: the lock file vouches for the whole archive, so nothing is unverified.
        yield from wheel.chunks(member.info)
        return
    hasher = hashlib.new(expected.hash_.name, usedforsecurity=False)
    yield from _tapped(wheel.chunks(member.info), hasher)
    if _encoded(hasher.digest()) != expected.hash_.value.rstrip("="):
        raise InstallError(
            f"{wheel.filename}: {name} is not the file that the wheel's RECORD describes",
            hint="the wheel was built or repacked wrongly: choose another version of it",
        )


def _tapped(chunks: Iterable[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk


def _with_shebang(chunks: Iterator[bytes], executable: str) -> Iterator[bytes]:
    """Replace a first line that starts with ``#!python``, arguments and all, as pip does."""
    first = next(chunks, b"")
    if first.startswith(b"#!python"):
        first = _shebang(executable) + first.partition(b"\n")[2]
    for start in range(0, len(first), CHUNK_SIZE):
        yield first[start : start + CHUNK_SIZE]
    yield from chunks


def _shebang(executable: str) -> bytes:
    """Return the first line of a script for ``executable``, in distlib's form for long paths."""
    line = f"#!{executable}\n"
    if " " in executable or len(line.encode()) > _LONGEST_SHEBANG:
        # Python reads the second and third line as one string literal, the shell runs them.
        line = f"#!/bin/sh\n'''exec' {shlex.quote(executable)} \"$0\" \"$@\"\n' '''\n"
    return line.encode()


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
