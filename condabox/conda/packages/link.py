"""Turns conda packages into the entries that they have in a prefix; nothing is written there.

The tree is the one that ``rattler.install(alternative_target_prefix=...)`` makes; the few intended
differences stand in ``tests/oracle.py``.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.advice import LOCK_AGAIN
from condabox.conda.packages.archive import MemberKind, PackageArchive, first_parent_in
from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry, sorted_entries
from condabox.conda.packages.entry_points import entry_point_script
from condabox.conda.packages.metadata import read_metadata
from condabox.conda.packages.placeholder import replace_in_binary, replace_in_text
from condabox.conda.packages.record import LinkedPath, package_record
from condabox.content import BytesContent
from condabox.errors import InstallError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.archive import Member
    from condabox.conda.packages.entry import PrefixEntry, Spool
    from condabox.conda.packages.entry_points import EntryPoint
    from condabox.conda.packages.metadata import ListedPath, PackageMetadata, Placeholder
    from condabox.conda.packages.python import PythonInfo
    from condabox.content import Content


def link_conda_package(
    path: Path,
    package: LockedPackage,
    *,
    prefix: str,
    python: PythonInfo | None,
    spool: Spool,
    without: frozenset[str] = frozenset(),
) -> tuple[PrefixEntry, ...]:
    """Turn the archive at ``path`` into its entries in ``prefix``, with its ``conda-meta`` record.

    Link scripts are entries like all others; nothing is run.  What has a path in ``without`` is
    neither an entry nor in the record.
    """
    archive = PackageArchive(path=path, name=package.filename)
    metadata = read_metadata(archive)
    _check_same(metadata, package)
    places = destinations(metadata, python=python, package=archive.name)
    linker = _Linker(archive=archive, prefix=prefix, spool=spool, destinations=places, linked={})
    linker.link_members(
        {each.path: each for each in metadata.paths if places[each.path] not in without}
    )
    if python is not None:
        points = (each for each in metadata.entry_points if each.path not in without)
        linker.link_entry_points(points, python=python)
    linked = tuple(linker.linked.values())
    _check_parents(linked, package=archive.name)
    record = package_record(metadata, package, linked=linked, archive_size=archive.size)
    entries = [each.entry for each in linked]
    return sorted_entries(entries if record.path in without else [*entries, record])


def _check_same(metadata: PackageMetadata, package: LockedPackage) -> None:
    """Refuse an archive that is another package than the lock says: its record would be wrong."""
    name = str(metadata.index.get("name", package.name))
    version = metadata.index.get("version", package.version)
    if (name.lower(), version) != (package.name.lower(), package.version):
        raise InstallError(
            f"{package.filename} is locked as {package.name} {package.version}, "
            f"but says that it is {name} {version}",
            hint=LOCK_AGAIN.format(name=package.name),
        )


def destinations(
    metadata: PackageMetadata, *, python: PythonInfo | None, package: str
) -> Mapping[str, str]:
    """Map every listed path of a package to its path in the prefix."""
    if not metadata.noarch_python:
        return {listed.path: listed.path for listed in metadata.paths}
    if python is None:
        raise InstallError(
            f"{package} is for any Python, and the environment has none",
            hint="add python to the dependencies, and lock again",
        )
    found = {listed.path: python.noarch_destination(listed.path) for listed in metadata.paths}
    sources: dict[str, str] = {}
    for source, destination in found.items():
        if (other := sources.setdefault(destination, source)) != source:
            raise InstallError(f"{package}: {other} and {source} are both for {destination}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linker:
    """Spools one package's files; ``linked`` fills up, by path in the prefix."""

    archive: PackageArchive
    prefix: str
    spool: Spool
    destinations: Mapping[str, str]
    linked: dict[str, LinkedPath]

    def link_members(self, listed: Mapping[str, ListedPath]) -> None:
        """Link everything ``listed``, by path in the archive; what is not listed is left out."""
        aliases: dict[str, str] = {}
        for member in self.archive.members():
            if member.kind is MemberKind.HARD_LINK:
                aliases[member.path] = aliases.get(member.target, member.target)
            elif member.path in listed:
                self._link(member, listed[member.path], member.chunks())
        for each in listed.values():
            if each.path_type == "directory":  # one that files imply needs no member of its own
                path = self.destinations[each.path]
                entry = DirectoryEntry(path=path)
                self.linked.setdefault(path, LinkedPath(entry=entry, listed=each, sha256=None))
        names = [path for path in listed if self.destinations[path] not in self.linked]
        if missing := [path for path in names if path not in aliases]:
            raise InstallError(f"{self.archive.name} lists {missing[0]}, but does not contain it")
        if names:
            self._link_aliases([listed[path] for path in names], aliases)

    def link_entry_points(self, entry_points: Iterable[EntryPoint], *, python: PythonInfo) -> None:
        """Make the scripts of ``entry_points``, in place of files that have the same path."""
        for entry_point in entry_points:
            script = entry_point_script(entry_point, prefix=self.prefix, python=python)
            entry = FileEntry(path=entry_point.path, content=BytesContent(script), executable=True)
            self.linked[entry.path] = LinkedPath(
                entry=entry, listed=None, sha256=hashlib.sha256(script).hexdigest()
            )

    def _link(self, member: Member, listed: ListedPath, chunks: Iterable[bytes]) -> None:
        path = self.destinations[listed.path]
        is_directory = member.kind is MemberKind.DIRECTORY
        if listed.path_type is not None and is_directory != (listed.path_type == "directory"):
            raise InstallError(
                f"{self.archive.name}: {member.path} is not the {listed.path_type} "
                "that it is listed as"
            )
        entry: PrefixEntry
        sha256 = None
        match member.kind:
            case MemberKind.DIRECTORY:
                entry = DirectoryEntry(path=path)
            case MemberKind.LINK:
                self._check_target(path, member.target)
                entry = LinkEntry(path=path, target=member.target)
                sha256 = hashlib.sha256(member.target.encode()).hexdigest()
            case _:
                content, sha256 = self._content(chunks, listed)
                entry = FileEntry(path=path, content=content, executable=member.executable)
        self.linked[path] = LinkedPath(entry=entry, listed=listed, sha256=sha256)

    def _content(self, chunks: Iterable[bytes], listed: ListedPath) -> tuple[Content, str | None]:
        # Where the package itself says what the unchanged bytes hash to, nobody asks again.
        if listed.placeholder is None and listed.sha256 is not None:
            return self.spool.add(chunks), None
        hasher = hashlib.sha256()
        if listed.placeholder is not None:
            chunks = self._replaced(chunks, listed.placeholder, path=listed.path)

        def hashed() -> Iterator[bytes]:
            for chunk in chunks:
                hasher.update(chunk)
                yield chunk

        return self.spool.add(hashed()), hasher.hexdigest()

    def _replaced(
        self, chunks: Iterable[bytes], placeholder: Placeholder, *, path: str
    ) -> Iterator[bytes]:
        old, new = placeholder.text.encode(), self.prefix.encode()
        if placeholder.mode == "text":
            return replace_in_text(chunks, placeholder=old, prefix=new)
        if len(new) > len(old):
            raise InstallError(
                f"{self.archive.name}: {path} has room for a prefix of {len(old)} bytes, "
                f"and {self.prefix} has {len(new)}",
                hint="choose a shorter `prefix:` in the environment file",
            )
        return replace_in_binary(chunks, placeholder=old, prefix=new)

    def _link_aliases(self, listed: list[ListedPath], aliases: Mapping[str, str]) -> None:
        """Link hard links: further names of members, each with its own placeholder or none.

        The originals are read a second time; they may not be listed, or be patched by now.
        """
        names: dict[str, list[ListedPath]] = {}
        for each in listed:
            names.setdefault(aliases[each.path], []).append(each)
        for member in self.archive.members():
            if (found := names.pop(member.path, None)) is None:
                continue
            raw = self.spool.add(member.chunks())
            for alias in found:
                self._link(member, alias, raw.chunks())
        for original, (first, *_) in names.items():
            raise InstallError(
                f"{self.archive.name}: {first.path} is a hard link to {original}, "
                "which is not there"
            )

    def _check_target(self, path: str, target: str) -> None:
        # rattler warns of such links and makes them, for packages of drivers.  In an image they
        # would show whatever the base has there, and a later layer could write through them.
        resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not target or target.startswith("/") or resolved.partition("/")[0] == "..":
            raise UnsafePathError(
                f"{self.archive.name}: the symbolic link {path} points outside of the prefix, "
                f"to {target}",
                hint="choose another build or version of the package",
            )


def _check_parents(linked: Iterable[LinkedPath], *, package: str) -> None:
    files: set[str] = set()
    links: set[str] = set()
    entries = [each.entry for each in linked]
    for entry in entries:
        match entry:
            case FileEntry():
                files.add(entry.path)
            case LinkEntry():
                links.add(entry.path)
            case DirectoryEntry():
                pass
    for entry in entries:
        if link := first_parent_in(entry.path, links):
            raise UnsafePathError(f"{package}: {entry.path} lies behind the symbolic link {link}")
        if file := first_parent_in(entry.path, files):
            raise InstallError(f"{package}: {entry.path} lies below {file}, which is a file")
