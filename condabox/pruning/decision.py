"""What an image leaves out: prod's packages for themselves, and development's around them.

So prod's layers are the same bytes in every variant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from condabox.conda.packages.bytecode import source_of
from condabox.decode import DecodeError, each, join, mapping, sequence, strings, typed
from condabox.pruning.prefix import readable
from condabox.pruning.proof import Kept, prove
from condabox.pruning.selection import DROP, PackagePaths, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from condabox.conda.envfile.section import PruneSection
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.pruning.facts import PackageFacts
    from condabox.pruning.proof import Proof
    from condabox.pruning.selection import Selection

_T = TypeVar("_T")

APPLICATION = ""
"""Stands for a package's sha256 where the files are the application's."""

_METADATA = re.compile(
    r"(?:.*/)?([^/]+)\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?|(?:dist|egg)-info/entry_points\.txt)",
    re.DOTALL,
)
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The rule that takes a path, and the bytes that the file has in its package."""

    rule: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """How many paths are left out, and the bytes that they have in their packages."""

    paths: int
    size: int


def savings(removals: Iterable[Removal]) -> dict[str, Saving]:
    """Return what each rule saves, by its name."""
    found: dict[str, Saving] = {}
    for removal in removals:
        before = found.get(removal.rule, Saving(paths=0, size=0))
        found[removal.rule] = Saving(paths=before.paths + 1, size=before.size + removal.size)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is left out, by package's sha256 and path, and what a rule takes that stays after all.

    ``broken`` and ``missed`` are sentences: what works neither way, and what development needs of
    what prod leaves out.  ``unmatched`` are entries of the environment file that match nothing.
    """

    removed: Mapping[str, Mapping[str, Removal]]
    kept: Mapping[str, tuple[Kept, ...]]
    broken: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The distributions whose metadata entries of the environment file leave out, sorted."""
        every = (
            _METADATA.fullmatch(path)
            for removals in self.removed.values()
            for path, removal in removals.items()
            if removal.rule == DROP
        )
        return tuple(sorted({found[1] for found in every if found}))

    def warnings(self, source: Path) -> Iterator[str]:
        """Tell what somebody should know; ``source`` is where the entries stand."""
        for entry in self.unmatched:
            yield f"{source}: condabox.prune: {entry!r} matches no file of any package"
        if self.unlisted:
            yield (
                f"{source}: condabox.prune: drop leaves out what says that "
                f"{_several_names(self.unlisted)} installed: "
                "importlib.metadata, pip and scanners find them no more"
            )
        yield from self.missed
        yield from self.broken

    def to_json(self) -> dict[str, object]:
        """Return the document that `from_json` reads."""
        return {
            "removed": {
                key: {path: [each.rule, each.size] for path, each in removals.items()}
                for key, removals in self.removed.items()
            },
            "kept": {
                key: [[each.path, each.rule, each.because] for each in kept]
                for key, kept in self.kept.items()
            },
            "broken": list(self.broken),
            "missed": list(self.missed),
            "unmatched": list(self.unmatched),
        }

    @classmethod
    def from_json(cls, obj: object, *, at: str = "") -> Decision:
        """Read what `to_json` returned; raise DecodeError when it is something else."""
        fields = mapping(obj, at=at)
        removed = mapping(fields.get("removed"), at=join(at, "removed"))
        kept = mapping(fields.get("kept"), at=join(at, "kept"))
        return cls(
            removed={
                key: {path: _removal(each, path) for path, each in mapping(value, at=key).items()}
                for key, value in removed.items()
            },
            kept={key: each(value, _kept, at=key) for key, value in kept.items()},
            broken=strings(fields.get("broken"), at=join(at, "broken")),
            missed=strings(fields.get("missed"), at=join(at, "missed")),
            unmatched=strings(fields.get("unmatched"), at=join(at, "unmatched")),
        )


def decide(
    packages: Sequence[LockedPackage],
    *,
    paths: Mapping[str, Sequence[str]],
    facts: Mapping[str, PackageFacts],
    section: PruneSection,
    application: PackageFacts,
    base_libraries: frozenset[str],
) -> Decision:
    """Decide for ``packages``, which are in link order; ``paths`` and ``facts`` are by sha256.

    ``application`` tells what files need that belong to no package.
    """
    selection = _selected(packages, paths=paths, section=section)
    proof = _proven(
        selection, packages, facts=facts, application=application, base_libraries=base_libraries
    )
    return Decision(
        removed=_removals(proof.removed, facts),
        kept=proof.kept,
        broken=proof.broken,
        unmatched=selection.unmatched,
    )


def decide_around(
    prod: Decision,
    packages: Sequence[LockedPackage],
    *,
    paths: Mapping[str, Sequence[str]],
    facts: Mapping[str, PackageFacts],
    section: PruneSection,
    application: PackageFacts,
    base_libraries: frozenset[str],
) -> Decision:
    """Decide as `decide` does for those of ``packages`` that are not prod's.

    What is decided of prod's stays as it is, whatever the others bring or need.
    """
    of_prod = {package.sha256 for package in packages if package.prod}
    selection = _selected(packages, paths=paths, section=section)
    settled = {
        key: {path: removal.rule for path, removal in removals.items()}
        for key, removals in prod.removed.items()
    }
    proof = _proven(
        replace(selection, taken={**_without(selection.taken, of_prod), **settled}),
        packages,
        facts=facts,
        application=application,
        base_libraries=base_libraries,
    )
    return Decision(
        removed={**_removals(_without(proof.removed, of_prod), facts), **prod.removed},
        kept={**_without(proof.kept, of_prod), **prod.kept},
        broken=proof.broken,
        missed=tuple(_missed(prod, proof)),
        unmatched=selection.unmatched,
    )


def _selected(
    packages: Sequence[LockedPackage],
    *,
    paths: Mapping[str, Sequence[str]],
    section: PruneSection,
) -> Selection:
    named = {
        package.sha256: PackagePaths(name=package.name, paths=paths[package.sha256])
        for package in packages
    }
    return select(named, section=section)


def _proven(
    selection: Selection,
    packages: Sequence[LockedPackage],
    *,
    facts: Mapping[str, PackageFacts],
    application: PackageFacts,
    base_libraries: frozenset[str],
) -> Proof:
    of_all = {package.sha256: facts[package.sha256] for package in packages}
    proof = prove(
        selection, facts={**of_all, APPLICATION: application}, base_libraries=base_libraries
    )
    return _with_byte_code(proof, facts)


def _without(found: Mapping[str, _T], keys: AbstractSet[str]) -> dict[str, _T]:
    return {key: value for key, value in found.items() if key not in keys}


def _removals(
    removed: Mapping[str, Mapping[str, str]], facts: Mapping[str, PackageFacts]
) -> dict[str, Mapping[str, Removal]]:
    return {
        key: {
            path: Removal(rule=rule, size=facts[key].sizes.get(path, 0))
            for path, rule in taken.items()
        }
        for key, taken in removed.items()
        if taken
    }


def _with_byte_code(proof: Proof, facts: Mapping[str, PackageFacts]) -> Proof:
    """Let byte code stay with a source that is needed; what will not be made need not go."""
    removed, kept = dict(proof.removed), dict(proof.kept)
    for key, taken in proof.removed.items():
        needed = {each.path: each for each in kept.get(key, ())}
        compiled = {path: source_of(path) for path in taken if path.endswith(".pyc")}
        stays = {path for path, source in compiled.items() if source in needed}
        never_made = {
            path
            for path, source in compiled.items()
            if source in taken and path not in facts[key].sizes
        }
        removed[key] = {
            path: rule for path, rule in taken.items() if path not in stays | never_made
        }
        kept[key] = (
            *kept.get(key, ()),
            *(
                replace(needed[compiled[path]], path=path)
                for path in sorted(stays & facts[key].sizes.keys())
            ),
        )
    return replace(
        proof, removed=removed, kept={key: paths for key, paths in kept.items() if paths}
    )


def _missed(prod: Decision, everything: Proof) -> Iterator[str]:
    """Tell what development needs of what ``prod`` leaves out."""
    for key in sorted(prod.removed):
        for kept in everything.kept.get(key, ()):
            yield f"{kept.because}, and prod leaves out {readable(kept.path)}"


def _several_names(names: Sequence[str]) -> str:
    shown, more = names[:_MOST_NAMES], len(names) - _MOST_NAMES
    if more > 0:
        return f"{', '.join(map(readable, shown))} and {more} more are"
    *others, last = map(readable, shown)
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def _removal(value: object, at: str) -> Removal:
    rule, size = _several(value, 2, at=at)
    return Removal(rule=typed(rule, str, at=at), size=typed(size, int, at=at))


def _kept(value: object, at: str) -> Kept:
    path, rule, because = (typed(each, str, at=at) for each in _several(value, 3, at=at))
    return Kept(path=path, rule=rule, because=because)


def _several(value: object, count: int, *, at: str) -> Sequence[object]:
    found = sequence(value, at=at)
    if len(found) != count:
        raise DecodeError(f"there are {len(found)} values instead of {count}", at=at)
    return found
