"""Locks an environment with conda-lock, which is run as a command and solves with our solver.

pip requirements are locked by conda-lock too.  It asks the indexes that pip would ask, as plain
PEP 503 pages, which every index has; it resolves for the target's platform and Python, not this
machine's, and takes the environment's conda packages for installed.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.conda.channels.channel import candidates, without_credentials
from condabox.conda.channels.pip_index import PipIndexes, pip_indexes
from condabox.conda.lockfiles.base_choice import BasePins
from condabox.conda.lockfiles.inputs import INPUTS_KEY
from condabox.conda.lockfiles.lockfile import (
    BASE_KEY,
    DIGEST_KEY,
    FORMAT_KEY,
    FORMAT_VERSION,
    SIZES_KEY,
    lock_path,
)
from condabox.conda.lockfiles.lockreader import parse_lock_file
from condabox.conda.lockfiles.seal import BASE_SEAL_KEY, seal_base
from condabox.conda.locking.condalock import CondaLockRun
from condabox.conda.locking.gpu_builds import (
    check_gpu_builds,
    gpu_message,
    require_gpu_builds,
    without_message,
)
from condabox.conda.locking.lockerrors import names_unreachable
from condabox.conda.locking.lockwriter import merged
from condabox.errors import LockError, SolveError
from condabox.platforms import PLATFORM_OF_SUBDIR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile
    from condabox.events import Reporter
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockJob:
    """What to lock.

    ``inputs`` are by subdir, of those to solve.  ``previous`` is the lock before: its subdirs
    ``kept`` stay as they are, and of the others' packages those ``preferred`` are taken again where
    that is possible and those ``moving`` go as far as they can.  ``solver`` is the user's own
    conda, mamba or micromamba; without it condabox solves.
    """

    spec: EnvironmentSpec
    inputs: Mapping[str, LockInputs]
    base: BasePins = field(default_factory=BasePins)
    previous: LockFile | None = None
    kept: tuple[str, ...] = ()
    preferred: Mapping[str, tuple[LockedPackage, ...]] = field(default_factory=dict)
    moving: Mapping[str, tuple[LockedPackage, ...]] = field(default_factory=dict)
    solver: str | None = None


def lock_environment(
    job: LockJob, *, settings: Settings, reporter: Reporter
) -> tuple[LockFile, bytes]:
    """Lock the subdirs of ``job``, all at the same time; return the lock file, and its content.

    Nothing is written yet.  Raise SolveError, with the solver's own explanation, when there is no
    solution.
    """
    has_pip = any(inputs.pip for inputs in job.inputs.values())
    indexes = pip_indexes(settings.pip_index_url) if has_pip else PipIndexes(urls=())
    if job.solver is not None:
        _warn_of_credentials(job, settings, reporter=reporter)
    for url in indexes.skipped:
        reporter.warning(f"pip's index {url} is left out: only indexes on HTTP can be locked")
    previous = job.previous.path.read_bytes() if job.previous is not None else None
    with tempfile.TemporaryDirectory(prefix="condabox-lock-") as name:
        runs = [
            CondaLockRun(
                folder=Path(name) / subdir,
                subdir=subdir,
                environment=job.spec.path,
                inputs=inputs,
                preferred=job.preferred.get(subdir, ()),
                previous=previous,
                moving=job.moving.get(subdir, ()),
                solver=job.solver,
                indexes=indexes,
                settings=settings,
            )
            for subdir, inputs in job.inputs.items()
        ]
        for run in runs:
            run.write_files()
        _solve(runs, names=settings.pypi_mapping, has_pip=has_pip, reporter=reporter)
        for run in runs:
            _tell_of_stages(run, reporter=reporter)
        data = merged(
            {run.subdir: run.lock.read_bytes() for run in runs},
            previous=previous,
            kept=job.kept,
            content_hashes={subdir: inputs.digest for subdir, inputs in job.inputs.items()},
            custom=_metadata(job, sizes={run.subdir: run.report.sizes for run in runs}),
            environment=job.spec.path,
            located={
                c: url
                for run in runs
                for c, url in zip(run.inputs.channels, run.channels, strict=True)
            },
        )
    made = _parsed(data, job)
    for run in runs:
        _check_gpu_builds(run, made, spec=job.spec, reporter=reporter)
    return made, data


def _warn_of_credentials(job: LockJob, settings: Settings, *, reporter: Reporter) -> None:
    """Say what conda-lock's way to call a solver shows to others on this machine."""
    for channel in {url for inputs in job.inputs.values() for url in inputs.channels}:
        source = candidates(channel, settings.channel_mirrors)[0]
        shown = without_credentials(source)
        if source != shown:
            reporter.warning(
                f"{job.solver} gets the credentials of {shown} on its command line, where others "
                "on this machine can see them"
            )


def _tell_of_stages(run: CondaLockRun, *, reporter: Reporter) -> None:
    """Say what development changed in prod, and what it shares with it.

    A later lock keeps what moved without a word: what is locked stays, so that nothing moves in it,
    and what prod would have alone is not known without solving it again.
    """
    report = run.report
    for moved in report.moved:
        reporter.warning(f"{run.subdir}: development packages change prod: {moved}")
    if report.shared:
        wheels = ", ".join(report.shared)
        reporter.message(f"{run.subdir}: development uses wheels of prod: {wheels}")


def _parsed(data: bytes, job: LockJob) -> LockFile:
    path = lock_path(job.spec.path)
    try:
        return parse_lock_file(data, path=path)
    except LockError as error:
        problem = error.message.removeprefix(f"{path}: ")
        raise SolveError(f"{job.spec.path}: the solution cannot be used: {problem}") from None


def _check_gpu_builds(
    run: CondaLockRun, made: LockFile, *, spec: EnvironmentSpec, reporter: Reporter
) -> None:
    """Say what ``cuda:`` brought; raise SolveError where that are CPU builds for no reason."""
    specs = [match_spec for found in run.inputs.conda.values() for match_spec in found]
    builds = check_gpu_builds(
        made.environments[run.subdir].packages,
        specs=specs,
        channels=run.inputs.channels,
        subdir=run.subdir,
        virtual_packages=run.inputs.virtual_packages,
        allowed=spec.image.allow_cpu,
        settings=run.settings,
    )
    require_gpu_builds(builds, subdir=run.subdir, specs=specs)
    if message := gpu_message(builds):
        reporter.message(f"{run.subdir}: {message}")
    if warning := without_message(builds):
        reporter.warning(f"{run.subdir}: {warning}")


def _solve(
    runs: Sequence[CondaLockRun], *, names: str | None, has_pip: bool, reporter: Reporter
) -> None:
    """Run conda-lock for every subdir; raise SolveError with the reasons of all that fail."""
    done = process.attempt_all([run.job(names if has_pip else run.own_names) for run in runs])
    if has_pip and names is None and any(map(names_unreachable, done)):
        reporter.warning(
            "conda-lock's table of package names cannot be reached, condabox's own has only "
            "common ones; [conda-lock] pypi-mapping in condabox.toml names a complete one"
        )
        done = process.attempt_all([run.job(run.own_names) for run in runs])
    failures: dict[str, SolveError] = {}
    concerned: dict[str, list[str]] = {}
    for run, each in zip(runs, done, strict=True):
        failure = run.failure(each)
        if failure is not None:
            failures.setdefault(failure.message, failure)
            concerned.setdefault(failure.message, []).append(run.subdir)
    if failures:
        lines = (f"{', '.join(subdirs)}: {message}" for message, subdirs in concerned.items())
        raise SolveError("\n".join(lines), hint=next(iter(failures.values())).hint)


def repinned(
    locked: LockFile, data: bytes, *, spec: EnvironmentSpec, base: BasePins
) -> tuple[LockFile, bytes]:
    """Return a lock and its content with another base, and with the same packages."""
    job = LockJob(spec=spec, inputs={}, base=base, previous=locked, kept=locked.subdirs)
    data = merged(
        {},
        previous=data,
        kept=locked.subdirs,
        content_hashes={},
        custom=_metadata(job, sizes={}),
        environment=spec.path,
        located={},
    )
    return _parsed(data, job), data


def _metadata(job: LockJob, *, sizes: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Return condabox's own entries, of solved subdirs and of kept ones."""
    before = job.previous
    kept_inputs = before.inputs if before else {}
    kept_packages = before.packages if before else {}
    inputs = {s: kept_inputs[s] for s in job.kept if s in kept_inputs} | dict(job.inputs)
    all_sizes = {
        subdir: {p.name: p.size for p in kept_packages[subdir] if p.size is not None}
        for subdir in job.kept
    } | {subdir: dict(found) for subdir, found in sizes.items()}
    base = job.base
    sealed = ({*job.inputs, *job.kept} & PLATFORM_OF_SUBDIR.keys()) - base.unproven
    return {
        FORMAT_KEY: FORMAT_VERSION,
        **({BASE_KEY: base.name} if base.name is not None else {}),
        **{DIGEST_KEY + subdir: digest for subdir, digest in base.digests.items()},
        **{
            BASE_SEAL_KEY + subdir: seal_base(base.name, base.digests.get(subdir), subdir=subdir)
            for subdir in sealed
        },
        **{INPUTS_KEY + subdir: found.to_text() for subdir, found in inputs.items()},
        **{
            SIZES_KEY + subdir: json.dumps(found, sort_keys=True, separators=(",", ":"))
            for subdir, found in all_sizes.items()
            if found
        },
    }
