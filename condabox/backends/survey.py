"""What has to be known of a plan's packages before anything is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.appfiles import collect
from condabox.backends.inventories import Inventories
from condabox.backends.pruner import Pruner
from condabox.base import open_base, pinned
from condabox.conda.packages.conflicts import Conflicts, find_conflicts
from condabox.conda.packages.order import in_link_order
from condabox.conda.packages.python import PythonInfo
from condabox.development.files import check_application
from condabox.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.appfiles import AppEntry
    from condabox.base import Base
    from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockedPackage
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.events import Reporter
    from condabox.oci.layout import BlobDirectory
    from condabox.plan import BuildPlan
    from condabox.pruning.decision import Decision
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The packages of a plan in link order, and what is known of them and of the application.

    ``inventories`` are by sha256, and ``decision`` is what the image leaves out.
    """

    base: Base
    packages: tuple[LockedPackage, ...]
    python: PythonInfo | None
    inventories: Mapping[str, PackageInventory]
    conflicts: Conflicts
    application: tuple[AppEntry, ...]
    decision: Decision

    def staying(self) -> Iterator[str]:
        """Yield the packages' paths that the image has, shared folders several times."""
        for sha256 in self.inventories:
            yield from self.staying_of(sha256)

    def staying_of(self, sha256: str) -> tuple[str, ...]:
        """Return the paths that the image has of one package."""
        lost = self.conflicts.lost.get(sha256, frozenset())
        gone = lost | self.decision.removed.get(sha256, {}).keys()
        return tuple(path for path in self.inventories[sha256].paths if path not in gone)


def survey(
    plan: BuildPlan, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> Survey:
    """Open the base of ``plan`` and look at its packages; unknown ones are fetched and read."""
    base = _open_base(plan, settings=settings, blobs=blobs, reporter=reporter)
    return survey_on(base, plan, settings=settings, reporter=reporter)


def survey_on(base: Base, plan: BuildPlan, *, settings: Settings, reporter: Reporter) -> Survey:
    """Look at the packages of ``plan`` as `survey` does, on a ``base`` that is open already."""
    application = collect(plan.image.app, environment=plan.source)
    if plan.tools is not None:
        check_application(application, environment=plan.source)
    known = Inventories(settings=settings, reporter=reporter)
    python = _python_of(plan.locked, known)
    packages = _in_order(plan.locked.packages)
    inventories = _inventories(plan.locked, packages, python=python, known=known)
    conflicts = _conflicts(packages, inventories)
    pruner = Pruner(
        plan=plan,
        packages=packages,
        inventories=inventories,
        python=python,
        base=base,
        application=application,
        settings=settings,
        reporter=reporter,
    )
    return Survey(
        base=base,
        packages=packages,
        python=python,
        inventories=inventories,
        conflicts=conflicts,
        application=application,
        decision=pruner.decide(),
    )


def _open_base(
    plan: BuildPlan, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> Base:
    digest = plan.base_digest
    base = open_base(
        plan.base if digest is None else pinned(plan.base, digest),
        platform=plan.platform,
        settings=settings,
        blobs=blobs,
        reporter=reporter,
    )
    if digest is not None and str(base.digest) != digest:
        raise ImageError(
            f"{plan.base} is {base.digest} today, and was {digest} when the environment was locked",
            hint=f"run `condabox lock {plan.source}`, or name another image with --base",
        )
    return base


def _python_of(environment: LockedEnvironment, known: Inventories) -> PythonInfo | None:
    package = environment.python
    if package is None:
        return None
    inventory = known.of([package], python=None)[package.sha256]
    return PythonInfo(version=package.version, site_packages=inventory.site_packages or "")


def _inventories(
    environment: LockedEnvironment,
    packages: Sequence[LockedPackage],
    *,
    python: PythonInfo | None,
    known: Inventories,
) -> Mapping[str, PackageInventory]:
    """Look at prod's packages with the Python that prod has, which may be none."""
    of_prod = environment.python is not None and environment.python.prod
    prod = [package for package in packages if package.prod]
    rest = [package for package in packages if not package.prod]
    return {
        **known.of(prod, python=python if of_prod else None),
        **known.of(rest, python=python),
    }


def _in_order(packages: Sequence[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Return prod's in the link order that they have alone, and then those that lie on them.

    Who comes last among equals depends on who else is there.
    """
    prod = in_link_order(package for package in packages if package.prod)
    return (*prod, *(package for package in in_link_order(packages) if not package.prod))


def _conflicts(
    packages: Sequence[LockedPackage], inventories: Mapping[str, PackageInventory]
) -> Conflicts:
    """Find what packages lose to others: those of prod to each other alone.

    Prod's layers are then the same in every variant.  What they keep lies below the rest.
    """
    everything = find_conflicts(packages, inventories)
    prod = find_conflicts([package for package in packages if package.prod], inventories)
    of_others = {
        package.sha256: everything.lost[package.sha256]
        for package in packages
        if not package.prod and package.sha256 in everything.lost
    }
    return Conflicts(lost={**prod.lost, **of_others}, reports=everything.reports)
