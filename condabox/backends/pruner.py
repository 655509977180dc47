"""Decides what an image leaves out, or finds what was decided of the same packages before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from condabox.backends.application import observe_application
from condabox.backends.base_libraries import GLIBC, glibc_problems, libraries_of
from condabox.backends.package_facts import FORMAT as FACTS_FORMAT
from condabox.backends.package_facts import FactsTaker
from condabox.conda.packages.bytecode import byte_code_of
from condabox.files import write_atomically
from condabox.pruning.decision import Decision, decide, decide_around
from condabox.pruning.never import NEVER
from condabox.pruning.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.appfiles import AppEntry
    from condabox.base import Base
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.conda.packages.python import PythonInfo
    from condabox.events import Reporter
    from condabox.plan import BuildPlan
    from condabox.pruning.facts import PackageFacts
    from condabox.settings import Settings

FORMAT = 4
"""Raised whenever the same packages and rules would be decided on otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Prunes the packages of one plan on one base.  ``packages`` are in link order."""

    plan: BuildPlan
    packages: Sequence[LockedPackage]
    inventories: Mapping[str, PackageInventory]
    python: PythonInfo | None
    base: Base
    application: Sequence[AppEntry]
    settings: Settings
    reporter: Reporter

    def decide(self) -> Decision:
        """Return what the image leaves out."""
        section = self.plan.image.prune
        if section.profile == "none" and not section.drop:
            return Decision(removed={}, kept={})
        application = observe_application(self.application, image=self.plan.image)
        known = self._path(application)
        try:
            return Decision.from_json(json.loads(known.read_bytes()))
        except (OSError, ValueError, RecursionError):
            pass
        decision = self._decided(application)
        text = json.dumps(decision.to_json(), separators=(",", ":"))
        write_atomically(known, text.encode())
        return decision

    def _decided(self, application: PackageFacts) -> Decision:
        """Decide for prod as a build of prod alone does, and then for the rest around it."""
        prod = tuple(package for package in self.packages if package.prod)
        way: Callable[..., Decision] = decide
        if len(prod) < len(self.packages):
            python = self.python if self.plan.locked.python in prod else None
            alone = replace(self, packages=prod, python=python)
            way = partial(decide_around, alone.decide())
        taker = FactsTaker(settings=self.settings, reporter=self.reporter)
        return self._on_base(
            partial(
                way,
                self.packages,
                paths={key: tuple(self._paths(key)) for key in self.inventories},
                facts=taker.of(self.packages, python=self.python),
                section=self.plan.image.prune,
                application=application,
            )
        )

    def _on_base(self, decide_on: Callable[..., Decision]) -> Decision:
        """Decide; the base is asked for its libraries where something lacks one without it.

        That may also be one that prod leaves out because the base has it.
        """
        decision = decide_on(base_libraries=GLIBC)
        if not (decision.broken or decision.missed):
            return decision
        libraries = libraries_of(self.base, cache_dir=self.settings.cache_dir)
        names = {path.rpartition("/")[2] for path in libraries}
        decision = decide_on(base_libraries=GLIBC | names)
        problems = glibc_problems(libraries)
        return replace(decision, broken=(*problems, *decision.broken))

    def _paths(self, key: str) -> Iterator[str]:
        """Yield the paths of a package, and of the byte code that will be made of it."""
        paths = dict.fromkeys(self.inventories[key].paths)
        yield from paths
        if self.python is not None:
            made = (byte_code_of(path, self.python) for path in paths)
            yield from (path for path in made if path and path not in paths)

    def _path(self, application: PackageFacts) -> Path:
        """Return where the decision belongs that all its inputs, and nothing else, determine."""
        inputs = {
            "rules": repr((RULES, NEVER)),
            "packages": [(each.sha256, each.name, each.prod) for each in self.packages],
            "python": None if self.python is None else self.python.site_packages,
            "section": asdict(self.plan.image.prune),
            "application": application.to_json(),
            "facts": FACTS_FORMAT,
            "base": str(self.base.digest),
        }
        name = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        return self.settings.cache_dir / "pruned" / str(FORMAT) / name[:2] / f"{name}.json"
