"""Proof, part 1: shared libraries, found as the dynamic linker finds them (ld.so(8)).

What a library needs is looked for

1. where its own RPATH or RUNPATH says,
2. where that of any other says, which may have loaded it, or in ``lib/``, as conda's programs do:
   an RPATH counts for all that is loaded by its owner, when it starts or later,
3. in the base, and on the host, whose driver NVIDIA's container runtime brings along,
4. anywhere in the prefix, by file name or soname: some programs load libraries in advance.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from itertools import chain, product
from typing import TYPE_CHECKING

from condabox.pruning.prefix import Need, inside, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from condabox.pruning.facts import ElfFacts
    from condabox.pruning.prefix import Prefix

_PREFIX_LIBRARIES = "lib"

_DRIVER = re.compile(
    r"lib(?:cuda|cudadebugger|nvcuvid|nvoptix|nvidia-[\w.-]+|\w+_nvidia)\.so(?:\.\d+)*", re.ASCII
)

_TOKEN = re.compile(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?!\w))", re.ASCII)
# A matter of the base's linker, and of the processor that an image is run on.
_LIB = ("lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")
_PLATFORM = ("x86_64", "haswell", "xeon_phi", "aarch64")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """The folders that an RPATH or RUNPATH names for ``origin``, and the links on the way."""

    origin: str
    folders: tuple[str, ...]
    passed: tuple[str, ...]


class Libraries:
    """What ELF files need; ``base`` are the sonames that are there without the prefix."""

    def __init__(self, prefix: Prefix, *, base: AbstractSet[str]) -> None:
        self._prefix = prefix
        self._files: dict[str, ElfFacts] = {}
        for package in prefix.packages:
            self._files.update(package.libraries)
        self._linker = _Linker(prefix, self._files, base=base)
        self._told: set[tuple[str, str]] = set()

    def first(self) -> Iterator[Need]:
        """Tell what the files that nobody takes need."""
        for path in sorted(self._files.keys() | self._prefix.links.keys()):
            if path not in self._prefix.taken:
                yield from self.then(path)

    def then(self, path: str) -> Iterator[Need]:
        """Tell what the library at ``path`` needs, or the one that a link there leads to."""
        elf = self._loaded_as(path)
        if elf is None:
            return
        taken, search = self._prefix.taken, self._linker.search(elf, origin=_folder(path))
        for link in search.passed:
            if link in taken:
                yield Need(path=link, because=f"{readable(path)} looks for libraries there")
        for name in elf.needed:
            found = self._linker.near(name, elf.machine, search)
            if not found and (name, elf.machine) not in self._told:
                self._told.add((name, elf.machine))
                found = self._linker.far(name, elf.machine) or ()
            if not taken.isdisjoint(found):
                because = f"{readable(path)} needs {readable(name)}"
                yield from (Need(path=each, because=because) for each in found if each in taken)

    def missing(self, kept: AbstractSet[str]) -> tuple[str, ...]:
        """Say what was looked for in vain by all that stays, ``kept`` included."""
        needed_by: defaultdict[str, list[str]] = defaultdict(list)
        for path, elf in self._files.items():
            if path not in self._prefix.taken or path in kept:
                for name in {*elf.needed} - {""}:
                    if self._linker.far(name, elf.machine) is None:
                        needed_by[name].append(path)
        return tuple(_missing(name, paths) for name, paths in sorted(needed_by.items()))

    def _loaded_as(self, path: str) -> ElfFacts | None:
        """Return the library that has ``path`` for its own; None where that makes no difference.

        A library looks around the link that it was loaded by.  A program knows where it really is.
        """
        if path not in self._prefix.links:
            return self._files.get(path)
        if ".so" not in path or (way := self._prefix.follow(path)) is None:
            return None
        return self._files.get(way.end) if _folder(way.end) != _folder(path) else None


class _Linker:
    """Finds libraries in the prefix."""

    def __init__(
        self, prefix: Prefix, files: Mapping[str, ElfFacts], *, base: AbstractSet[str]
    ) -> None:
        self._prefix = prefix
        self._files = files
        self._base = base
        self._places = _places(prefix, files.values())
        self._sonames: defaultdict[str, list[str]] = defaultdict(list)
        for path, elf in files.items():
            if elf.soname:
                self._sonames[elf.soname].append(path)
        self._searches: dict[tuple[tuple[str, ...], str], _Search] = {}
        self._far: dict[tuple[str, str], tuple[str, ...] | None] = {}
        self._loaders = {_PREFIX_LIBRARIES}
        for path, elf in files.items():
            self._loaders.update(self.search(elf, origin=_folder(path)).folders)

    def search(self, elf: ElfFacts, *, origin: str) -> _Search:
        """Return where ``elf``, loaded from the folder ``origin``, says to look."""
        key = (elf.runpath, origin)
        search = self._searches.get(key)
        if search is None:
            ways = [
                way
                for entry in elf.runpath
                for path in _expanded(entry, origin=origin)
                if (way := self._prefix.follow(path)) is not None
            ]
            search = self._searches[key] = _Search(
                origin=origin,
                folders=tuple(way.end for way in ways),
                passed=tuple(link for way in ways for link in way.passed),
            )
        return search

    def near(self, name: str, machine: str, search: _Search) -> tuple[str, ...]:
        """Return the path, behind the links that lead to it, of ``name`` where ``search`` says."""
        paths: Iterable[str] = ()
        if places := self._places.get(name):
            paths = [inside(folder, name) for folder in search.folders if folder in places]
        elif "/" in name:
            paths = _expanded(name, origin=search.origin)
        return next(filter(None, (self._fitting(path, machine) for path in paths)), ())

    def far(self, name: str, machine: str) -> tuple[str, ...] | None:
        """Return the paths, links among them, of ``name`` anywhere; None for nowhere.

        There are none where the base or the host has it.
        """
        key = (name, machine)
        if key not in self._far:
            self._far[key] = self._find_far(name, machine)
        return self._far[key]

    def _find_far(self, name: str, machine: str) -> tuple[str, ...] | None:
        file_name = name.rpartition("/")[2]
        places = self._places.get(file_name, set())
        known = [inside(folder, file_name) for folder in places & self._loaders]
        if found := self._all_fitting(known, machine):
            return found
        if file_name in self._base or _DRIVER.fullmatch(file_name):
            return ()
        anywhere = [inside(folder, file_name) for folder in places] + self._sonames.get(name, [])
        return self._all_fitting(anywhere, machine) or None

    def _all_fitting(self, paths: Iterable[str], machine: str) -> tuple[str, ...]:
        return tuple(chain.from_iterable(self._fitting(path, machine) for path in paths))

    def _fitting(self, path: str, machine: str) -> tuple[str, ...]:
        """Return the links from ``path`` and the file at their end, unless it is for others.

        What could not be read is taken for what its name says.
        """
        way = self._prefix.follow(path)
        if way is None or way.end not in self._prefix.paths:
            return ()
        elf = self._files.get(way.end)
        return () if elf and elf.machine != machine else (*way.passed, way.end)


def _places(prefix: Prefix, files: Iterable[ElfFacts]) -> dict[str, set[str]]:
    """Return the folders that have something of a name that is needed."""
    wanted = {name.rpartition("/")[2] for elf in files for name in elf.needed}
    places: defaultdict[str, set[str]] = defaultdict(set)
    for folder, names in prefix.folders.items():
        for name in wanted.intersection(names):
            places[name].add(folder)
    return places


def _expanded(text: str, *, origin: str) -> Iterator[str]:
    """Yield the paths in the prefix that ``text`` may mean; others lead to the base or nowhere."""
    start = _TOKEN.match(text)
    if start is None or "ORIGIN" not in start[0]:
        return
    lib = _LIB if "LIB" in text else ("",)
    platform = _PLATFORM if "PLATFORM" in text else ("",)
    for each_lib, each_platform in product(lib, platform):
        values = {"ORIGIN": origin or ".", "LIB": each_lib, "PLATFORM": each_platform}
        yield _TOKEN.sub(partial(_value_of, values), text)


def _value_of(values: Mapping[str, str], token: re.Match[str]) -> str:
    return values[token[1] or token[2]]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _missing(name: str, paths: Sequence[str]) -> str:
    who = f"{readable(min(paths))} needs"
    if len(paths) > 1:
        who = f"{readable(min(paths))} and {len(paths) - 1} more need"
    return f"{who} {readable(name)}, which is nowhere"
