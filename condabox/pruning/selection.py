"""Which paths the rules and the environment file take, from names and paths alone.

``keep`` wins over everything.  ``drop`` is the user's own word, and takes also what no rule may
take.  Byte code goes with its source.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from condabox.conda.packages.bytecode import replaced_bytecode
from condabox.pruning.never import NEVER
from condabox.pruning.patterns import GlobTable, any_of
from condabox.pruning.rules import RULES, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from condabox.conda.envfile.section import PruneSection
    from condabox.pruning.rule import Never, Rule

T = TypeVar("T")

DROP = "drop"
"""Stands in for the name of a rule where the environment file itself takes a path."""

_ANY_PACKAGE = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePaths:
    """A package's name, and the final paths that it has in the prefix."""

    name: str
    paths: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What may go, before anything is proven.

    ``taken`` has, by package and path, the name of the rule that takes it, or `DROP`; packages that
    stay whole are left out.  ``unmatched`` are the entries of ``keep`` and ``drop`` that match no
    path of any package.
    """

    taken: Mapping[str, Mapping[str, str]]
    unmatched: tuple[str, ...] = ()


def select(packages: Mapping[str, PackagePaths], *, section: PruneSection) -> Selection:
    """Choose what ``section`` lets go of ``packages``, which are by any key of theirs.

    They are all of the environment: some rules depend on what else is there.
    """
    names = {canonical_name(package.name) for package in packages.values()}
    selector = _Selector(
        rules=tuple(rule for rule in rules_of(section.profile) if not hindering(rule, names)),
        keep=section.keep,
        drop=section.drop,
    )
    taken = {key: selector.taken(packages[key]) for key in sorted(packages)}
    return Selection(
        taken={key: paths for key, paths in taken.items() if paths},
        unmatched=selector.unmatched,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """All that speaks of a path: entries of the environment file, exceptions and rules.

    ``rules`` take such paths, ``sparing`` would but for what they say themselves.  They are of all
    profiles, in force or not, in the order in which they are asked.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    never: tuple[Never, ...] = ()
    rules: tuple[Rule, ...] = ()
    sparing: tuple[Rule, ...] = ()


def find_claims(
    packages: Mapping[str, PackagePaths], *, section: PruneSection
) -> Mapping[str, Mapping[str, Claims]]:
    """Return, by package and path, what speaks of ``packages``; nothing where nothing does."""
    selector = _Selector(rules=RULES, keep=section.keep, drop=section.drop)
    return {key: selector.claims(package) for key, package in packages.items()}


_NO_CLAIMS = Claims()


def hindering(rule: Rule, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``names``, which are canonical, that put ``rule`` out of force, sorted."""
    return tuple(sorted(filter(any_of(rule.unless).fullmatch, names)))


def canonical_name(name: str) -> str:
    """Return a package's name, or a glob over names, as rules write it: ``typing-extensions``."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim(Generic[T]):
    """Globs over the paths of some packages, and what to find by them."""

    packages: tuple[str, ...]
    globs: tuple[str, ...]
    value: T


class _Claims(Generic[T]):
    """Finds claims by package and path; packages that the same claims concern share a table."""

    def __init__(self, claims: Iterable[_Claim[T]]) -> None:
        self._claims = tuple(claims)
        self._tables: dict[tuple[int, ...], GlobTable[T]] = {}

    def of(self, package: str) -> GlobTable[T]:
        """Return the claims that concern the package with the canonical name ``package``."""
        concerned = tuple(
            index
            for index, claim in enumerate(self._claims)
            if any_of(claim.packages).fullmatch(package)
        )
        if concerned not in self._tables:
            claims = [self._claims[index] for index in concerned]
            self._tables[concerned] = GlobTable(
                (glob, claim.value) for claim in claims for glob in claim.globs
            )
        return self._tables[concerned]


class _Selector:
    """Selects of one package after the other, and remembers which entries spoke of a path."""

    def __init__(
        self, *, rules: tuple[Rule, ...], keep: tuple[str, ...], drop: tuple[str, ...]
    ) -> None:
        self._rules = rules
        self._claims = _Claims(
            _Claim(packages=rule.packages, globs=globs, value=(order, whole))
            for order, rule in enumerate(rules)
            for globs, whole in ((rule.patterns, False), (rule.marks, True))
        )
        self._never = GlobTable((glob, never) for never in NEVER for glob in never.patterns)
        self._keep = _Claims(map(_entry, keep))
        self._drop = _Claims(map(_entry, drop))
        self._matched = dict.fromkeys((*keep, *drop), False)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The entries that have matched no path so far, in their order."""
        return tuple(entry for entry, matched in self._matched.items() if not matched)

    def taken(self, package: PackagePaths) -> dict[str, str]:
        """Return the paths that go, sorted by their bytes, each with what takes it."""
        name = canonical_name(package.name)
        kept = self._matching(package.paths, self._keep.of(name))
        dropped = self._matching(package.paths, self._drop.of(name))
        taken = self._by_rules(name, package.paths) | dict.fromkeys(dropped, DROP)
        taken = {path: rule for path, rule in taken.items() if path not in kept}
        for path, rule in _byte_code(taken, package.paths):
            if path not in kept:
                taken.setdefault(path, rule)
        return {path: taken[path] for path in sorted(taken, key=str.encode)}

    def claims(self, package: PackagePaths) -> dict[str, Claims]:
        """Return what speaks of each path."""
        name = canonical_name(package.name)
        keep, drop = self._keep.of(name), self._drop.of(name)
        claimed = _claimed(self._claims.of(name), package.paths)
        found = {}
        for path in package.paths:
            rules = [self._rules[order] for order in sorted(claimed.get(path, ()))]
            sparing = tuple(rule for rule in rules if any_of(rule.but).fullmatch(path))
            claims = Claims(
                keep=tuple(sorted({*keep.matching(path)})),
                drop=tuple(sorted({*drop.matching(path)})),
                never=tuple(dict.fromkeys(self._shielding(path))),
                rules=tuple(rule for rule in rules if rule not in sparing),
                sparing=sparing,
            )
            if claims != _NO_CLAIMS:
                found[path] = claims
        return found

    def _shielding(self, path: str) -> Iterator[Never]:
        """Yield what says that no rule takes ``path``."""
        for never in self._never.matching(path):
            if not any_of(never.but).fullmatch(path):
                yield never

    def _matching(self, paths: Sequence[str], table: GlobTable[str]) -> set[str]:
        found = set()
        for path in paths if table else ():
            if entries := table.matching(path):
                found.add(path)
                self._matched |= dict.fromkeys(entries, True)
        return found

    def _by_rules(self, name: str, paths: Sequence[str]) -> dict[str, str]:
        found = {}
        for path, orders in _claimed(self._claims.of(name), paths).items():
            if any(self._shielding(path)):
                continue
            for rule in (self._rules[order] for order in sorted(orders)):
                if not any_of(rule.but).fullmatch(path):
                    found[path] = rule.name
                    break
        return found


def _claimed(table: GlobTable[tuple[int, bool]], paths: Sequence[str]) -> dict[str, set[int]]:
    """Return the rules that speak of each path, by their order: the first that may take it will."""
    claimed: defaultdict[str, set[int]] = defaultdict(set)
    roots = []
    for path in paths:
        for order, whole in table.matching(path):
            if whole:
                roots.append((order, path.rpartition("/")[0] + "/"))
            else:
                claimed[path].add(order)
    ordered = sorted(paths) if roots else []
    done = (-1, "")
    for order, root in sorted(roots):
        if order == done[0] and root.startswith(done[1]):
            continue
        done = order, root
        for path in _starting(root, ordered):
            claimed[path].add(order)
    return claimed


def _starting(root: str, ordered: Sequence[str]) -> Iterator[str]:
    for index in range(bisect_left(ordered, root), len(ordered)):
        if not ordered[index].startswith(root):
            return
        yield ordered[index]


def _byte_code(taken: Mapping[str, str], paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the byte code of sources that are ``taken``, with what takes them."""
    sources = defaultdict(list)
    for path, rule in taken.items():
        if path.endswith(".py"):
            sources[rule].append(path)
    compiled = [path for path in paths if path.endswith(".pyc")] if sources else []
    for rule, its in sources.items():
        for path in replaced_bytecode((*its, *compiled)):
            yield path, rule


def _entry(text: str) -> _Claim[str]:
    """Read an entry of the environment file: ``GLOB``, or ``PACKAGE:GLOB``."""
    package, colon, glob = text.partition(":")
    if not colon or "/" in package:
        return _Claim(packages=_ANY_PACKAGE, globs=(text,), value=text)
    return _Claim(packages=(canonical_name(package),), globs=(glob,), value=text)
