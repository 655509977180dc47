"""Which packages ``--update`` moves, and which stay where they are."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile
    from condabox.events import Reporter
    from condabox.workflows.lock_plan import LockPlan

_CUDA = "__cuda"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def names_to_update(update: Sequence[str]) -> frozenset[str]:
    """Return the names in one spelling; raise SpecError for what no package can be called."""
    for name in update:
        if not _NAME.fullmatch(name):
            raise SpecError(
                f"--update: {name!r} is not the name of a package",
                hint="give --update once for each name; --add changes what is asked for",
            )
    return frozenset(map(canonicalize_name, update))


def require_known(update: Sequence[str], plans: Sequence[LockPlan], *, reporter: Reporter) -> None:
    """Raise SpecError for a package that is in none of ``plans``, on the platforms to be locked.

    Where only some of them do not have it, say so.
    """
    names = [(plan, _names(plan)) for plan in plans]
    without = {
        name: [plan for plan, known in names if canonicalize_name(name) not in known]
        for name in update
    }
    unknown = [name for name, missing in without.items() if len(missing) == len(plans)]
    if unknown:
        raise _unknown(unknown, plans)
    for name, missing in without.items():
        for plan in missing:
            reporter.message(f"{name} is not in {lock_path(plan.spec.path)}")


def standing(
    stale: Mapping[str, LockInputs], previous: LockFile | None, *, update: frozenset[str]
) -> tuple[dict[str, tuple[LockedPackage, ...]], dict[str, tuple[LockedPackage, ...]]]:
    """Return, by subdir, the packages that shall stay where they can, and those that shall move."""
    preferred, moving = {}, {}
    for subdir, today in stale.items():
        if previous is None or subdir not in previous.packages:
            continue
        found = previous.environments[subdir].packages
        moving[subdir] = tuple(p for p in found if canonicalize_name(p.name) in update)
        # What other channels had does not bind these, nor what was chosen for another GPU.
        before = previous.inputs.get(subdir)
        channels = before.channels if before else previous.channels
        for_gpu = before.virtual_packages.get(_CUDA) if before else None
        if channels == today.channels and for_gpu == today.virtual_packages.get(_CUDA):
            preferred[subdir] = tuple(p for p in found if canonicalize_name(p.name) not in update)
    return preferred, moving


def _names(plan: LockPlan) -> frozenset[str]:
    """Return what the environment has on the platforms to be locked, or asks for there."""
    asked = (
        package_of(requirement)
        for inputs in plan.today.values()
        for found in (*inputs.conda.values(), *inputs.pip.values())
        for requirement in found
    )
    return _locked(plan, plan.today) | set(map(canonicalize_name, asked))


def _locked(plan: LockPlan, subdirs: Iterable[str]) -> frozenset[str]:
    packages = plan.previous.packages if plan.previous else {}
    found = (package.name for subdir in subdirs for package in packages.get(subdir, ()))
    return frozenset(map(canonicalize_name, found))


def _unknown(names: Sequence[str], plans: Sequence[LockPlan]) -> SpecError:
    places = {name: _elsewhere(name, plans) for name in names}
    nowhere = [name for name, found in places.items() if not found]
    if nowhere:
        locks = ", ".join(str(lock_path(plan.spec.path)) for plan in plans)
        file = shlex.quote(str(plans[0].spec.path))
        return SpecError(
            f"{', '.join(nowhere)} is not in {locks}",
            hint=f"`condabox lock --add {nowhere[0]} {file}` asks for it",
        )
    here = sorted({subdir for plan in plans for subdir in plan.today})
    return SpecError(
        f"{names[0]} is locked for {', '.join(places[names[0]])} alone, not for {', '.join(here)}",
        hint="leave out --platform, or name one of these",
    )


def _elsewhere(name: str, plans: Sequence[LockPlan]) -> list[str]:
    """Return the subdirs for which ``name`` is locked, and which are not to be locked now."""
    others = {
        subdir
        for plan in plans
        for subdir in set(plan.kept) - set(plan.today)
        if canonicalize_name(name) in _locked(plan, [subdir])
    }
    return sorted(others)
