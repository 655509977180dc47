"""Conda packages and wheels alike: read what a package holds, and turn it into entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.packages.link import link_conda_package
from condabox.conda.packages.survey import conda_inventory
from condabox.conda.packages.wheel import link_wheel, wheel_inventory

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.entry import PrefixEntry, Spool
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.conda.packages.python import PythonInfo


def take_inventory(
    archive: Path, package: LockedPackage, *, python: PythonInfo | None
) -> PackageInventory:
    """Read what ``package`` would put into the prefix; of a ``.conda`` mostly without unpacking."""
    if package.manager == "pip":
        return wheel_inventory(archive, package, python=python)
    return conda_inventory(archive, package, python=python)


def link_package(
    archive: Path,
    package: LockedPackage,
    *,
    prefix: str,
    python: PythonInfo | None,
    spool: Spool,
    without: AbstractSet[str] = frozenset(),
) -> tuple[PrefixEntry, ...]:
    """Turn ``archive`` into the entries that it has in ``prefix``, sorted by path bytes.

    The entries' contents live as long as ``spool``.  There are none of the paths ``without``, nor
    does the record of what is installed tell of them.
    """
    link = link_wheel if package.manager == "pip" else link_conda_package
    return link(
        archive, package, prefix=prefix, python=python, spool=spool, without=frozenset(without)
    )
