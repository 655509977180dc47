"""Takes the facts of a package from its archive, in one pass and without keeping its files."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING

from condabox.conda.packages.archive import MemberKind, PackageArchive
from condabox.conda.packages.entry_points import entry_point_script
from condabox.conda.packages.link import destinations
from condabox.conda.packages.metadata import read_metadata
from condabox.conda.packages.wheel_archive import open_wheel
from condabox.errors import InstallError
from condabox.pruning.elf import MAGIC, read_elf
from condabox.pruning.facts import PackageFacts
from condabox.pruning.finder import is_module
from condabox.pruning.sources import Source, absolute, around, read_compiled, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.entry_points import EntryPoint
    from condabox.conda.packages.python import PythonInfo
    from condabox.pruning.facts import ElfFacts

_IN_MEMORY = 16 << 20
_STUB = ".pyi"
_SOURCES = (".py", _STUB, ".pyw")
_SHEBANG = 1024
"""Bytes in which a script names its interpreter: prefixes that are replaced have some 255."""

_NOT_FOR_PROGRAMS = frozenset({"conftest.py", "setup.py"})
"""pytest and builds run them, and tests that go are all that they read data for."""

_ENTRY_POINT = re.compile(rb"^[^#;\[=\r\n][^=\r\n]*=\s*([A-Za-z_]\w*(?:\.\w+)*)", re.MULTILINE)


def observe(
    archive: Path, package: LockedPackage, *, python: PythonInfo | None, scratch: Path
) -> PackageFacts:
    """Return the facts of ``package``; raise InstallError where ``archive`` cannot be read.

    What is wrong with a file in it is no error.  Large ELF files wait in ``scratch``, unnamed,
    until they are read.
    """
    observer = _Observer(python=python, scratch=scratch)
    if package.manager == "pip":
        return _observe_wheel(archive, package, observer)
    return _observe_conda(archive, package, observer)


def _observe_conda(archive: Path, package: LockedPackage, observer: _Observer) -> PackageFacts:
    opened = PackageArchive(path=archive, name=package.filename)
    metadata = read_metadata(opened)
    places = destinations(metadata, python=observer.python, package=opened.name)
    files: dict[str, _File] = {}
    targets: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for member in opened.members():
        match member.kind:
            case MemberKind.FILE:
                chunks = _Counted(member.chunks())
                file = observer.see(places.get(member.path, member.path), chunks)
                files[member.path] = replace(file, size=chunks.count_all())
            case MemberKind.HARD_LINK:
                aliases[member.path] = aliases.get(member.target, member.target)
            case MemberKind.LINK:
                targets[member.path] = member.target
            case MemberKind.DIRECTORY:
                pass
    found: dict[str, _File] = {}
    links: dict[str, str] = {}
    for listed in metadata.paths:
        name, place = aliases.get(listed.path, listed.path), places[listed.path]
        if name in files:
            built_for = listed.placeholder.text if listed.placeholder else None
            found[place] = replace(files[name], built_for=built_for)
        elif name in targets:
            links[place] = targets[name]
    return observer.facts(found, links=links, commands=metadata.entry_points)


def _observe_wheel(archive: Path, package: LockedPackage, observer: _Observer) -> PackageFacts:
    with open_wheel(archive, package, python=observer.python) as wheel:
        found: dict[str, _File] = {}
        for member in wheel.members:
            file = observer.see(member.path, wheel.chunks(member.info))
            if member.is_script and file.first_line.startswith("python"):
                file = replace(file, first_line=wheel.python.executable)  # as when it is linked
            found[member.path] = replace(file, size=member.info.file_size)
        return observer.facts(found, links={}, commands=wheel.entry_points.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What was seen in a file.

    ``first_line`` is that of a script; ``built_for`` is what stands for the prefix.
    """

    size: int = 0
    library: ElfFacts | None = None
    source: Source | None = None
    entry_points: tuple[str, ...] = ()
    first_line: str = ""
    built_for: str | None = None


class _Counted:
    """Pieces of a file, of which not all need be looked at, and how many bytes they have."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._size += len(chunk)
        return chunk

    def count_all(self) -> int:
        for _ in self:
            pass
        return self._size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observer:
    """Looks into files, and puts together what it saw, for one Python."""

    python: PythonInfo | None
    scratch: Path

    def see(self, path: str, chunks: Iterator[bytes]) -> _File:
        """Look at a file that will be at ``path``; read no more of it than that needs."""
        first = next(chunks, b"")
        everything = chain((first,), chunks)
        if first.startswith(MAGIC):
            return self._see_compiled(path, everything)
        first_line = _first_line(first)
        if path.endswith(_SOURCES) or is_program(first) or self._is_path_file(path):
            return _File(source=read_source(everything), first_line=first_line)
        if path.lower().endswith("-info/entry_points.txt"):
            return _File(entry_points=tuple(map(bytes.decode, _ENTRY_POINT.findall(first))))
        return _File(first_line=first_line)

    def facts(
        self,
        files: Mapping[str, _File],
        *,
        links: Mapping[str, str],
        commands: Iterable[EntryPoint],
    ) -> PackageFacts:
        """Return the facts of ``files``, by path, and of scripts that call ``commands``."""
        made = {} if self.python is None else _made(commands, python=self.python)
        files = {path: file for path, file in files.items() if path not in made}
        says = {path: source for path in files if (source := _said(path, files)) is not None}
        named = {path: (source, self._package_of(path)) for path, source in says.items()}
        ended = partial(_ended, modules=frozenset(map(self._module_at, files)))
        modules = {command.module for command in commands}
        modules.update(*(file.entry_points for file in files.values()))
        return PackageFacts(
            sizes={path: file.size for path, file in files.items()} | made,
            links=dict(links),
            libraries={
                path: _placed(file.library, path=path, built_for=file.built_for)
                for path, file in files.items()
                if file.library is not None
            },
            imports={
                path: names
                for path, (source, package) in named.items()
                if (names := absolute(source.imports | ended(source), package=package))
            },
            resources={
                path: names
                for path, (source, package) in named.items()
                if (names := absolute(source.resources, package=package))
            },
            data={
                path: folders
                for path, (source, package) in named.items()
                if path.rpartition("/")[2] not in _NOT_FOR_PROGRAMS
                and (folders := around(source, package=package))
            },
            entry_points=tuple(sorted(modules)),
            scripts=self._scripts(files, made),
        )

    def _see_compiled(self, path: str, chunks: Iterable[bytes]) -> _File:
        package = self._package_of(path)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self.scratch)) as file:
            source = read_compiled(
                self._kept(chunks, file), package=package and package.partition(".")[0]
            )
            return _File(library=read_elf(file), source=source)

    def _kept(self, chunks: Iterable[bytes], file: IO[bytes]) -> Iterator[bytes]:
        """Yield ``chunks`` after they were written to ``file``."""
        for chunk in chunks:
            try:
                file.write(chunk)
                file.flush()  # else it could fail when nobody expects it: while it is read
            except OSError as error:
                raise InstallError(
                    f"cannot keep unpacked files in {self.scratch}: {error.strerror or error}",
                    hint="free some space there, or choose another cache-dir",
                ) from None
            yield chunk

    def _is_path_file(self, path: str) -> bool:
        """Tell whether Python runs the imports in ``path`` when it starts, as `site` does."""
        folder = self.python.site_packages if self.python is not None else None
        return path.endswith(".pth") and path.rpartition("/")[0] == folder

    def _package_of(self, path: str) -> str | None:
        """Return the package of the source at ``path``; None where it is in no package."""
        if self.python is None:
            return None
        folder = f"{path.rpartition('/')[0]}/"
        site_packages = f"{self.python.site_packages}/"
        library = f"{self.python.site_packages.rpartition('/')[0]}/"
        root = site_packages if folder.startswith(site_packages) else library
        inner = folder.removeprefix(root).rstrip("/").replace("/", ".")
        return inner if inner and folder.startswith(root) else None

    def _module_at(self, path: str) -> str | None:
        """Return the name of the module at ``path``, as sources import it; None for no module."""
        name = path.rpartition("/")[2]
        if not is_module(name):
            return None
        package, stem = self._package_of(path), name.partition(".")[0]
        if stem == "__init__":
            return package
        return f"{package}.{stem}" if package else stem

    def _scripts(self, files: Mapping[str, _File], made: Iterable[str]) -> dict[str, str]:
        scripts = {
            path: program
            for path, file in files.items()
            if path.startswith("bin/") and (program := _program(file))
        }
        if self.python is not None:
            scripts |= dict.fromkeys(made, self.python.executable)
        return scripts


def _made(commands: Iterable[EntryPoint], *, python: PythonInfo) -> dict[str, int]:
    """Return the paths and sizes of the scripts that call ``commands``."""
    return {
        command.path: len(entry_point_script(command, prefix="", python=python))
        for command in commands
    }


def _said(path: str, files: Mapping[str, _File]) -> Source | None:
    """Return what the source at ``path`` says, with its stub where it imports what that says.

    Stubs are read by type checkers alone otherwise.
    """
    source = files[path].source
    if source is None or path.endswith(_STUB):
        return None
    stub = files.get(f"{path.removesuffix('.py')}{_STUB}")
    if not source.has_stub or stub is None or stub.source is None:
        return source
    return Source(imports=source.imports | stub.source.imports, resources=source.resources | {"."})


def _ended(source: Source, *, modules: AbstractSet[str | None]) -> set[str]:
    """Return those of ``modules`` that the `Source.beginnings` may be the names of."""
    return {
        text[:end]
        for text in source.beginnings
        for end in range(1, len(text) + 1)
        if text[:end] in modules
    }


def _first_line(data: bytes) -> str:
    if not data.startswith(b"#!"):
        return ""
    return data[2:_SHEBANG].partition(b"\n")[0].decode(errors="replace").strip()


def is_program(data: bytes) -> bool:
    """Tell whether Python runs a file that begins with ``data``, whatever its name."""
    # Where its path is too long for a first line, a later one names the interpreter.
    return data.startswith(b"#!") and b"python" in data[:_SHEBANG]


def _program(file: _File) -> str:
    words = file.first_line.split()
    if words and words[0].rpartition("/")[2] == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return _in_prefix(words[0], file.built_for) or words[0] if words else ""


def _placed(library: ElfFacts, *, path: str, built_for: str | None) -> ElfFacts:
    """Return ``library`` as it is at ``path``: the prefix is where its own folder tells it."""
    root = "/".join(["$ORIGIN", *[".."] * path.count("/")])

    def placed(folder: str) -> str:
        inner = _in_prefix(folder, built_for)
        return folder if inner is None else f"{root}/{inner}".rstrip("/")

    return replace(library, runpath=tuple(map(placed, library.runpath)))


def _in_prefix(path: str, built_for: str | None) -> str | None:
    """Return ``path`` relative to the prefix ``built_for``; None for one that is not in there."""
    if built_for is None or not f"{path}/".startswith(f"{built_for}/"):
        return None
    return path.removeprefix(built_for).lstrip("/")
