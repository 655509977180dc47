"""A prefix on disk, where the kernel follows links and Python's own finders look for modules.

What something needs is found out by taking it away: a path is needed by whoever then finds
something else than before.  That is slow, and knows nothing of how condabox proves the same.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.facts import BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from condabox.pruning.facts import ElfFacts, PackageFacts

_LOADERS = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)
_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
_ROOTS = ("lib/python3.11", "lib/python3.11/site-packages")

Finding = object | None
"""What somebody finds somewhere; None for nothing."""


class RealPrefix:
    """The files and links of ``facts`` in ``folder``, which is empty."""

    def __init__(self, folder: Path, facts: PackageFacts) -> None:
        self._folder = Path(os.path.realpath(folder))
        self._root = self._folder / "prefix"
        self._facts = facts
        for path in facts.sizes:
            self._make_room(path).write_bytes(b"")
        for path, target in facts.links.items():
            self._make_room(path).symlink_to(target)
        self._loaders = {self._root / "lib"}
        for path, elf in facts.libraries.items():
            self._loaders.update(filter(None, self._runpath(elf, self._root / path)))
        self._data: dict[str, tuple[Path, ...]] = {}

    def needed(self, taken: AbstractSet[str]) -> set[str]:
        """Return which of ``taken`` all others need, directly or not."""
        self._data = {
            name: tuple(self._find_data(name, taken))
            for names in self._facts.resources.values()
            for name in names
        }
        needed = self._missed(self._found_by_entry_points, taken)
        pending = [*({*self._facts.sizes, *self._facts.links} - taken), *needed]
        while pending:
            path = pending.pop()
            found = self._missed(partial(self._found_by, path), taken - {path})
            found = (found | (self._beside(path, taken) if path in taken else set())) - needed
            needed |= found
            pending += found
        return needed

    def _missed(self, look: Callable[[], list[Finding]], taken: AbstractSet[str]) -> set[str]:
        found = look()
        missed = set()
        for path in taken if any(each is not None for each in found) else ():
            with self._without(path):
                left = zip(found, look(), strict=True)
                if any(before is not None and before != after for before, after in left):
                    missed.add(path)
        return missed

    def _found_by_entry_points(self) -> list[Finding]:
        return [each for name in self._facts.entry_points for each in self._import(name)]

    def _found_by(self, path: str) -> list[Finding]:
        """Return one finding for each question that the file or link at ``path`` asks."""
        found: list[Finding] = []
        here = self._root / path
        if path in self._facts.links:
            found.append(self._end(here))
        if (elf := self._loaded(path)) is not None:
            folders = (_expanded(entry, here) for entry in elf.runpath)
            found += [folder and self._end(folder) for folder in folders]
            found += [self._library(name, elf, here) for name in elf.needed if name]
        for name in self._facts.imports.get(path, ()):
            found += self._import(name)
        for name in self._facts.resources.get(path, ()):
            found += [*self._import(name), *map(Path.exists, self._data[name])]
        if (interpreter := self._facts.scripts.get(path)) is not None:
            found.append(self._end(self._root / interpreter))
        if _is_module(here):
            found += [_init(folder) for folder in self._packages(here)]
        return found

    def _loaded(self, path: str) -> ElfFacts | None:
        real = self._real(self._root / path)
        if real is None or (path in self._facts.links and ".so" not in path):
            return None
        elsewhere = real.parent != (self._root / path).parent
        known = path not in self._facts.links or elsewhere
        return self._facts.libraries.get(str(real.relative_to(self._root))) if known else None

    def _library(self, name: str, elf: ElfFacts, origin: Path) -> Finding:
        if "/" in name:
            near = [expanded] if (expanded := _expanded(name, origin)) else []
        else:
            near = [folder / name for folder in self._runpath(elf, origin) if folder]
        for path in near:
            if found := self._fitting(path, elf):
                return found
        file_name = name.rpartition("/")[2]
        loaded = [self._fitting(folder / file_name, elf) for folder in self._loaders]
        if any(loaded):
            return frozenset(loaded) - {None}
        if file_name in BASE:
            return None
        everything = [*self._facts.sizes, *self._facts.links]
        named = {path for path in everything if path.rpartition("/")[2] == file_name}
        called = {path for path, each in self._facts.libraries.items() if each.soname == name}
        return frozenset(
            found for path in named | called if (found := self._fitting(self._root / path, elf))
        )

    def _fitting(self, path: Path, elf: ElfFacts) -> Finding:
        real = self._real(path)
        if real is None or not real.is_file():
            return None
        other = self._facts.libraries.get(str(real.relative_to(self._root)))
        return (path, real) if other is None or other.machine == elf.machine else None

    def _runpath(self, elf: ElfFacts, origin: Path) -> list[Path | None]:
        folders = (_expanded(entry, origin) for entry in elf.runpath)
        return [folder and self._real(folder) for folder in folders]

    def _import(self, name: str) -> list[Finding]:
        return [tuple(_chain(self._root / root, name)) for root in _ROOTS]

    def _find_data(self, package: str, taken: AbstractSet[str]) -> Iterator[Path]:
        for root in _ROOTS:
            yield from self._data_in(self._root / root / package.replace(".", "/"), taken)

    def _beside(self, path: str, taken: AbstractSet[str]) -> set[str]:
        """Return the data of the folder that a source is in, other than where modules are."""
        folder = self._root / path.rpartition("/")[0]
        if not path.endswith(".py") or folder in {self._root / root for root in _ROOTS}:
            return set()
        if not folder.is_relative_to(self._root / _ROOTS[0]):
            return set()
        found = self._data_in(folder, taken)
        return {str(each.relative_to(self._root)) for each in found} & taken

    def _data_in(self, top: Path, taken: AbstractSet[str]) -> Iterator[Path]:
        init = _init(top)
        stays = init is not None and str(Path(init).relative_to(self._root)) not in taken
        for folder, inner, names in os.walk(top):
            plain = [each for each in inner if _init(Path(folder, each)) is None]
            inner[:] = [] if stays else plain
            yield from (path for name in names if not _is_module(path := Path(folder, name)))

    def _packages(self, path: Path) -> Iterator[Path]:
        for root in _ROOTS[::-1]:
            if path.is_relative_to(self._root / root):
                inner = path.relative_to(self._root / root).parents
                yield from (self._root / root / each for each in inner if each.name)
                return

    def _end(self, path: Path) -> Finding:
        real = self._real(path)
        return real and (real, path.exists())

    def _real(self, path: Path) -> Path | None:
        """Return where ``path`` leads to; None for out of the prefix or round in circles."""
        real = Path(os.path.realpath(path))
        try:
            real.is_dir() or path.stat()
        except FileNotFoundError:
            pass
        except OSError:
            return None
        return real if real.is_relative_to(self._root) else None

    def _make_room(self, path: str) -> Path:
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        return self._root / path

    @contextmanager
    def _without(self, path: str) -> Iterator[None]:
        (self._root / path).rename(self._folder / "away")
        try:
            yield
        finally:
            (self._folder / "away").rename(self._root / path)


def _expanded(text: str, origin: Path) -> Path | None:
    for token in ("$ORIGIN", "${ORIGIN}"):
        if text.startswith(token):
            return Path(f"{origin.parent}{text.removeprefix(token)}")
    return None


def _chain(root: Path, name: str) -> Iterator[str]:
    """Yield the files of a module and of the packages around it, as Python would load them."""
    folders = [str(root)]
    for part in name.split("."):
        specs = (FileFinder(folder, *_LOADERS).find_spec(part) for folder in folders)
        spec = next(filter(None, specs), None)
        if spec is None:
            return
        if spec.has_location:
            yield str(spec.origin)
        folders = spec.submodule_search_locations or [f"{folder}/{part}" for folder in folders]


def _init(folder: Path) -> str | None:
    spec = FileFinder(str(folder), *_LOADERS).find_spec("__init__")
    return spec.origin if spec else None


def _is_module(path: Path) -> bool:
    return any(
        path.name.endswith(suffix) and "." not in path.name.removesuffix(suffix)
        for suffix in _SUFFIXES
    )
