"""Locks in stages, in conda-lock's process: prod first, and around it what its development needs.

1. Prod alone: its conda packages, and around them its wheels.
2. What conda is asked for in all categories, with exactly the conda packages of prod.
3. All at once, only where that has no solution.  What then moves in prod is told.

conda-lock by itself has the third stage alone: conda packages of all categories, and wheels around
them.  There a package that only development needs decides which wheels prod gets.  Here prod is
locked before anybody hears of development, so it is the same with and without it.

What development needs from conda may be there as a wheel of prod.  Both in one ``site-packages``
would be two versions of which one wins file by file, and the layers of prod cannot change.  So the
second stage is told of the wheel, by a stand-in with its version in a channel of its own: where it
is good enough development uses it, and where it is not there is no solution.  Only a solution
shows which packages these are, because the names of conda and of pip are no pairs (``matplotlib``
is also ``matplotlib-base``, ``graphviz`` is something else): it is solved again until there are
none.

This module, `condalock_stage` and `condalock_worker` know conda-lock from the inside.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from conda_lock._vendor.poetry.puzzle.exceptions import SolverProblemError
from conda_lock._vendor.poetry.puzzle.provider import IncompatibleConstraintsError
from conda_lock.lockfile.v2prelim.models import UpdateSpecification
from packaging.utils import canonicalize_name

from condabox.conda.lockfiles.lockfile import PROD
from condabox.conda.locking.condalock_stage import NO_SOLUTION, Solution, Stage, StageLocker
from condabox.conda.locking.lockerrors import AGAINST_PROD
from condabox.conda.locking.solver_request import forget_failure
from condabox.conda.locking.stages_request import StagesReport, StagesRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from conda_lock.lockfile.v2prelim.models import LockedDependency, Lockfile
    from conda_lock.models.lock_spec import LockSpecification


def lock_in_stages(
    *, spec: LockSpecification, platforms: Sequence[str], mapping_url: str, **how: object
) -> Lockfile:
    """Lock ``spec`` for its one platform, and leave a report; conda-lock calls this."""
    (subdir,) = platforms
    folder = Path.cwd()
    locker = StageLocker(spec=spec, subdir=subdir, mapping_url=mapping_url, folder=folder, how=how)
    solution, report = _staged(locker, StagesRequest.read(folder))
    names = {package.name for package in solution.of("conda")}
    sizes = {name: size for name, size in solution.sizes.items() if name in names}
    replace(report, sizes=sizes).write(folder)
    return solution.lock


def _staged(locker: StageLocker, told: StagesRequest) -> tuple[Solution, StagesReport]:
    main = [each for each in locker.asked if each.category == PROD]
    if not told.dev or not main:
        request = told.both if told.dev else told.main
        return locker.lock(locker.asked, Stage(request=request)), StagesReport()
    prod = locker.lock(main, Stage(request=told.main))
    try:
        # that this stage fails is no failure yet
        with redirect_stderr(io.StringIO()):
            solution, wheels = _around(prod, locker, told, wheels={})
    except NO_SOLUTION:
        forget_failure(locker.folder)
        together = _together(prod, locker, told)
        moved = tuple(_moved(prod.lock.package, together.lock.package))
        return together, StagesReport(moved=moved)
    return solution, StagesReport(shared=tuple(sorted({locker.pip_name(name) for name in wheels})))


def _around(
    prod: Solution, locker: StageLocker, told: StagesRequest, *, wheels: Mapping[str, str]
) -> tuple[Solution, Mapping[str, str]]:
    """Add to ``prod`` what development needs, but for ``wheels`` of prod and more that it finds."""
    conda = {package.name for package in prod.of("conda")}
    found = locker.lock(
        [each for each in locker.asked if each.manager == "conda" and each.name not in wheels],
        Stage(
            request=told.both,
            specs=(*told.dev, *map(_exactly, prod.of("conda"))),
            wheels=wheels,
        ),
    )
    added = [package for package in found.lock.package if package.name not in conda]
    versions = {canonicalize_name(wheel.name): wheel.version for wheel in prod.of("pip")}
    # what does not need Python has nothing for pip, whatever it is called
    projects = {p.name: locker.pip_name(p.name) for p in added if "python" in p.dependencies}
    twice = {name: versions[p] for name, p in projects.items() if p in versions}
    if twice:
        return _around(prod, locker, told, wheels={**wheels, **twice})
    lock = prod.lock.model_copy(update={"package": [*prod.lock.package, *added]})
    return Solution(lock=lock, sizes={**found.sizes, **prod.sizes}), wheels


def _together(prod: Solution, locker: StageLocker, told: StagesRequest) -> Solution:
    """Lock everything at once, as near to ``prod`` as the solvers can be asked to stay.

    Raise RuntimeError where no wheels go with the conda packages.
    """
    chosen = {package.name: package.url for package in prod.of("conda")}
    # not a second one of a name: prod's own counts
    others = [url for url in told.both.preferred if _name(url) not in chosen]
    request = replace(told.both, preferred=(*others, *chosen.values()))
    near = UpdateSpecification(locked=[*prod.of("pip")])
    try:
        return locker.lock(locker.asked, Stage(request=request, specs=told.dev), update_spec=near)
    except (IncompatibleConstraintsError, RuntimeError, SolverProblemError) as error:
        # prod alone has a solution: only development can be the reason
        raise RuntimeError(f"{AGAINST_PROD}{error}") from None


def _exactly(package: LockedDependency) -> str:
    """Return the match spec of one package, in the form that every solver reads."""
    return f"{package.name} =={package.version} {_build(package)}"


def _build(package: LockedDependency) -> str:
    stem: str = package.url.removesuffix(".conda").removesuffix(".tar.bz2")
    return stem.rpartition("-")[2]


def _name(url: str) -> str:
    return url.rpartition("/")[2].rsplit("-", 2)[0]


def _moved(before: Iterable[LockedDependency], after: Iterable[LockedDependency]) -> Iterator[str]:
    """Say what became of prod, package by package."""
    was = {(each.manager, each.name): each for each in before}
    now = {(each.manager, each.name): each for each in after if PROD in each.categories}
    new = {each.name: each for key, each in now.items() if key not in was}
    for key, each in sorted(was.items()):
        # a wheel may have become a conda package
        found = now.get(key) or new.pop(each.name, None)
        if found is None:
            yield f"{each.name} {_version(each)} leaves"
        elif _version(found) != _version(each):
            yield f"{each.name} {_version(each)} -> {_version(found)}"
    for name, each in sorted(new.items()):
        yield f"{name} {_version(each)} comes"


def _version(package: LockedDependency) -> str:
    if package.manager == "pip":
        return f"{package.version} of pip"
    return f"{package.version} {_build(package)}"
