"""Facts of packages: what a proof has to know of each before anything is left out."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from condabox.backends.notes import Notes
from condabox.conda.channels.worker import module_command, module_environment
from condabox.conda.packages.fetch import fetch_archives
from condabox.errors import InstallError
from condabox.oci.compress import default_threads
from condabox.process import Worker
from condabox.pruning.facts import PackageFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.python import PythonInfo
    from condabox.events import Reporter, Task
    from condabox.settings import Settings

FORMAT = 3
"""Raised whenever other facts would be taken of the same package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsTaker:
    """Takes facts, in several processes at a time, or finds those taken before."""

    settings: Settings
    reporter: Reporter

    def of(
        self, packages: Sequence[LockedPackage], *, python: PythonInfo | None
    ) -> Mapping[str, PackageFacts]:
        """Return the facts of every package by its sha256, in order; read only unknown ones."""
        folder = self.settings.cache_dir / "facts" / str(FORMAT)
        notes = Notes(folder=folder, read=PackageFacts.from_json)
        known = {package.sha256: notes.get(package, python) for package in packages}
        unknown = [package for package in packages if known[package.sha256] is None]
        if unknown:
            self._take(unknown, notes, python=python)
            known |= {package.sha256: notes.get(package, python) for package in unknown}
        return {sha256: found for sha256, found in known.items() if found is not None}

    def _take(
        self,
        packages: Sequence[LockedPackage],
        notes: Notes[PackageFacts],
        *,
        python: PythonInfo | None,
    ) -> None:
        archives = fetch_archives(packages, settings=self.settings, reporter=self.reporter)
        sizes = {sha256: path.stat().st_size for sha256, path in archives.items()}
        scratch = self.settings.cache_dir / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        jobs: SimpleQueue[tuple[LockedPackage, int, bytes]] = SimpleQueue()
        # The largest first, so that no process is left alone with it at the end.
        for package in sorted(packages, key=lambda each: (-sizes[each.sha256], each.sha256)):
            job = {
                "archive": str(archives[package.sha256]),
                "package": asdict(package),
                "python": None if python is None else asdict(python),
                "scratch": str(scratch),
                "note": str(notes.path(package, python)),
            }
            jobs.put((package, sizes[package.sha256], json.dumps(job).encode() + b"\n"))
        workers = min(len(packages), default_threads())
        command = module_command("condabox.pruning.observe_worker")
        with ExitStack() as stack:
            # Left in the opposite order: a worker's end is what a blocked thread waits for.
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            task = stack.enter_context(
                self.reporter.task("Reading packages", total=sum(sizes.values()))
            )
            started = [
                stack.enter_context(Worker(command, env=module_environment()))
                for _ in range(workers)
            ]
            for _ in pool.map(partial(_work, jobs=jobs, task=task), started):
                pass


def _work(
    worker: Worker, *, jobs: SimpleQueue[tuple[LockedPackage, int, bytes]], task: Task
) -> None:
    while True:
        try:
            package, size, job = jobs.get_nowait()
        except Empty:
            return
        line = b""
        with suppress(BrokenPipeError):  # it has ended before it was asked
            worker.stdin.write(job)
            worker.stdin.flush()
            line = worker.stdout.readline()
        if not line:
            raise InstallError(
                f"{package.filename} could not be read: the process that did so has ended",
                hint="is there enough memory? Then run it again",
            )
        answer = json.loads(line)
        if "error" in answer:
            raise InstallError(answer["error"], hint=answer["hint"])
        task.advance(size)
