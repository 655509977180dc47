"""Locks an environment with conda-lock, which is run as a command and solves with our solver.

pip requirements are locked by conda-lock too.  It asks the indexes that pip would ask, as plain
PEP 503 pages, which every index has; it resolves for the target's platform and Python, not this
machine's, and takes the environment's conda packages for installed.
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.conda.inputs import INPUTS_KEY, inputs_of, package_of
from condabox.conda.lockerrors import explain, names_unreachable
from condabox.conda.lockfile import (
    BASE_KEY,
    DIGEST_KEY,
    FORMAT_KEY,
    FORMAT_VERSION,
)
from condabox.conda.lockreader import read_lock_file
from condabox.conda.locksource import categories_of, environment_file, virtual_package_file
from condabox.conda.lockwriter import finished
from condabox.conda.pip_index import PipIndexes, certificate_environment, pip_indexes
from condabox.conda.pypi_names import lookup_table
from condabox.conda.solver_request import VARIABLE, SolverRequest
from condabox.conda.virtual_packages import DEFAULT_BASE
from condabox.conda.worker import module_command, module_environment, network_environment
from condabox.errors import LockError, SolveError
from condabox.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.conda.channels import ChannelNames
    from condabox.conda.inputs import LockInputs
    from condabox.conda.lockfile import LockFile
    from condabox.conda.spec import EnvironmentSpec
    from condabox.events import Reporter
    from condabox.settings import Settings

_SOLVER_HINT = "install it, or leave --solver away: condabox has its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockJob:
    """What to lock.

    ``keep`` is an earlier lock whose other subdirs stay, and from which only the packages named
    by ``update`` move where that names any.  ``base_digests`` are by subdir.  ``solver`` is the
    user's own conda, mamba or micromamba; without it condabox solves.
    """

    spec: EnvironmentSpec
    subdirs: tuple[str, ...]
    names: ChannelNames
    base_digests: Mapping[str, str]
    keep: LockFile | None = None
    update: tuple[str, ...] = ()
    solver: str | None = None


def lock_path(environment: Path) -> Path:
    """Return where the lock of an environment file is: ``envs/ai.conda-lock.yml``."""
    return environment.with_name(f"{environment.stem}.conda-lock.yml")


def lock_environment(job: LockJob, *, settings: Settings, reporter: Reporter) -> LockFile:
    """Lock ``job.subdirs`` and write the lock file beside the environment file.

    Where anything fails the old file stays as it is.  Raise SolveError, with the solver's own
    explanation, when there is no solution.
    """
    inputs = {subdir: inputs_of(job.spec, subdir, names=job.names) for subdir in job.subdirs}
    has_pip = any(found.pip for found in inputs.values())
    indexes = pip_indexes(settings.pip_index_url) if has_pip else PipIndexes(urls=())
    for url in indexes.skipped:
        reporter.warning(f"pip's index {url} is left out: only indexes on HTTP can be locked")
    with tempfile.TemporaryDirectory(prefix="condabox-lock-") as name:
        run = _Run(folder=Path(name), job=job, inputs=inputs, indexes=indexes, settings=settings)
        run.write_files()
        done = run.conda_lock(settings.pypi_mapping if has_pip else run.own_names)
        if has_pip and settings.pypi_mapping is None and names_unreachable(done):
            reporter.warning(
                "conda-lock's table of package names cannot be reached, condabox's own has only "
                "common ones; [conda-lock] pypi-mapping in condabox.toml names a complete one"
            )
            done = run.conda_lock(run.own_names)
        if done.returncode != 0:
            raise run.request.reported() or explain(done.stderr, environment=job.spec.path)
        return _publish(job, run.lock.read_bytes(), folder=run.folder)


def _publish(job: LockJob, made: bytes, *, folder: Path) -> LockFile:
    """Put the new lock where the old one was, once it is known to be readable."""
    path = lock_path(job.spec.path)
    others = set(job.keep.subdirs) & set(job.spec.platforms) if job.keep else set()
    data = finished(made, environment=job.spec.path, subdirs={*job.subdirs, *others})
    candidate = folder / "finished.yml"
    candidate.write_bytes(data)
    try:
        read_lock_file(candidate)
    except LockError as error:
        problem = error.message.removeprefix(f"{candidate}: ")
        raise SolveError(f"{job.spec.path}: the solution cannot be used: {problem}") from None
    write_atomically(path, data)
    return read_lock_file(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A folder with what conda-lock reads, and how it is called there."""

    folder: Path
    job: LockJob
    inputs: Mapping[str, LockInputs]
    indexes: PipIndexes
    settings: Settings

    @property
    def lock(self) -> Path:
        return self.folder / lock_path(self.job.spec.path).name

    @property
    def own_names(self) -> str:
        return str(self.folder / "names.json")

    @property
    def categories(self) -> tuple[str, ...]:
        return categories_of(self.inputs.values())

    @property
    def request(self) -> SolverRequest:
        """What the solver is told past conda-lock."""
        mirrors = dict(self.settings.channel_mirrors)
        for channel in self.job.spec.channels:
            for url in self.job.names.located(channel):
                (canonical,) = self.job.names.canonical([url])
                if url != canonical:
                    mirrors[canonical] = (*mirrors.get(canonical, ()), url)
        return SolverRequest(
            settings=replace(self.settings, channel_mirrors=mirrors),
            specs={
                subdir: tuple(spec for specs in found.conda.values() for spec in specs)
                for subdir, found in self.inputs.items()
            },
            failure=self.folder / "failure.json",
        )

    def _asked(self) -> dict[str, LockInputs]:
        """Return the inputs, with what is to be updated though nobody asks for it by name.

        conda-lock can only update what an environment file names.
        """
        if self.job.keep is None:
            return dict(self.inputs)
        asked = {}
        for subdir, found in self.inputs.items():
            conda = dict(found.conda)
            named = {package_of(spec) for specs in conda.values() for spec in specs}
            for package in self.job.keep.packages.get(subdir, ()):
                if package.manager == "conda" and package.name in {*self.job.update} - named:
                    conda[package.category] = (*conda.get(package.category, ()), package.name)
            asked[subdir] = replace(found, conda=conda)
        return asked

    def write_files(self) -> None:
        job = self.job
        for category in self.categories:
            text = environment_file(
                self._asked(), category=category, default_index=not self.indexes.urls
            )
            (self.folder / f"{category}.yml").write_text(text)
        (self.folder / "virtual-packages.yml").write_text(virtual_package_file(self.inputs))
        metadata = {FORMAT_KEY: FORMAT_VERSION, BASE_KEY: job.spec.image.base or DEFAULT_BASE}
        metadata |= {DIGEST_KEY + subdir: digest for subdir, digest in job.base_digests.items()}
        metadata |= {INPUTS_KEY + subdir: found.to_text() for subdir, found in self.inputs.items()}
        (self.folder / "metadata.json").write_text(json.dumps(metadata, sort_keys=True))
        Path(self.own_names).write_text(lookup_table())
        if job.keep is not None:
            self.lock.write_bytes(job.keep.path.read_bytes())
        command = shlex.join(module_command("condabox.conda.solver_command"))
        shim = self.folder / "condabox-solver"
        shim.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        shim.chmod(0o700)

    def conda_lock(self, names: str | None) -> process.Completed:
        """Run conda-lock with the table ``names``; None is the one that it downloads."""
        job = self.job
        if job.solver is None:
            solver = str(self.folder / "condabox-solver")
        else:
            solver = process.find(job.solver, hint=_SOLVER_HINT)
        command = [sys.executable, "-m", "conda_lock", "lock", "--conda", solver, "--no-mamba"]
        # Of a package in two files the last one counts: main comes last.
        for category in reversed(self.categories):
            command += ["--file", f"{category}.yml"]
        for subdir in job.subdirs:
            command += ["--platform", subdir]
        for package in job.update:
            command += ["--update", package]
        command += ["--lockfile", self.lock.name, "--kind", "lock", "--log-level", "WARNING"]
        command += ["--virtual-package-spec", "virtual-packages.yml"]
        command += ["--metadata-json", "metadata.json"]
        if names is not None:
            command += ["--pypi_to_conda_lookup_file", names]
        return process.attempt(command, env=self._environment(), cwd=self.folder)

    def _environment(self) -> dict[str, str]:
        # condabox's own modules are not for the user's conda, which is a Python program too
        inherited = module_environment() if self.job.solver is None else network_environment()
        env = {
            name: value
            for name, value in inherited.items()
            # what a shell of conda's or a project of Poetry's has set is not for this lock
            if name != "CONDA_FLAGS" and not name.startswith(("POETRY_", "CONDA_LOCK_"))
        }
        return {
            **env,
            **certificate_environment(self.indexes, env),
            **self.indexes.poetry_environment(),
            "POETRY_CACHE_DIR": str(self.settings.cache_dir / "pip-metadata"),
            "POETRY_INSTALLER_ONLY_BINARY": ":all:",
            VARIABLE: self.request.to_variable(),
        }
