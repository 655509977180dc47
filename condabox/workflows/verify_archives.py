"""What conda packages have and test, as told by their archives, which the cache has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import PROD, LockedPackage
from condabox.conda.packages.archive import PackageArchive
from condabox.conda.packages.fetch import archive_path, fetch_archives
from condabox.conda.packages.metadata import read_metadata
from condabox.conda.packages.own_tests import imports_of_tests
from condabox.errors import InstallError
from condabox.verification.archived import Archived, in_site

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedEnvironment
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.verification.installed import Environment


def archives_of_lock(
    locked: LockedEnvironment, *, settings: Settings, reporter: Reporter
) -> dict[str, Archived]:
    """Return what the archives of the locked conda packages have for Python, by package's name.

    Archives that the cache lacks are fetched.
    """
    packages = [each for each in locked.packages if each.manager == "conda"]
    paths = fetch_archives(packages, settings=settings, reporter=reporter)
    return _archived((each, paths[each.sha256]) for each in packages)


def archives_in_cache(environment: Environment, *, settings: Settings) -> dict[str, Archived]:
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
    return _archived((package, path) for package, path in paths if path.is_file())


def _archived(archives: Iterable[tuple[LockedPackage, Path]]) -> dict[str, Archived]:
    found: dict[str, Archived] = {}
    for package, path in archives:
        archive = PackageArchive(path=path, name=package.filename)
        try:
            listed = (each.path for each in read_metadata(archive).paths)
            one = Archived(imports=imports_of_tests(archive), files=in_site(listed))
        except InstallError:
            continue  # a build would have said so
        if one.imports or one.files:
            found[package.name] = one
    return found
