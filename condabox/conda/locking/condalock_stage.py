"""One stage of a lock: conda-lock's own way to make one, told more than conda-lock tells a solver.

A solver is only asked to solve, with more specs and at most one more channel: any solver can.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import conda_lock.conda_lock as command_line
import conda_lock.conda_solver as solver
from conda_lock.lookup import conda_name_to_pypi_name
from conda_lock.virtual_package import FakeRepoData, VirtualPackage
from packaging.version import Version

from condabox.conda.lockfiles.inputs import package_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conda_lock.lockfile.v2prelim.models import LockedDependency, Lockfile
    from conda_lock.models.channel import Channel
    from conda_lock.models.dry_run_install import DryRunInstall, FetchAction
    from conda_lock.models.lock_spec import Dependency, LockSpecification
    from packaging.utils import NormalizedName

    from condabox.conda.locking.solver_request import SolverRequest

NO_SOLUTION = solver.subprocess.CalledProcessError
"""How conda-lock says that the solver failed."""

STAND_IN = "condabox_wheel"
"""The build string of what stands for a wheel."""

_ask_solver = solver.solve_specs_for_arch
_lock = command_line.create_lockfile_from_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the solver hears beyond what conda-lock tells it.

    ``request`` is for condabox's own, ``specs`` are for every one.  ``wheels`` are there already:
    their versions, by the names that conda has for them.
    """

    request: SolverRequest
    specs: tuple[str, ...] = ()
    wheels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A lock as conda-lock makes it, and the sizes of its archives in bytes, by conda package."""

    lock: Lockfile
    sizes: Mapping[str, int]

    def of(self, manager: str) -> tuple[LockedDependency, ...]:
        """Return the packages of one manager."""
        return tuple(package for package in self.lock.package if package.manager == manager)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLocker:
    """Locks what ``spec`` asks for, or parts of it, for ``subdir``; conda-lock runs in ``folder``.

    ``how`` is what conda-lock is told besides.
    """

    spec: LockSpecification
    subdir: str
    mapping_url: str
    folder: Path
    how: Mapping[str, object]

    @property
    def asked(self) -> tuple[Dependency, ...]:
        """All that is asked for, from conda and from pip."""
        return tuple(self.spec.dependencies[self.subdir])

    def lock(self, asked: Sequence[Dependency], stage: Stage, **how: object) -> Solution:
        """Lock ``asked``, and leave out the packages that nothing needs.

        Raise `NO_SOLUTION` where the solver fails.
        """
        sizes: dict[str, int] = {}
        stage.request.write(self.folder)
        with _asking(stage, sizes):
            lock = _lock(
                spec=self.spec.model_copy(
                    update={
                        "dependencies": {self.subdir: [*asked]},
                        # first: of a name that several channels have the first one counts
                        "channels": [*self._stand_ins(stage.wheels), *self.spec.channels],
                    }
                ),
                platforms=[self.subdir],
                mapping_url=self.mapping_url,
                **{**self.how, **how},
            )
        needed = [package for package in lock.package if package.categories]
        return Solution(lock=lock.model_copy(update={"package": needed}), sizes=sizes)

    def pip_name(self, conda_name: str) -> NormalizedName:
        """Return what pip calls a conda package."""
        found: NormalizedName = conda_name_to_pypi_name(conda_name, mapping_url=self.mapping_url)
        return found

    def _stand_ins(self, wheels: Mapping[str, str]) -> Sequence[Channel]:
        """Return a channel, if need be, of packages with nothing in them."""
        if not wheels:
            return ()
        # by this name `solver_command` knows conda-lock's channel of virtual packages, and this one
        folder = tempfile.mkdtemp(prefix="conda-lock-fake-repodata-", dir=self.folder)
        repodata = FakeRepoData(base_path=Path(folder))
        for name, version in wheels.items():
            # local versions (1.0+cpu) are for pip alone: what asks for 1.0 may have them
            public = Version(version).public
            package = VirtualPackage(name=name, version=public, build_string=STAND_IN)
            repodata.add_package(package, [self.subdir])
        repodata.write()
        return (repodata.channel,)


@contextmanager
def _asking(stage: Stage, sizes: dict[str, int]) -> Iterator[None]:
    """Have conda-lock ask its solver as ``stage`` wants, and note the sizes of archives."""

    def ask(*, specs: Sequence[str], **how: object) -> DryRunInstall:
        granted = [f"{name} * {STAND_IN}" for name in stage.wheels]
        answer: DryRunInstall = _ask_solver(specs=[*specs, *stage.specs, *granted], **how)
        actions = [each for each in answer["actions"]["FETCH"] if each["name"] not in stage.wheels]
        # virtual packages have no size
        sizes.update({each["name"]: each["size"] for each in actions if each.get("size")})
        fetched = [_with_needs(each, stage.wheels) for each in actions]
        return {**answer, "actions": {**answer["actions"], "FETCH": fetched}}

    solver.solve_specs_for_arch = ask
    try:
        yield
    finally:
        solver.solve_specs_for_arch = _ask_solver


def _with_needs(action: FetchAction, wheels: Mapping[str, str]) -> FetchAction:
    """Leave out what a package has from wheels, and itself, which conda-lock follows for ever."""
    given = {action["name"], *wheels}
    needed = [spec for spec in action.get("depends") or () if package_of(spec) not in given]
    return {**action, "depends": needed}
