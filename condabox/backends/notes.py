"""What was read of packages, kept so that no package is opened for it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.python import PythonInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes(Generic[T]):
    """JSON documents in ``folder``, one for each package and minor version of Python.

    ``read`` makes what they stand for of them, and raises a ValueError for anything else.
    """

    folder: Path
    read: Callable[[object], T]

    def get(self, package: LockedPackage, python: PythonInfo | None) -> T | None:
        """Return what was noted of ``package``; None where nothing was, or the note is damaged."""
        try:
            return self.read(json.loads(self.path(package, python).read_bytes()))
        except (OSError, ValueError, RecursionError):
            return None

    def path(self, package: LockedPackage, python: PythonInfo | None) -> Path:
        """Return where the note on ``package`` belongs."""
        # Where a noarch package's files go depends on the Python that they are for.
        place = python.site_packages.replace("/", "+") if python else "no-python"
        return self.folder / place / package.sha256[:2] / f"{package.sha256}.json"
