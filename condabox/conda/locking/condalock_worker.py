"""The process in which conda-lock runs, and learns how pip would resolve for the target.

By itself conda-lock takes the target for an operating system and no more.  Here it is told the
machine and the Python (PEP 508) and every glibc that wheels are made for (PEP 600), waits with
markers until Python's version is known, reads web addresses as PEP 508 writes them, completes the
hashes that an index does not tell, and takes nothing from pip that conda has installed.  And it
locks in stages, as `staged_solve` has them.

This module, `staged_solve` and `condalock_stage` know conda-lock from the inside: another version
may need others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urlsplit

import conda_lock.conda_lock as command_line
import conda_lock.pypi_solver as solver
import conda_lock.src_parser.environment_yaml as environment_file
from conda_lock._vendor.poetry.repositories import legacy_repository
from conda_lock._vendor.poetry.utils.cache import ArtifactCache
from conda_lock.interfaces.vendored_poetry import PoetrySolver, PoetryURLDependency, Pool
from conda_lock.models.lock_spec import URLDependency
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from condabox.conda.envfile.markers import marker_environment, may_hold
from condabox.conda.locking.staged_solve import lock_in_stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conda_lock._vendor.poetry.core.constraints.version import Version
    from conda_lock._vendor.poetry.inspection.info import PackageInfo
    from conda_lock.interfaces.vendored_poetry import (
        Operation,
        PoetryDependency,
        PoetryPackage,
        PoetryProjectPackage,
    )
    from conda_lock.lockfile.v2prelim.models import LockedDependency
    from conda_lock.models.lock_spec import Dependency
    from packaging.utils import NormalizedName

_NEWEST_GLIBC = 99
"""Minor version up to which there are tags: conda-lock leaves out those of a newer glibc."""

_get_dependency = solver.get_dependency
_get_requirements = solver.get_requirements
_parse_python_requirement = environment_file.parse_python_requirement
_solve_pypi = solver.solve_pypi


def main() -> None:
    """Run conda-lock's command line."""
    prepare()
    command_line.main()


def prepare() -> None:
    """Teach the conda-lock of this process."""
    tags = (f"_2_{minor}" for minor in range(17, _NEWEST_GLIBC + 1))
    solver.MANYLINUX_TAGS = ["1", "2010", "2014", *tags]
    solver.PlatformEnv = Target
    solver.PoetrySolver = solver_around_conda
    solver.get_dependency = dependency_with_extras
    solver.get_requirements = requirements_with_hashes
    environment_file.parse_python_requirement = parse_requirement
    environment_file.evaluate_marker = marker_may_hold
    command_line.solve_pypi = solve_what_applies
    command_line.create_lockfile_from_spec = lock_in_stages
    legacy_repository.LegacyRepository = CurrentIndex  # type: ignore[misc]


class Target(solver.PlatformEnv):  # type: ignore[misc]  # conda-lock has no types
    """The platform and the Python that pip would run on."""

    def __init__(self, *, platform: str, **known: object) -> None:
        super().__init__(platform=platform, **known)
        self._of_platform = marker_environment(platform)

    def get_marker_env(self) -> dict[str, str]:
        """Return the values of markers; nobody knows those of the target's kernel."""
        found: dict[str, str] = super().get_marker_env()
        if "python_full_version" in found:
            found["implementation_version"] = found["python_full_version"]
        return {**found, **self._of_platform}


class CurrentIndex(legacy_repository.LegacyRepository):
    """An index whose releases may get other files: what was kept of one is then forgotten."""

    def get_release_info(self, name: NormalizedName, version: Version) -> PackageInfo:
        """Return what is known of a release, or learn it."""
        kept = self._release_cache.get(f"{name}:{version}")
        if kept is not None and not self._is_current(name, version, files=kept["files"]):
            self._release_cache.forget(f"{name}:{version}")
        return super().get_release_info(name, version)

    def _is_current(
        self, name: NormalizedName, version: Version, *, files: Sequence[Mapping[str, str | None]]
    ) -> bool:
        links = list(self.get_page(name).links_for_version(name, version))
        offered = [link for link in links if not link.yanked] or links
        known = {entry["file"]: (entry["hash"] or "").partition(":") for entry in files}
        return known.keys() == {link.filename for link in offered} and all(
            link.hashes.get(kind, digest) == digest
            for link in offered
            for kind, _, digest in [known[link.filename]]
        )


class PoolAroundConda(Pool):  # type: ignore[misc]  # conda-lock has no types
    """The indexes, where nothing but conda's own package goes by the name of one of conda's."""

    def __init__(self, indexes: Pool, *, installed: Sequence[PoetryPackage]) -> None:
        super().__init__(indexes.repositories)
        # what lies at a web address may be another file today: it is kept for this run alone
        self._artifact_cache = ArtifactCache(cache_dir=Path.cwd() / "artifacts")
        self._installed = {package.name: package for package in installed}

    def package(
        self,
        name: str,
        version: object,
        extras: list[str] | None = None,
        repository_name: str | None = None,
    ) -> PoetryPackage:
        """Return a release; conda's needs nothing but what an index has for its ``extras``."""
        installed = self._installed.get(canonicalize_name(name))
        if installed is not None and not extras:
            return installed
        return super().package(name, version, extras, repository_name)

    def find_packages(self, dependency: PoetryDependency) -> list[PoetryPackage]:
        """Return the releases that ``dependency`` allows."""
        installed = self._installed.get(dependency.name)
        if installed is None:
            found: list[PoetryPackage] = super().find_packages(dependency)
            return found
        return [installed] if dependency.constraint.allows(installed.version) else []


def solver_around_conda(
    project: PoetryProjectPackage, *, pool: Pool, installed: Sequence[PoetryPackage], **rest: object
) -> PoetrySolver:
    """Return a solver that ``project`` has conda's packages from, ``installed``, and keeps them."""
    for package in installed:
        project.add_dependency(package.to_dependency())
    around = PoolAroundConda(pool, installed=installed)
    return PoetrySolver(project, pool=around, installed=installed, **rest)


def parse_requirement(
    requirement: str, *, mapping_url: str, manager: str = "conda", category: str = "main"
) -> Dependency:
    """Read a requirement as conda-lock does, and one with a web address as PEP 508 does."""
    parsed = Requirement(requirement) if manager == "pip" else None
    if parsed is None or parsed.url is None:
        return _parse_python_requirement(
            requirement, mapping_url=mapping_url, manager=manager, category=category
        )
    url, fragment = urldefrag(parsed.url)
    return URLDependency(
        name=canonicalize_name(parsed.name),
        manager=manager,
        category=category,
        extras=sorted(parsed.extras),
        markers=str(parsed.marker) if parsed.marker else None,
        url=url,
        hashes=[fragment.replace("=", ":") if fragment.startswith("sha256=") else ""],
    )


def marker_may_hold(_marker: str | None, _platform: str) -> bool:
    """Leave every requirement to `solve_what_applies`, which knows Python's version too."""
    return True


def dependency_with_extras(spec: Dependency) -> PoetryDependency:
    """Return the solver's form of ``spec``, with the extras that a web address stands for."""
    found = _get_dependency(spec)
    if isinstance(spec, URLDependency):
        return PoetryURLDependency(spec.name, url=found.url.rstrip("#"), extras=spec.extras)
    return found


def solve_what_applies(
    *, pip_specs: Mapping[str, Dependency], platform: str, python_version: str, **rest: object
) -> Mapping[str, LockedDependency]:
    """Solve those of ``pip_specs`` whose marker may hold for the target and its Python."""
    known = Target(platform=platform, python_version=python_version).get_marker_env()
    asked = {
        name: spec
        for name, spec in pip_specs.items()
        if spec.markers is None or may_hold(Marker(spec.markers), known)
    }
    found: Mapping[str, LockedDependency] = _solve_pypi(
        pip_specs=asked, platform=platform, python_version=python_version, **rest
    )
    for package in found.values():
        # conda-lock writes nothing without a category, and gives none to what comes with an extra
        # of a package that is conda's
        package.categories = package.categories or {"main"}
    return found


def requirements_with_hashes(
    result: Sequence[Operation], platform: str, pool: Pool, env: Target, **rest: object
) -> list[LockedDependency]:
    """Lock the packages of ``result``, each with the sha256 that its index or its file tells.

    Raise RuntimeError where the file at a web address is for another target, or not the one whose
    hash is asked for.
    """
    locked: list[LockedDependency] = _get_requirements(result, platform, pool, env, **rest)
    chosen = (operation.package for operation in result if not operation.skipped)
    for package, requirement in zip(chosen, locked, strict=True):
        filename = unquote(urlsplit(requirement.url).path).rpartition("/")[2]
        if package.source_type == "url" and _is_foreign(filename, env):
            # in the words of Poetry, which only looks at the tags of what it chooses itself
            raise RuntimeError(
                f"Unable to find installation candidates for {package.name} ({package.version})"
            )
        hashes = {entry["file"]: entry["hash"] for entry in package.files}
        kind, _, found = hashes.get(filename, "").partition(":")
        if kind == "sha256":
            if requirement.hash.sha256 not in {None, found}:
                raise RuntimeError(f"{requirement.url} does not have the sha256 that is asked for")
            requirement.hash = requirement.hash.model_copy(update={"sha256": found})
    return locked


def _is_foreign(filename: str, env: Target) -> bool:
    return parse_wheel_filename(filename)[3].isdisjoint(env.supported_tags)
