"""Inventories of packages: what has to be known of each before anything is linked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.backends.notes import Notes
from condabox.conda.packages.inventory import PackageInventory
from condabox.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        folder = self.settings.cache_dir / "inventories" / str(FORMAT)
        notes = Notes(folder=folder, read=PackageInventory.from_json)
        known = {package.sha256: notes.get(package, python) for package in packages}
        if unknown := [package for package in packages if known[package.sha256] is None]:
            known |= self._take(unknown, notes, python=python)
        return {sha256: found for sha256, found in known.items() if found is not None}

    def _take(
        self,
        packages: Sequence[LockedPackage],
        notes: Notes[PackageInventory],
        *,
        python: PythonInfo | None,
    ) -> Mapping[str, PackageInventory]:
        # here, as a build with nothing changed needs none of what these import
        from condabox.conda.packages.fetch import fetch_archives  # noqa: PLC0415
        from condabox.conda.packages.package import take_inventory  # noqa: PLC0415

        taken = {}
        archives = fetch_archives(packages, settings=self.settings, reporter=self.reporter)
        for package in packages:
            inventory = take_inventory(archives[package.sha256], package, python=python)
            text = json.dumps(inventory.to_json(), separators=(",", ":"))
            write_atomically(notes.path(package, python), text.encode())
            taken[package.sha256] = inventory
        return taken
