"""What of a selection can go, because nothing that stays needs it.

Nothing is run, so that the proof is the same for every architecture.  It asks what each file finds
in the whole prefix, before anything goes: that is what it finds afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from condabox.pruning.libraries import Libraries
from condabox.pruning.links import Links
from condabox.pruning.modules import Modules
from condabox.pruning.prefix import Prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.pruning.facts import PackageFacts
    from condabox.pruning.prefix import Need, Requirement
    from condabox.pruning.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A path that ``rule`` takes and that stays, ``because`` something needs it, in one line."""

    path: str
    rule: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What can go, by package and path, with the rule that takes it, and what stays after all.

    What is ``broken`` would not work with everything in place either, a sentence each.
    """

    removed: Mapping[str, Mapping[str, str]]
    kept: Mapping[str, tuple[Kept, ...]]
    broken: tuple[str, ...]


def prove(
    selection: Selection, *, facts: Mapping[str, PackageFacts], base_libraries: frozenset[str]
) -> Proof:
    """Divide ``selection`` into what can go and what is still needed.

    ``facts`` are of all packages, in link order: a path of several packages is the last one's.
    ``base_libraries`` are sonames.
    """
    prefix = Prefix.of(facts, selection)
    libraries = Libraries(prefix, base=base_libraries)
    needed = _closure((libraries, Modules(prefix), Links(prefix)))
    return Proof(
        removed={
            key: {path: rule for path, rule in taken.items() if path not in needed}
            for key, taken in selection.taken.items()
        },
        kept={
            key: tuple(
                Kept(path=path, rule=taken[path], because=needed[path])
                for path in sorted(taken.keys() & needed.keys())
            )
            for key, taken in selection.taken.items()
            if not taken.keys().isdisjoint(needed)
        },
        broken=libraries.missing(needed.keys()),
    )


def _closure(requirements: Sequence[Requirement]) -> dict[str, str]:
    """Return what is needed by what stays, and by what stays for that, each with a nearest reason.

    Everything is asked in the order of paths, so that no reason depends on the order of packages.
    """
    needed: dict[str, str] = {}
    wave = _new(chain.from_iterable(each.first() for each in requirements), needed)
    while wave:
        needed |= wave
        needs = (need for path in sorted(wave) for each in requirements for need in each.then(path))
        wave = _new(needs, needed)
    return needed


def _new(needs: Iterable[Need], known: Mapping[str, str]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for need in needs:
        if need.path not in known:
            reasons.setdefault(need.path, need.because)
    return reasons
