"""Inventories of packages, kept so that a package is opened once and never again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.inventory import PackageInventory
from condabox.conda.packages.package import take_inventory
from condabox.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.python import PythonInfo
    from condabox.events import Reporter
    from condabox.settings import Settings

FORMAT = 1
"""Raised whenever an inventory would say something else about the same package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventories:
    """Takes inventories, or finds those taken before."""

    settings: Settings
    reporter: Reporter

    def of(
        self, packages: Sequence[LockedPackage], *, python: PythonInfo | None
    ) -> Mapping[str, PackageInventory]:
        """Return the inventory of every package by its sha256; fetch only the unknown ones."""
        known = {package.sha256: self._known(package, python) for package in packages}
        unknown = [package for package in packages if known[package.sha256] is None]
        archives = (
            fetch_archives(unknown, settings=self.settings, reporter=self.reporter)
            if unknown
            else {}
        )
        for package in unknown:
            inventory = take_inventory(archives[package.sha256], package, python=python)
            text = json.dumps(inventory.to_json(), separators=(",", ":"))
            write_atomically(self._path(package, python), text.encode())
            known[package.sha256] = inventory
        return {sha256: found for sha256, found in known.items() if found is not None}

    def _known(self, package: LockedPackage, python: PythonInfo | None) -> PackageInventory | None:
        try:
            return PackageInventory.from_json(json.loads(self._path(package, python).read_bytes()))
        except (OSError, ValueError, RecursionError):
            return None

    def _path(self, package: LockedPackage, python: PythonInfo | None) -> Path:
        # Where a noarch package's files go depends on the Python that they are for.
        place = python.site_packages.replace("/", "+") if python else "no-python"
        folder = self.settings.cache_dir / "inventories" / str(FORMAT) / place
        return folder / package.sha256[:2] / f"{package.sha256}.json"
