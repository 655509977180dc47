"""What packages need as they say it themselves, for locks that do not tell.

An explicit lock has no dependencies.  They decide which of two packages gets a path that both ship,
and what Python consists of.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.packages.archive import PackageArchive
from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.metadata import read_metadata
from condabox.decode import DecodeError, strings
from condabox.errors import InstallError
from condabox.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockedPackage
    from condabox.events import Reporter
    from condabox.settings import Settings


def with_dependencies(
    environment: LockedEnvironment, *, settings: Settings, reporter: Reporter
) -> LockedEnvironment:
    """Return ``environment`` with the dependencies that its conda packages have, by their archives.

    It stays as it is where the lock tells any.  An archive that was read once is not needed again.
    """
    conda = [package for package in environment.packages if package.manager == "conda"]
    if any(package.dependencies for package in conda):
        return environment
    known = {package.sha256: _remembered(package, settings) for package in conda}
    unknown = [package for package in conda if known[package.sha256] is None]
    if unknown:
        archives = fetch_archives(unknown, settings=settings, reporter=reporter)
        known |= {p.sha256: _read(p, archives[p.sha256], settings) for p in unknown}
    return replace(
        environment,
        packages=tuple(
            replace(package, dependencies=known.get(package.sha256) or ())
            for package in environment.packages
        ),
    )


def _read(package: LockedPackage, archive: Path, settings: Settings) -> tuple[str, ...]:
    """Return the names of what ``package`` needs, without virtual packages, and remember them."""
    index = read_metadata(PackageArchive(path=archive, name=package.filename)).index
    try:
        specs = strings(index.get("depends") or [], at="info/index.json: depends")
    except DecodeError as error:
        raise InstallError(f"{package.filename}: {error}") from None
    names = tuple(
        sorted({name for spec in specs if not (name := package_of(spec)).startswith("__")})
    )
    write_atomically(_memory(package, settings), json.dumps(names).encode())
    return names


def _remembered(package: LockedPackage, settings: Settings) -> tuple[str, ...] | None:
    try:
        return strings(json.loads(_memory(package, settings).read_bytes()), at="")
    except (OSError, ValueError, RecursionError):
        return None


def _memory(package: LockedPackage, settings: Settings) -> Path:
    folder = settings.cache_dir / "dependencies" / package.sha256[:2]
    return folder / f"{package.sha256}.json"
