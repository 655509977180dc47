"""Small packages of which is decided what an image leaves out.

found = pruned({conda("zlib"): package(["lib/libz.a"])})
assert Explainer(found).explain("lib/libz.a").verdict.outcome is Outcome.LEFT_OUT
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from condabox.conda.envfile.section import PruneSection
from condabox.conda.packages.conflicts import find_conflicts
from condabox.conda.packages.inventory import PackageInventory
from condabox.pruning.decision import decide, decide_around
from condabox.pruning.effects import Pruned
from tests.fakes.facts import package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.conda.envfile.section import PruneProfile
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.pruning.decision import Decision
    from condabox.pruning.facts import PackageFacts

PROFILES: tuple[PruneProfile, ...] = ("none", "safe", "slim")


def pruned(
    packages: Mapping[LockedPackage, PackageFacts],
    *,
    profile: PruneProfile = "safe",
    keep: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    section: PruneSection | None = None,
) -> Pruned:
    """Prune ``packages``, in link order; ``section`` is what is decided by instead."""
    facts = {locked.sha256: each for locked, each in packages.items()}
    paths = {key: sorted({*each.sizes, *each.links}) for key, each in facts.items()}
    written = PruneSection(profile=profile, keep=keep, drop=drop)
    own = section or written

    prod = [locked for locked in packages if locked.prod]

    def decided(by: PruneSection) -> Decision:
        given: dict[str, Any] = {
            "paths": paths,
            "facts": facts,
            "section": by,
            "application": package(),
            "base_libraries": frozenset({"libc.so.6"}),
        }
        return decide_around(decide(prod, **given), tuple(packages), **given)

    inventories = {
        key: PackageInventory(
            paths=tuple(each), archive_size=0, timestamp=None, link_scripts=(), activation={}
        )
        for key, each in paths.items()
    }
    lost = {**find_conflicts(tuple(packages), inventories).lost}
    lost |= {each.sha256: frozenset() for each in prod}
    lost |= find_conflicts(prod, inventories).lost
    return Pruned(
        packages=tuple(packages),
        paths=paths,
        lost=lost,
        facts=facts,
        section=own,
        written=written,
        decision=decided(own),
        others={
            other: decided(replace(written, profile=other))
            for other in PROFILES[PROFILES.index(own.profile) + 1 :]
        },
    )
