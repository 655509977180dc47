"""Finds what is taken of Python's modules, where its import system would find them.

https://docs.python.org/3/reference/import.html: a module is a file in the standard library or in
site-packages: an extension module, a source, or byte code without its source.  A package comes
before a module of the same name, and whoever imports a module imports the packages around it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from condabox.pruning.prefix import Prefix

_ROOT = re.compile(
    r"lib/(?:python|pypy)\d+\.\d+[a-z]*(?:/site-packages|/lib-dynload)?(?![^/])", re.ASCII
)
# Packages put such a folder on the path of modules, or one in it.
_VENDORED = re.compile(r"(/_?(?:vendor|third_?party|extern)\w*)(/[^/]+)?(?![^/])", re.ASCII)

_EXTENSION_MODULE = re.compile(r"(?:(?:(?:cpython-|pypy)\d+[\w-]*|abi3|abi3t)\.)?so", re.ASCII)
_OTHERS = {"py": 1, "pyc": 2}  # after extension modules, in the order in which Python looks

_PACKAGE = "__init__"

_COMPILED = ".pyc"  # it stays with its source, and is nobody's data

_LONGEST_PATH = 4096  # Linux opens no longer one


class Finder:
    """Answers with paths that are taken, and with no others."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix
        taken = _by_folder(path for path in prefix.taken if len(path) <= _LONGEST_PATH)
        self._inner = _tree(taken)
        self._roots = sorted({root for folder in taken for root in _roots_of(folder)})
        self._names, self._packages = _modules_among(taken)
        self._contents: dict[str, Mapping[str, Sequence[str]]] = {}
        self._around: dict[str, tuple[str, ...]] = {"": ()}

    def concerned(self, imports: Iterable[Mapping[str, Iterable[str]]]) -> frozenset[str]:
        """Return, of the names that files import, those that are of taken modules or begin so.

        The files come by package: most of its names are in several of them.
        """
        found: set[str] = set()
        for files in imports if self._names else ():
            names = set().union(*files.values())
            found |= names & self._names
            parents = {name.rpartition(".")[0] for name in names}
            if inner := {parent for parent in parents if self._begins_with_module(parent)}:
                found |= {name for name in names if name.rpartition(".")[0] in inner}
        return frozenset(found)

    def place_of(self, path: str) -> str:
        """Return the folder of a program, which finds modules there as well; "" for a module's."""
        folder = path.rpartition("/")[0]
        return folder if folder in self._inner and not _ROOT.match(folder) else ""

    def module(self, name: str, *, place: str = "") -> Iterator[str]:
        """Yield the files of the module ``name``, and of the packages that it is in.

        Its last parts may be no modules: attributes, say.  It is looked for in ``place``, too.
        """
        for root in self._roots if self._begins_with_module(name) else ():
            yield from self._walk(root, name)
        if place:
            yield from self._walk(place, name)

    def data(self, package: str, *, place: str) -> Iterator[str]:
        """Yield the files that make ``package`` one, and its data.

        Data in a folder of a package that stays in place is not among these: rules take such a
        folder for what it is.  Nor is that of packages in the package.
        """
        yield from self.module(package, place=place)
        for root in self._roots:
            yield from self.beside(f"{root}/{package.replace('.', '/')}")

    def beside(self, folder: str) -> Iterator[str]:
        """Yield the data that `data` does of the package ``folder``."""
        folders = [folder]
        while folders:
            folder = folders.pop()
            yield from self._data_in(folder)
            if self._prefix.taken >= set(self._contents_of(folder).get(_PACKAGE, ())):
                inner = self._inner.get(folder, ())
                folders += [each for each in inner if _PACKAGE not in self._contents_of(each)]

    def below(self, folder: str) -> Iterator[str]:
        """Yield all data below ``folder``, which is relative to where modules are."""
        folders = [f"{root}/{folder}" for root in self._roots]
        while folders:
            outer = folders.pop()
            if outer in self._inner:
                yield from self._data_in(outer)
                folders += self._inner[outer]

    def packages_around(self, folder: str) -> tuple[str, ...]:
        """Return the folders of packages that ``folder`` is, or is in."""
        climbed = []
        while folder not in self._around:
            climbed.append(folder)
            folder = folder.rpartition("/")[0]
        found = self._around[folder]
        for each in reversed(climbed):
            if each in self._packages:
                found = (*found, each)
            self._around[each] = found
        return found

    def package(self, folder: str) -> Iterator[str]:
        """Yield the files that make ``folder`` a package."""
        return self._taken(self._contents_of(folder).get(_PACKAGE, ()))

    def _begins_with_module(self, name: str) -> bool:
        while name and name not in self._names:
            name = name.rpartition(".")[0]
        return bool(name)

    def _walk(self, folder: str, name: str) -> Iterator[str]:
        for part in name.split("."):
            if folder not in self._inner:
                return
            inner = f"{folder}/{part}"
            package = self._contents_of(inner).get(_PACKAGE)
            yield from self._taken(package or self._contents_of(folder).get(part, ()))
            folder = inner

    def _contents_of(self, folder: str) -> Mapping[str, Sequence[str]]:
        if folder not in self._contents:
            self._contents[folder] = _modules_in(folder, self._prefix.folders.get(folder, ()))
        return self._contents[folder]

    def _data_in(self, folder: str) -> Iterator[str]:
        for name in self._prefix.folders.get(folder, ()):
            path = f"{folder}/{name}"
            if path in self._prefix.taken and not (is_module(name) or name.endswith(_COMPILED)):
                yield path

    def _taken(self, paths: Iterable[str]) -> Iterator[str]:
        return (path for path in paths if path in self._prefix.taken)


def is_module(name: str) -> bool:
    """Tell whether Python would import a file called ``name``."""
    return _rank(name.partition(".")[2]) is not None


def is_in_package(path: str) -> bool:
    """Tell whether the source at ``path`` is in a folder of modules, below where those are."""
    root = _ROOT.match(path)
    return root is not None and path.endswith(".py") and "/" in path[root.end() + 1 :]


def without_root(path: str) -> str:
    """Return ``path`` as people know it, without the folder where all modules are."""
    root = _ROOT.match(path)
    return path[root.end() + 1 :] if root else path


@lru_cache(maxsize=1024)
def _rank(suffix: str) -> int | None:
    """Return when Python looks for a file with ``suffix``: the least comes first, None never."""
    return 0 if _EXTENSION_MODULE.fullmatch(suffix) else _OTHERS.get(suffix)


def _tree(folders: Iterable[str]) -> dict[str, list[str]]:
    """Return what folders are in each of ``folders``, and in each that one of them is in."""
    inner: dict[str, list[str]] = {}
    for each in folders:
        folder, below = each, ""
        while folder not in inner:
            inner[folder] = [below] if below else []
            folder, below = folder.rpartition("/")[0], folder
        if below:
            inner[folder].append(below)
    return inner


def _by_folder(paths: Iterable[str]) -> dict[str, list[str]]:
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, _, name = path.rpartition("/")
        folders[folder].append(name)
    return folders


def _roots_of(folder: str) -> Iterator[str]:
    """Yield the folders on Python's path, as far as is known, that ``folder`` is or is in."""
    if (root := _ROOT.match(folder)) is None:
        return
    yield root[0]
    for vendored in _VENDORED.finditer(folder, root.end()):
        yield from (folder[: vendored.end(part)] for part in (1, 2) if vendored[part])


def _modules_among(folders: Mapping[str, Iterable[str]]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the modules in ``folders``, and the folders that are packages."""
    names: set[str] = set()
    packages: set[str] = set()
    for folder, files in folders.items():
        modules = {each.partition(".")[0] for each in files if is_module(each)}
        for root in _roots_of(folder):
            package = folder[len(root) + 1 :].replace("/", ".")
            names.update(f"{package}.{module}" if package else module for module in modules)
            if _PACKAGE in modules:
                names.add(package)
                packages.add(folder)
    return frozenset(names - {""}), frozenset(packages)


def _modules_in(folder: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Return, by their modules' names, the paths of the files that Python would take.

    Of several extension modules only Python itself could tell which one fits.
    """
    found: dict[str, tuple[int, list[str]]] = {}
    for name in names:
        module, _, suffix = name.partition(".")
        rank = _rank(suffix)
        if rank is None:
            continue
        best, paths = found.setdefault(module, (rank, []))
        if rank == best:
            paths.append(f"{folder}/{name}")
        elif rank < best:
            found[module] = (rank, [f"{folder}/{name}"])
    return {module: paths for module, (_, paths) in found.items()}
