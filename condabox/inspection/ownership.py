"""Which package each file of an image is of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from condabox.inspection.layer_contents import LayerContents
    from condabox.inspection.records import InstalledPackage
    from condabox.inspection.stack import Stack

_ORDER = ("deb", "conda", "pip")
"""Of two records in one layer the later manager's is right: it puts its files over the others'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """All packages, and of each path, seen or hidden, the number of the one that it is of."""

    packages: tuple[InstalledPackage, ...]
    owners: Mapping[str, int]
    visible: frozenset[int]
    """The packages whose records a container sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """A package with the layer that tells of it."""

    package: InstalledPackage
    layer: int
    seen: bool

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Of several that claim a path the one with the highest rank has it."""
        return self.seen, self.layer, _ORDER.index(self.package.manager)


def ownership_of(stack: Stack, layers: Sequence[LayerContents]) -> Ownership:
    """Give each path to one package: what the highest layer says counts.

    Records of a wheel that another manager has brought are part of that manager's package.
    """
    records = _with_versions(list(_records(stack, layers)))
    others = {
        path
        for each in records
        if each.package.manager != "pip"
        for path in _paths(stack, each.package)
    }
    kept = [
        each
        for each in records
        if each.package.manager != "pip" or stack.paths.real(each.package.record) not in others
    ]
    # who comes last has a path: of equals the first by name
    kept.sort(key=lambda each: each.package.record, reverse=True)
    kept.sort(key=lambda each: each.rank)
    owners: dict[str, int] = {}
    for number, each in enumerate(kept):
        owners.update(dict.fromkeys(_paths(stack, each.package), number))
    for link, target in stack.hardlinks.items():
        if link in owners:
            owners.setdefault(target, owners[link])
    owners |= _compiled(stack, owners)
    return Ownership(
        packages=tuple(each.package for each in kept),
        owners=owners,
        visible=frozenset(number for number, each in enumerate(kept) if each.seen),
    )


def _compiled(stack: Stack, owners: Mapping[str, int]) -> dict[str, int]:
    """Return the owners of byte code, as PEP 3147 places it, that no record tells of."""
    found = {}
    for path in {path for written in stack.written for path in written} - owners.keys():
        folder, _, name = path.rpartition("/__pycache__/")
        if folder and name.endswith(".pyc"):
            owner = owners.get(f"{folder}/{name.partition('.')[0]}.py")
            if owner is not None:
                found[path] = owner
    return found


def _records(stack: Stack, layers: Sequence[LayerContents]) -> Iterator[_Record]:
    for number, layer in enumerate(layers):
        for package in layer.packages:
            seen = stack.files.get(stack.paths.real(package.record)) == number
            yield _Record(package=package, layer=number, seen=seen)


def _with_versions(records: Iterable[_Record]) -> list[_Record]:
    """Join what dpkg keeps apart: versions, and the files of each package."""
    versions: dict[str, str] = {}
    joined = []
    for each in records:
        package = each.package
        if package.manager == "deb" and package.version:
            versions[package.name] = package.version
        else:
            joined.append(each)
    return [
        replace(each, package=replace(each.package, version=versions.get(each.package.name, "")))
        if each.package.manager == "deb"
        else each
        for each in joined
    ]


def _paths(stack: Stack, package: InstalledPackage) -> Iterator[str]:
    yield stack.paths.real(package.record)
    yield from map(stack.paths.real, package.paths)
