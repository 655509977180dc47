"""Where the tests are that conda packages bring along: in their archives, which the cache has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import PROD, LockedPackage
from condabox.conda.packages.archive import PackageArchive
from condabox.conda.packages.fetch import archive_path, fetch_archives
from condabox.conda.packages.own_tests import imports_of_tests
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedEnvironment
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.verification.installed import Environment


def tests_of_lock(
    locked: LockedEnvironment, *, settings: Settings, reporter: Reporter
) -> dict[str, tuple[str, ...]]:
    """Return what the tests of the locked conda packages import, by package's name.

    Archives that the cache lacks are fetched.
    """
    packages = [each for each in locked.packages if each.manager == "conda"]
    paths = fetch_archives(packages, settings=settings, reporter=reporter)
    return _imports((each, paths[each.sha256]) for each in packages)


def tests_in_cache(environment: Environment, *, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the same for what an image has, as far as the cache has the archives.

    An image may name any address, so nothing is fetched from there.
    """
    packages = [
        LockedPackage(
            name=record.name,
            version=record.version,
            manager="conda",
            url=record.url,
            sha256=record.sha256,
            category=PROD,
            dependencies=(),
        )
        for record in environment.records
        if record.sha256
    ]
    # the name of a file comes from a foreign address, too
    named = (each for each in packages if each.filename and "/" not in each.filename)
    paths = ((each, archive_path(each, settings=settings)) for each in named)
    return _imports((package, path) for package, path in paths if path.is_file())


def _imports(archives: Iterable[tuple[LockedPackage, Path]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for package, path in archives:
        try:
            imports = imports_of_tests(PackageArchive(path=path, name=package.filename))
        except InstallError:
            continue  # a build would have said so
        if imports:
            found[package.name] = imports
    return found
