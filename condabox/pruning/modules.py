"""Proof, part 2: Python's modules, and the data of packages.

Entry points count as well: who loads them is not known, and need not be a file of the prefix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.pruning.finder import Finder, is_in_package, is_module, without_root
from condabox.pruning.prefix import Need, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.pruning.prefix import Prefix


class Modules:
    """What Python files and entry points name, and the packages that modules are in."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix
        self._finder = Finder(prefix)
        self._imports: dict[str, tuple[str, ...]] = {}
        self._resources: dict[str, tuple[str, ...]] = {}
        self._data: dict[str, tuple[str, ...]] = {}
        for package in prefix.packages:
            self._imports.update(package.imports)
            self._resources.update(package.resources)
            self._data.update(package.data)
        self._concerned = self._finder.concerned(each.imports for each in prefix.packages)
        self._told: set[tuple[str, str, str]] = set()

    def first(self) -> Iterator[Need]:
        """Tell what all that nobody takes needs."""
        for module in sorted({each for one in self._prefix.packages for each in one.entry_points}):
            for path in self._finder.module(module):
                yield Need(path=path, because=f"an entry point names {readable(module)}")
        for path in sorted({*self._importing(), *self._resources, *self._data}):
            if path not in self._prefix.taken:
                yield from self._named_in(path)
        folders = self._prefix.folders
        for folder in sorted(filter(self._finder.packages_around, folders)):
            paths = (f"{folder}/{name}" for name in folders[folder] if is_module(name))
            if stays := min((path for path in paths if path not in self._prefix.taken), default=""):
                yield from self._packages_of(stays)

    def then(self, path: str) -> Iterator[Need]:
        """Tell what ``path`` imports and reads, and the packages that it is in.

        A module that rules took for what is around it reads what was to go with it.
        """
        yield from self._named_in(path)
        if is_module(path.rpartition("/")[2]):
            yield from self._packages_of(path)
        folder = path.rpartition("/")[0]
        if is_in_package(path) and self._is_new("beside", folder):
            for needed in self._finder.beside(folder):
                yield Need(path=needed, because=f"{_shown(path)} is beside it")

    def _importing(self) -> Iterator[str]:
        """Yield the files whose imports have to be looked at: most have nothing that is taken."""
        for path, modules in self._imports.items():
            if not self._concerned.isdisjoint(modules) or self._finder.place_of(path):
                yield path

    def _named_in(self, path: str) -> Iterator[Need]:
        place, imports = self._finder.place_of(path), self._imports.get(path, ())
        for module in imports if place else sorted(self._concerned.intersection(imports)):
            if self._is_new("module", module, place):
                for needed in self._finder.module(module, place=place):
                    yield Need(path=needed, because=f"{_shown(path)} imports {readable(module)}")
        for package in self._resources.get(path, ()):
            if self._is_new("data", package, place):
                for needed in self._finder.data(package, place=place):
                    because = f"{_shown(path)} reads data of {readable(package)}"
                    yield Need(path=needed, because=because)

        for folder in self._data.get(path, ()):
            if self._is_new("folder", folder):
                for needed in self._finder.below(folder):
                    yield Need(path=needed, because=f"{_shown(path)} names {readable(folder)}")

    def _packages_of(self, path: str) -> Iterator[Need]:
        for package in self._finder.packages_around(path.rpartition("/")[0]):
            if self._is_new("package", package):
                for needed in self._finder.package(package):
                    yield Need(path=needed, because=f"{_shown(path)} is in this package")

    def _is_new(self, kind: str, name: str, place: str = "") -> bool:
        """Tell whether nobody asked this so far: who comes first gets the answer for all."""
        question = (kind, name, place)
        if question in self._told:
            return False
        self._told.add(question)
        return True


def _shown(path: str) -> str:
    """Return ``path`` as people know it: without the place where all of Python's modules are."""
    return readable(without_root(path))
