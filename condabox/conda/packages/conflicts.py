"""Which of several packages gets a path that more than one of them ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.bytecode import replaced_bytecode
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.inventory import PackageInventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A path of several packages; the names are in link order, so the winner came last."""

    path: str
    winner: str
    losers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """What packages lose to others: ``lost`` by sha256, ``reports`` sorted by path.

    Byte code goes with its source: it would stand beside another package's, or in its place.
    """

    lost: Mapping[str, frozenset[str]]
    reports: tuple[Conflict, ...]


def find_conflicts(
    packages: Sequence[LockedPackage], inventories: Mapping[str, PackageInventory]
) -> Conflicts:
    """Give every path to the last of ``packages`` (in link order) that ships it.

    Directories are shared.  Raise InstallError where one package's file or link is another's
    directory: whoever came last, the other would not be what it was built to be.
    """
    owners: dict[str, LockedPackage] = {}
    contested: dict[str, list[LockedPackage]] = {}
    for package in packages:
        inventory = inventories[package.sha256]
        shared = frozenset(inventory.directories)
        for path in inventory.paths:
            if path in shared:
                continue
            if (owner := owners.get(path)) is not None:
                contested.setdefault(path, [owner]).append(package)
            owners[path] = package
    _check_directories(packages, inventories, owners)
    lost: dict[str, set[str]] = {}
    for path, claimants in contested.items():
        for loser in claimants[:-1]:
            lost.setdefault(loser.sha256, set()).add(path)
    for sha256, gone in lost.items():
        paths = frozenset(inventories[sha256].paths)
        gone.update(replaced_bytecode(paths) - replaced_bytecode(paths - gone))
    return Conflicts(
        lost={sha256: frozenset(paths) for sha256, paths in lost.items()},
        reports=tuple(
            Conflict(
                path=path,
                winner=claimants[-1].name,
                losers=tuple(loser.name for loser in claimants[:-1]),
            )
            for path, claimants in sorted(contested.items())  # paths are unique
        ),
    )


def _check_directories(
    packages: Iterable[LockedPackage],
    inventories: Mapping[str, PackageInventory],
    owners: Mapping[str, LockedPackage],
) -> None:
    for package in packages:
        inventory = inventories[package.sha256]
        for directory in sorted(_directories(inventory)):
            if (owner := owners.get(directory)) is not None:
                raise InstallError(
                    f"{directory} is a file or link of {owner.name} {owner.version}, "
                    f"and a directory of {package.name} {package.version}",
                    hint="the two packages cannot be in one environment",
                )


def _directories(inventory: PackageInventory) -> set[str]:
    found = set(inventory.directories)
    for path in inventory.paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return found
