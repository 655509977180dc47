"""One run of conda-lock, for one subdir: the folder that it works in, and how it is called."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import condabox
from condabox import process
from condabox.conda.channels.channel import candidates
from condabox.conda.channels.pip_index import certificate_environment
from condabox.conda.channels.worker import module_command, module_environment, network_environment
from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.lockfiles.lockfile import PROD
from condabox.conda.locking.lockerrors import explain
from condabox.conda.locking.locksource import categories_of, environment_file, virtual_package_file
from condabox.conda.locking.lockwriter import prior_lock
from condabox.conda.locking.pypi_names import lookup_table
from condabox.conda.locking.solver_request import (
    VARIABLE,
    SolverCall,
    SolverRequest,
    reported_failure,
)
from condabox.conda.locking.stages_request import StagesReport, StagesRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from condabox.conda.channels.pip_index import PipIndexes
    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.errors import SolveError
    from condabox.settings import Settings

# not by PYTHONPATH: the user's own conda, a Python program too, must not find condabox's modules
_WORKER = f"""
import sys
sys.path.insert(0, {str(Path(condabox.__file__).parent.parent)!r})
from condabox.conda.locking.condalock_worker import main
main()
"""
_SOLVER_HINT = "install it, or leave --solver away: condabox has its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaLockRun:
    """What conda-lock is asked for ``subdir``, in a folder of its own.

    The mirrors of ``settings`` lead to channels with their credentials.  Of the packages of
    ``previous``, the content of an earlier lock, those ``preferred`` are taken again where that is
    possible, and those ``moving`` go as far as they can.
    """

    folder: Path
    subdir: str
    environment: Path
    inputs: LockInputs
    preferred: tuple[LockedPackage, ...]
    previous: bytes | None
    moving: tuple[LockedPackage, ...]
    solver: str | None
    indexes: PipIndexes
    settings: Settings

    @property
    def channels(self) -> tuple[str, ...]:
        """Where conda-lock is told to look: condabox's own solver knows the mirrors itself."""
        if self.solver is None:
            return self.inputs.channels
        mirrors = self.settings.channel_mirrors
        return tuple(candidates(url, mirrors)[0] for url in self.inputs.channels)

    @property
    def lock(self) -> Path:
        """Where conda-lock writes its lock, and finds the one that it starts from."""
        return self.folder / "conda-lock.yml"

    @property
    def own_names(self) -> str:
        """condabox's own table of packages' names, for conda-lock."""
        return str(self.folder / "names.json")

    @property
    def report(self) -> StagesReport:
        """What the stages told past conda-lock."""
        return StagesReport.read(self.folder)

    def failure(self, done: process.Completed) -> SolveError | None:
        """Return why the run failed, if it did."""
        if done.returncode == 0:
            return None
        reported = reported_failure(self.folder)
        return reported or explain(done.stderr, environment=self.environment, solver=self.solver)

    def write_files(self) -> None:
        """Write what conda-lock reads."""
        self.folder.mkdir()
        for category in categories_of(self.inputs):
            text = environment_file(
                self.inputs,
                category=category,
                channels=self.channels,
                default_index=not self.indexes.urls,
            )
            (self.folder / f"{category}.yml").write_text(text)
        virtual = virtual_package_file(self.inputs, self.subdir)
        (self.folder / "virtual-packages.yml").write_text(virtual)
        Path(self.own_names).write_text(lookup_table())
        self._request().write(self.folder)
        wheels = {package.name for package in self.preferred if package.manager == "pip"}
        if self.previous is not None and wheels:
            self.lock.write_bytes(
                prior_lock(self.previous, subdir=self.subdir, names=wheels, channels=self.channels)
            )
        command = shlex.join(module_command("condabox.conda.locking.solver_command"))
        shim = self.folder / "condabox-solver"
        shim.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        shim.chmod(0o700)

    def job(self, names: str | None) -> process.Job:
        """Return the call of conda-lock with the table ``names``; None is what it downloads.

        Raise ToolMissingError when the user's own solver is not there.
        """
        solver = str(self.folder / "condabox-solver")
        if self.solver is not None:
            # not resolved: conda-lock tells micromamba from others by its name
            solver = str(Path(process.find(self.solver, hint=_SOLVER_HINT)).absolute())
        command = [sys.executable, "-P", "-c", _WORKER, "lock", "--conda", solver, "--no-mamba"]
        # Of a package in two files the last one counts: main comes last.
        for category in reversed(categories_of(self.inputs)):
            command += ["--file", f"{category}.yml"]
        command += ["--platform", self.subdir, "--lockfile", self.lock.name, "--kind", "lock"]
        command += ["--virtual-package-spec", "virtual-packages.yml", "--log-level", "WARNING"]
        if names is not None:
            command += ["--pypi_to_conda_lookup_file", names]
        return process.Job(command=tuple(command), env=self._environment(), cwd=self.folder)

    def _request(self) -> StagesRequest:
        """What the stages are told past conda-lock."""
        main = self.inputs.conda.get(PROD, ())
        dev = [
            s for category, found in self.inputs.conda.items() if category != PROD for s in found
        ]
        asked = {package_of(spec) for spec in (*main, *dev)}
        moving = {package.name for package in self.moving}
        unasked = {p.name: p for p in self.moving if p.manager == "conda" and p.name not in asked}

        def first_what_moves(specs: Iterable[str]) -> list[str]:
            return sorted(specs, key=lambda spec: package_of(spec) not in moving)

        in_main = [name for name, package in unasked.items() if package.prod]
        preferred = [package for package in self.preferred if package.manager == "conda"]
        return StagesRequest(
            main=SolverRequest(
                also=(*in_main, *first_what_moves(main)),
                preferred=tuple(package.url for package in preferred if package.prod),
            ),
            both=SolverRequest(
                also=(*unasked, *first_what_moves([*main, *dev])),
                preferred=tuple(package.url for package in preferred),
            ),
            dev=tuple(dev),
        )

    def _environment(self) -> dict[str, str]:
        # condabox's own modules are not for the user's conda, which is a Python program too
        inherited = module_environment() if self.solver is None else network_environment()
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
            # what condabox's own solver does, whatever a person's is set to
            "CONDA_CHANNEL_PRIORITY": "strict",
            "MAMBA_CHANNEL_PRIORITY": "strict",
            "TMPDIR": str(self.folder),  # goes with the folder, however the run ends
            VARIABLE: SolverCall(settings=self.settings, folder=self.folder).to_variable(),
        }
