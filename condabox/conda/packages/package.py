"""Conda packages and wheels alike: read what a package holds, and turn it into entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.packages.link import link_conda_package
from condabox.conda.packages.survey import conda_inventory
from condabox.conda.packages.wheel import link_wheel, wheel_inventory

if TYPE_CHECKING:
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
) -> tuple[PrefixEntry, ...]:
    """Turn ``archive`` into the entries that it has in ``prefix``, sorted by path bytes.

    The entries' contents live as long as ``spool``.
    """
    if package.manager == "pip":
        return link_wheel(archive, package, prefix=prefix, python=python, spool=spool)
    return link_conda_package(archive, package, prefix=prefix, python=python, spool=spool)
