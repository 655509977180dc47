"""The direct way from package archives to layer blobs: nothing is installed in between."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from condabox.conda.packages.bytecode import BytecodeCompiler, byte_code_of
from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry, Spool
from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.interpreter import find_interpreter
from condabox.conda.packages.package import link_package
from condabox.configuration import PACKAGES_ANNOTATION, PRUNED_ANNOTATION
from condabox.layercache import layer_key
from condabox.layering import Churn, LayerCandidate, group_packages
from condabox.oci.compress import default_threads
from condabox.oci.document import canonical_json
from condabox.oci.layer import write_layer
from condabox.oci.tarball import TarDirectory, TarFile, TarLink
from condabox.pruning.decision import savings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.conflicts import Conflicts
    from condabox.conda.packages.entry import PrefixEntry
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.conda.packages.python import PythonInfo
    from condabox.events import Reporter
    from condabox.layercache import LayerCache
    from condabox.oci.layer import Layer
    from condabox.oci.tarball import TarEntry
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
class _Job:
    """One layer that may have to be made; everything its bytes depend on is in ``key``."""

    packages: tuple[LockedPackage, ...]
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

    def make(self) -> tuple[PrefixLayer, ...]:
        """Return all layers, the bottom one first."""
        jobs = self._jobs()
        found = {job.key: layer for job in jobs if (layer := self.cache.get(job.key))}
        missing = [job for job in jobs if job.key not in found]
        made = self._make_missing(missing) if missing else {}
        return tuple(
            PrefixLayer(
                packages=job.packages,
                layer=found.get(job.key) or made[job.key],
                cached=job.key in found,
            )
            for job in jobs
        )

    def _jobs(self) -> list[_Job]:
        """Return prod's layers first, which are the same whatever else there is."""
        return [
            self._job(packages)
            for prod in (True, False)
            for packages in self._groups([p for p in self.plan.locked.packages if p.prod is prod])
        ]

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
        if self.python is not None:
            for path in self.inventories[package.sha256].paths:
                if made := byte_code_of(path, self.python):
                    yield path, made

    def _job(self, packages: tuple[LockedPackage, ...]) -> _Job:
        python = self.plan.locked.python
        needs_python = python is not None and any(map(self._is_compiled, packages))
        is_placed = any(self._churn(package) is not Churn.LIBRARY for package in packages)
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
            "site_packages": self.python.site_packages if self.python and is_placed else None,
            "python": python_sha256,
            "prefix": self.plan.image.prefix,
            "mtime": mtime,
            "compression": self.plan.compression.cache_key,
        }
        return _Job(
            packages=packages, key=layer_key(inputs), mtime=mtime, python_sha256=python_sha256
        )

    def _make_missing(self, jobs: list[_Job]) -> Mapping[str, Layer]:
        needed = [package for job in jobs for package in job.packages]
        archives = fetch_archives(needed, settings=self.settings, reporter=self.reporter)
        workers = min(len(jobs), default_threads())
        # The largest first, so that no worker is left alone with it at the end.
        jobs = sorted(
            jobs,
            key=lambda job: (
                -sum(self.inventories[each.sha256].archive_size for each in job.packages),
                job.key,
            ),
        )
        total = sum(self.inventories[package.sha256].archive_size for package in needed)
        with ExitStack() as stack:
            compilers: SimpleQueue[BytecodeCompiler] = SimpleQueue()
            if any(job.python_sha256 for job in jobs):
                interpreter = find_interpreter(
                    self.plan.locked,
                    self.plan.lock,
                    settings=self.settings,
                    reporter=self.reporter,
                )
                for _ in range(workers):
                    compilers.put(stack.enter_context(BytecodeCompiler(interpreter)))
            task = stack.enter_context(self.reporter.task("Writing layers", total=total))
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)

            def make(job: _Job) -> tuple[str, Layer]:
                layer = self._make(job, archives, compilers)
                for package in job.packages:
                    task.advance(self.inventories[package.sha256].archive_size)
                return job.key, layer

            return dict(pool.map(make, jobs))

    def _make(
        self, job: _Job, archives: Mapping[str, Path], compilers: SimpleQueue[BytecodeCompiler]
    ) -> Layer:
        scratch = self.settings.cache_dir / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        with Spool(scratch) as spool, ExitStack() as stack:
            compiler = None
            if job.python_sha256 is not None:
                compiler = compilers.get()
                stack.callback(compilers.put, compiler)
            linked = [
                self._entries(package, archives[package.sha256], spool, compiler)
                for package in job.packages
            ]
            layer = write_layer(
                _merged(linked, prefix=self.plan.image.prefix),
                mtime=job.mtime,
                compression=self.plan.compression,
                blobs=self.cache.blobs,
                annotations=self._annotations(job.packages),
            )
        self.cache.put(job.key, layer)
        return layer

    def _annotations(self, packages: Sequence[LockedPackage]) -> dict[str, str]:
        removals = [
            removal
            for package in packages
            for removal in self.pruned.get(package.sha256, {}).values()
        ]
        found = {PACKAGES_ANNOTATION: ",".join(each.name for each in packages)}
        if removals:
            saved = {rule: [each.paths, each.size] for rule, each in savings(removals).items()}
            found[PRUNED_ANNOTATION] = canonical_json(saved).decode()
        return found

    def _entries(
        self,
        package: LockedPackage,
        archive: Path,
        spool: Spool,
        compiler: BytecodeCompiler | None,
    ) -> Sequence[PrefixEntry]:
        prefix = self.plan.image.prefix
        without = self.pruned.get(package.sha256, {}).keys()
        entries = link_package(
            archive,
            package,
            prefix=prefix,
            python=self.python,
            spool=spool,
            without=without,
        )
        lost = self.conflicts.lost.get(package.sha256, frozenset())
        kept = tuple(entry for entry in entries if entry.path not in lost)
        if compiler is None or self.python is None:
            return kept
        return compiler.compile(
            kept, prefix=prefix, python=self.python, spool=spool, without=without
        )


def _merged(packages: Iterable[Iterable[PrefixEntry]], *, prefix: str) -> Iterator[TarEntry]:
    """Merge the packages' sorted entries into one sorted stream for a layer.

    Several packages may ship the same directory; it stands in the layer once.
    """
    root = prefix.lstrip("/")
    last = None
    for entry in heapq.merge(*packages, key=lambda entry: entry.path.encode()):
        path = f"{root}/{entry.path}"
        match entry:
            case FileEntry():
                mode = 0o755 if entry.executable else 0o644
                yield TarFile(path=path, content=entry.content, mode=mode)
            case LinkEntry():
                yield TarLink(path=path, target=entry.target)
            case DirectoryEntry():
                if last != path:
                    yield TarDirectory(path=path)
        last = path
