"""From package archives to layer blobs: nothing is installed in between."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from condabox.conda.packages.bytecode import BytecodeCompiler
from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry, Spool
from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.interpreter import find_interpreter
from condabox.conda.packages.package import link_package
from condabox.configuration import PACKAGES_ANNOTATION, PRUNED_ANNOTATION
from condabox.oci.compress import default_threads
from condabox.oci.document import canonical_json
from condabox.oci.layer import write_layer
from condabox.oci.tarball import TarDirectory, TarFile, TarLink
from condabox.pruning.decision import savings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.backends.prefix_layers import LayerJob
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.entry import PrefixEntry
    from condabox.conda.packages.python import PythonInfo
    from condabox.events import Reporter
    from condabox.layercache import LayerCache
    from condabox.oci.layer import Layer
    from condabox.oci.tarball import TarEntry
    from condabox.plan import BuildPlan
    from condabox.pruning.decision import Removal
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWriter:
    """Writes layers of packages of one plan, several at a time.

    ``lost`` are the paths that other packages have in their place, and ``pruned`` those that are
    left out, both by package's sha256.
    """

    plan: BuildPlan
    python: PythonInfo | None
    lost: Mapping[str, frozenset[str]]
    pruned: Mapping[str, Mapping[str, Removal]]
    cache: LayerCache
    settings: Settings
    reporter: Reporter

    def write(self, jobs: Sequence[LayerJob]) -> Mapping[str, Layer]:
        """Return the layer of each of ``jobs`` by its key; archives are fetched where needed."""
        needed = [package for job in jobs for package in job.packages]
        archives = fetch_archives(needed, settings=self.settings, reporter=self.reporter)
        workers = min(len(jobs), default_threads())
        # The largest first, so that no worker is left alone with it at the end.
        jobs = sorted(jobs, key=lambda job: (-job.size, job.key))
        total = sum(job.size for job in jobs)
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

            def make(job: LayerJob) -> tuple[str, Layer]:
                layer = self._make(job, archives, compilers)
                task.advance(job.size)
                return job.key, layer

            return dict(pool.map(make, jobs))

    def _make(
        self, job: LayerJob, archives: Mapping[str, Path], compilers: SimpleQueue[BytecodeCompiler]
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
        lost = self.lost.get(package.sha256, frozenset())
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
