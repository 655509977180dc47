"""What becomes of a path, and why: the answer to somebody who misses a file, or wonders at one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.conda.packages.bytecode import source_of
from condabox.pruning.decision import Saving
from condabox.pruning.effects import NOTHING, gate_of
from condabox.pruning.finder import without_root
from condabox.pruning.prefix import readable
from condabox.pruning.rules import RULES, rules_of
from condabox.pruning.selection import DROP, Claims

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from condabox.conda.envfile.section import PruneProfile
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.pruning.decision import Decision
    from condabox.pruning.effects import Pruned
    from condabox.pruning.proof import Kept
    from condabox.pruning.rule import Rule

LONGEST_CHAIN = 3
"""So many reasons are told of what is needed by what is needed."""

_RULES = {rule.name: rule for rule in RULES}
_NO_CLAIMS = Claims()


class Outcome(StrEnum):
    """What becomes of a path."""

    LEFT_OUT = "left-out"
    NEEDED = "needed"
    """A rule takes it, and it stays because something needs it."""
    KEPT = "kept"
    """The environment file says so."""
    NEVER = "never"
    """No rule may take it."""
    OTHER_PROFILE = "other-profile"
    """Another profile leaves it out."""
    OUT_OF_FORCE = "out-of-force"
    """Packages put the rule out of force that takes it otherwise."""
    SPARED = "spared"
    """A rule would take it, and says itself that it does not."""
    NO_RULE = "no-rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a path, and all that has a part in it.

    ``rule`` is None where none has, or where ``entries`` of the environment file decide instead.
    ``because`` are reasons, of what is needed the nearest first; ``packages`` put ``rule`` out of
    force.  ``profile`` is the one that has the rule, where that is not the image's.
    """

    outcome: Outcome
    rule: Rule | None = None
    profile: PruneProfile | None = None
    entries: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def stays(self) -> bool:
        """Whether the image has the path."""
        return self.outcome is not Outcome.LEFT_OUT

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "outcome": self.outcome.value,
            "left_out": not self.stays,
            "rule": None if self.rule is None else self.rule.name,
            "reason": None if self.rule is None else self.rule.reason,
            "risk": None if self.rule is None else self.rule.risk,
            "profile": self.profile,
            "entries": list(self.entries),
            "because": list(self.because),
            "packages": list(self.packages),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A path in the prefix, and its verdict.

    The last of ``packages`` has it in the image, and the others lose it to that.  ``size`` is that
    of a file in its archive; a ``link`` says where it leads.
    """

    path: str
    packages: tuple[LockedPackage, ...]
    size: int | None
    link: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Paths with the same verdict."""

    verdict: Verdict
    paths: Saving


class Explainer:
    """Explains the paths of one image."""

    def __init__(self, pruned: Pruned) -> None:
        self._pruned = pruned
        self._claims = pruned.claims(pruned.written)
        self._rulings: dict[PruneProfile | None, _Ruling] = {None: _Ruling(pruned.decision)}
        self._rulings |= {profile: _Ruling(each) for profile, each in pruned.others.items()}
        self._gates = {rule.name: gate_of(rule, pruned.packages) for rule in RULES}
        self._owners: defaultdict[str, list[LockedPackage]] = defaultdict(list)
        for package in pruned.packages:
            for path in pruned.paths[package.sha256]:
                self._owners[path].append(package)

    @property
    def paths(self) -> AbstractSet[str]:
        """All paths of all packages."""
        return self._owners.keys()

    def explain(self, path: str) -> Explained:
        """Explain a path that some package has."""
        *others, owner = sorted(self._owners[path], key=lambda each: self._has(each, path))
        facts = self._pruned.facts[owner.sha256]
        return Explained(
            path=path,
            packages=(*others, owner),
            size=facts.sizes.get(path),
            link=facts.links.get(path),
            verdict=self.verdict(path, owner),
        )

    def verdict(self, path: str, package: LockedPackage) -> Verdict:
        """Say what becomes of ``path`` of ``package``."""
        key = package.sha256
        claims = self._claims_of(path, key)
        for profile, ruling in self._rulings.items():
            if (found := ruling.on(path, key)) is not None:
                rule, because = found
                left_out = Outcome.OTHER_PROFILE if profile else Outcome.LEFT_OUT
                return Verdict(
                    outcome=Outcome.NEEDED if because else left_out,
                    rule=_RULES.get(rule),
                    profile=profile,
                    entries=claims.drop if rule == DROP else (),
                    because=because,
                )
        if claims.keep:
            return Verdict(outcome=Outcome.KEPT, entries=claims.keep)
        if claims.never:
            because = tuple(never.reason for never in claims.never)
            return Verdict(outcome=Outcome.NEVER, because=because)
        return self._unmoved(claims, package)

    def _unmoved(self, claims: Claims, package: LockedPackage) -> Verdict:
        """Say why the rules that speak of a path leave it where it is, if any do."""
        own = rules_of(self._pruned.section.profile)
        for rule in claims.rules:
            if packages := self._gates[rule.name].of(package):
                return Verdict(
                    outcome=Outcome.OUT_OF_FORCE,
                    rule=rule,
                    profile=None if rule in own else rule.profile,
                    packages=packages,
                )
        for rule in claims.sparing:
            profile = None if rule in own else rule.profile
            return Verdict(outcome=Outcome.SPARED, rule=rule, profile=profile)
        return Verdict(outcome=Outcome.NO_RULE)

    def _claims_of(self, path: str, key: str) -> Claims:
        """Return what speaks of ``path``, or else of the source that it is the byte code of."""
        claims = self._claims[key]
        return claims.get(path) or claims.get(source_of(path), _NO_CLAIMS)

    def _has(self, package: LockedPackage, path: str) -> tuple[bool, bool]:
        """Return what sorts last whose ``path`` the image has.

        What prod keeps is there under what development adds, or leaves out.
        """
        sha256 = package.sha256
        wins = path not in self._pruned.lost.get(sha256, frozenset())
        return wins, wins and path not in self._pruned.decision.removed.get(sha256, {})


class _Ruling:
    """A decision, by path."""

    def __init__(self, decision: Decision) -> None:
        self._removed = decision.removed
        self._kept = {
            key: {each.path: each for each in kept} for key, kept in decision.kept.items()
        }
        kept = [each for of_package in decision.kept.values() for each in of_package]
        self._named = {readable(without_root(each.path)): each for each in kept}
        self._named |= {readable(each.path): each for each in kept}

    def on(self, path: str, key: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the rule that takes ``path`` of the package ``key``, and why it stays if it does.

        Further reasons are those of who needs it, and was to go, too.
        """
        if (removal := self._removed.get(key, {}).get(path)) is not None:
            return removal.rule, ()
        if (kept := self._kept.get(key, {}).get(path)) is not None:
            return kept.rule, tuple(self._chain(kept))
        return None

    def _chain(self, kept: Kept) -> list[str]:
        chain = [kept.because]
        while len(chain) < LONGEST_CHAIN:
            found = self._who_needs(chain[-1])
            if found is None or found.because in chain:
                break
            chain.append(found.because)
        return chain

    def _who_needs(self, because: str) -> Kept | None:
        """Return what was to go of what a reason, as every one does, begins with."""
        words = because.split(" ")
        names = (" ".join(words[:count]) for count in range(len(words) - 1, 0, -1))
        return next((self._named[name] for name in names if name in self._named), None)


def grouped(explained: Iterable[Explained]) -> tuple[Group, ...]:
    """Return how many paths have which verdict: what is left out first, the most bytes first.

    Of what is needed, it is not told by whom.
    """
    groups: dict[Verdict, Saving] = {}
    for each in explained:
        verdict = each.verdict
        if verdict.outcome is Outcome.NEEDED:
            verdict = replace(verdict, because=())
        before = groups.get(verdict, NOTHING)
        groups[verdict] = Saving(paths=before.paths + 1, size=before.size + (each.size or 0))
    found = [Group(verdict=verdict, paths=paths) for verdict, paths in groups.items()]
    return tuple(
        sorted(found, key=lambda each: (each.verdict.stays, -each.paths.size, repr(each.verdict)))
    )
