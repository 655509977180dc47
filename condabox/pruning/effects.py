"""What each rule, and each entry of the environment file, does to the packages of an image."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.pruning.decision import Saving, savings
from condabox.pruning.rules import rules_of
from condabox.pruning.selection import (
    DROP,
    PackagePaths,
    canonical_name,
    find_claims,
    hindering,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from condabox.conda.envfile.section import PruneProfile, PruneSection
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.pruning.decision import Decision
    from condabox.pruning.facts import PackageFacts
    from condabox.pruning.proof import Kept
    from condabox.pruning.rule import Rule
    from condabox.pruning.selection import Claims

NOTHING = Saving(paths=0, size=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """The packages of an image, in link order, and what was decided of them.

    ``paths``, those ``lost`` to other packages, and ``facts`` are by sha256.  ``section`` is what
    ``decision`` was made by.  ``others`` are decisions of the profiles that leave out more, by what
    is ``written`` in the environment file.
    """

    packages: Sequence[LockedPackage]
    paths: Mapping[str, Sequence[str]]
    lost: Mapping[str, AbstractSet[str]]
    facts: Mapping[str, PackageFacts]
    section: PruneSection
    written: PruneSection
    decision: Decision
    others: Mapping[PruneProfile, Decision]

    def claims(self, section: PruneSection) -> Mapping[str, Mapping[str, Claims]]:
        """Find what speaks of each path, by package: entries of ``section``, and all rules."""
        named = {
            each.sha256: PackagePaths(name=each.name, paths=self.paths[each.sha256])
            for each in self.packages
        }
        return find_claims(named, section=section)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The packages that put a rule out of force: for prod's packages, and for the others."""

    prod: tuple[str, ...]
    development: tuple[str, ...]

    def of(self, package: LockedPackage) -> tuple[str, ...]:
        """Return those that count for ``package``: prod's know nothing of the others."""
        return self.prod if package.prod else self.development


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEffect:
    """What ``rule`` leaves out, what it would have broken, and what puts it out of force."""

    rule: Rule
    left_out: Saving
    kept: tuple[Kept, ...]
    gate: Gate

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing of what it takes."""
        return self.left_out == NOTHING and not self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEffect:
    """What stays by an entry of ``keep``, or goes by one of ``drop``, and what does not go.

    The last is needed by something; what several entries speak of is told of each.
    """

    entry: str
    paths: Saving
    kept: tuple[Kept, ...] = ()


def total(parts: Iterable[Saving]) -> Saving:
    """Add them up."""
    every = tuple(parts)
    return Saving(paths=sum(each.paths for each in every), size=sum(each.size for each in every))


def gate_of(rule: Rule, packages: Sequence[LockedPackage]) -> Gate:
    """Return what puts ``rule`` out of force among ``packages``, as `decide` does."""
    prod = {canonical_name(package.name) for package in packages if package.prod}
    return Gate(
        prod=hindering(rule, prod),
        development=hindering(rule, {canonical_name(package.name) for package in packages}),
    )


def rule_effects(
    decision: Decision, *, packages: Sequence[LockedPackage], profile: PruneProfile
) -> tuple[RuleEffect, ...]:
    """Return the effects of all rules of ``profile``, those that save most first."""
    left_out = savings(
        removal for removed in decision.removed.values() for removal in removed.values()
    )
    kept = _kept_by_rule(decision)
    effects = (
        RuleEffect(
            rule=rule,
            left_out=left_out.get(rule.name, NOTHING),
            kept=tuple(each for _, each in sorted(kept[rule.name].items())),
            gate=gate_of(rule, packages),
        )
        for rule in rules_of(profile)
    )
    # What saves the same stays in the order in which it is asked.
    return tuple(sorted(effects, key=lambda each: (-each.left_out.size, -each.left_out.paths)))


def entry_effects(pruned: Pruned) -> tuple[tuple[EntryEffect, ...], tuple[EntryEffect, ...]]:
    """Return what the entries of ``keep`` do, and those of ``drop``, in their order."""
    section = pruned.section
    claims = pruned.claims(section) if section.keep or section.drop else {}
    spoken = [(key, path, each) for key, paths in claims.items() for path, each in paths.items()]
    keep = _places((entry, key, path) for key, path, each in spoken for entry in each.keep)
    drop = _places((entry, key, path) for key, path, each in spoken for entry in each.drop)
    kept = {
        (key, each.path): each
        for key, of_package in pruned.decision.kept.items()
        for each in of_package
        if each.rule == DROP
    }
    gone = {(key, path) for key, paths in pruned.decision.removed.items() for path in paths}
    return (
        tuple(
            EntryEffect(entry=entry, paths=_weighed(keep[entry], pruned.facts))
            for entry in section.keep
        ),
        tuple(
            EntryEffect(
                entry=entry,
                paths=_weighed([each for each in drop[entry] if each in gone], pruned.facts),
                kept=tuple(kept[place] for place in drop[entry] if place in kept),
            )
            for entry in section.drop
        ),
    )


def _kept_by_rule(decision: Decision) -> defaultdict[str, dict[str, Kept]]:
    """Return what stays by rule and path: several packages that have one make no difference."""
    kept: defaultdict[str, dict[str, Kept]] = defaultdict(dict)
    for of_package in decision.kept.values():
        for each in of_package:
            kept[each.rule][each.path] = each
    return kept


def _places(found: Iterable[tuple[str, str, str]]) -> defaultdict[str, list[tuple[str, str]]]:
    """Return the packages and paths that each entry matches."""
    places: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry, key, path in found:
        places[entry].append((key, path))
    return places


def _weighed(places: Sequence[tuple[str, str]], facts: Mapping[str, PackageFacts]) -> Saving:
    return Saving(
        paths=len(places), size=sum(facts[key].sizes.get(path, 0) for key, path in places)
    )
