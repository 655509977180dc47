"""Which layers the packages of a plan become, and which of them were made before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.bytecode import byte_code_of
from condabox.layercache import layer_key
from condabox.layering import Churn, LayerCandidate, group_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.conflicts import Conflicts
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.conda.packages.python import PythonInfo
    from condabox.events import Reporter
    from condabox.layercache import LayerCache
    from condabox.oci.layer import Layer
    from condabox.plan import BuildPlan
    from condabox.pruning.decision import Removal
    from condabox.settings import Settings

OLDEST = 315532800
"""1980-01-01, the first time that zip files can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixLayer:
    """A layer of packages, and whether it was made before."""

    packages: tuple[LockedPackage, ...]
    layer: Layer
    cached: bool

    @property
    def prod(self) -> bool:
        """Whether every variant of the image has it."""
        return all(package.prod for package in self.packages)

    @property
    def title(self) -> str:
        """The names of its packages."""
        return ", ".join(package.name for package in self.packages)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerJob:
    """One layer that may have to be made; everything its bytes depend on is in ``key``."""

    packages: tuple[LockedPackage, ...]
    size: int
    """Bytes of the packages' archives."""
    key: str
    mtime: int
    python_sha256: str | None
    """The Python that compiles the layer's sources; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixLayers:
    """Makes the layers of one plan's packages, or takes them from the cache.

    ``pruned`` is what they leave out, by package's sha256 and path.
    """

    plan: BuildPlan
    python: PythonInfo | None
    inventories: Mapping[str, PackageInventory]
    conflicts: Conflicts
    pruned: Mapping[str, Mapping[str, Removal]]
    cache: LayerCache
    settings: Settings
    reporter: Reporter

    @property
    def count(self) -> int:
        """How many there will be."""
        return sum(1 for _ in self._all_groups())

    def make(self) -> tuple[PrefixLayer, ...]:
        """Return all layers, the bottom one first."""
        jobs = self._jobs()
        found = {job.key: layer for job in jobs if (layer := self.cache.get(job.key))}
        missing = [job for job in jobs if job.key not in found]
        made = self._write(missing) if missing else {}
        return tuple(
            PrefixLayer(
                packages=job.packages,
                layer=found.get(job.key) or made[job.key],
                cached=job.key in found,
            )
            for job in jobs
        )

    def _write(self, jobs: Sequence[LayerJob]) -> Mapping[str, Layer]:
        # here, as a build with nothing changed needs none of what it imports
        from condabox.backends.layer_writing import LayerWriter  # noqa: PLC0415

        writer = LayerWriter(
            plan=self.plan,
            python=self.python,
            lost=self.conflicts.lost,
            pruned=self.pruned,
            cache=self.cache,
            settings=self.settings,
            reporter=self.reporter,
        )
        return writer.write(jobs)

    def _jobs(self) -> list[LayerJob]:
        return [self._job(packages) for packages in self._all_groups()]

    def _all_groups(self) -> Iterator[tuple[LockedPackage, ...]]:
        """Yield prod's first, which are the same whatever else there is."""
        for prod in (True, False):
            yield from self._groups([p for p in self.plan.locked.packages if p.prod is prod])

    def _groups(self, packages: Sequence[LockedPackage]) -> Iterator[tuple[LockedPackage, ...]]:
        by_key = {package.sha256: package for package in packages}
        candidates = [self._candidate(package) for package in packages]
        for group in group_packages(candidates, budget=self.plan.budget):
            yield tuple(by_key[each.key] for each in group)

    def _candidate(self, package: LockedPackage) -> LayerCandidate:
        return LayerCandidate(
            key=package.sha256,
            name=package.name,
            size=self.inventories[package.sha256].archive_size,
            churn=self._churn(package),
        )

    def _churn(self, package: LockedPackage) -> Churn:
        if package.manager == "pip" or package.subdir == "noarch":
            return Churn.PURE
        return Churn.COMPILED if self._has_sources(package) else Churn.LIBRARY

    def _has_sources(self, package: LockedPackage) -> bool:
        return any(self._byte_code(package))

    def _is_compiled(self, package: LockedPackage) -> bool:
        """Tell whether the image has byte code of ``package``."""
        removed = self.pruned.get(package.sha256, {})
        return any(
            source not in removed and made not in removed
            for source, made in self._byte_code(package)
        )

    def _byte_code(self, package: LockedPackage) -> Iterator[tuple[str, str]]:
        """Yield the sources of ``package``, and the byte code that can be made of them."""
        python = self._python_of(package)
        if python is not None:
            for path in self.inventories[package.sha256].paths:
                if made := byte_code_of(path, python):
                    yield path, made

    def _python_of(self, package: LockedPackage) -> PythonInfo | None:
        """Return the Python that ``package`` finds; what development brings is none of prod's."""
        locked = self.plan.locked.python
        is_found = locked is not None and (locked.prod or not package.prod)
        return self.python if is_found else None

    def _job(self, packages: tuple[LockedPackage, ...]) -> LayerJob:
        python = self.plan.locked.python
        needs_python = python is not None and any(map(self._is_compiled, packages))
        is_placed = any(self._churn(package) is not Churn.LIBRARY for package in packages)
        placed_by = self._python_of(packages[0])
        python_sha256 = python.sha256 if python is not None and needs_python else None
        newest = max(self.inventories[each.sha256].timestamp or OLDEST for each in packages)
        mtime = newest if self.plan.epoch is None else min(newest, self.plan.epoch)
        inputs = {
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "sha256": package.sha256,
                    "url": package.url,
                    "lost": sorted(self.conflicts.lost.get(package.sha256, frozenset())),
                    "pruned": {
                        path: (removal.rule, removal.size)
                        for path, removal in self.pruned.get(package.sha256, {}).items()
                    },
                }
                for package in packages
            ],
            "site_packages": placed_by.site_packages if placed_by and is_placed else None,
            "python": python_sha256,
            "prefix": self.plan.image.prefix,
            "mtime": mtime,
            "compression": self.plan.compression.cache_key,
        }
        return LayerJob(
            packages=packages,
            size=sum(self.inventories[package.sha256].archive_size for package in packages),
            key=layer_key(inputs),
            mtime=mtime,
            python_sha256=python_sha256,
        )
