"""What is left out of an image, as the commands print it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from condabox.conda.envfile.section import PruneProfile
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.platforms import Platform
    from condabox.pruning.decision import Saving
    from condabox.pruning.effects import EntryEffect, RuleEffect
    from condabox.pruning.explain import Explained, Group
    from condabox.pruning.proof import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreLeftOut:
    """What a profile leaves out beside what the image's does, and the rules that it has for it."""

    profile: PruneProfile
    left_out: Saving
    rules: tuple[RuleEffect, ...]

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {**_saving(self.left_out), "rules": [_rule(each) for each in self.rules]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningReport:
    """What the image of an environment leaves out of its packages, and by which rules.

    ``everything`` is what all packages have.  ``rules`` are the profile's, those that save most
    first; ``keep`` and ``drop`` are the environment file's entries.
    """

    name: str
    platform: Platform
    profile: PruneProfile
    everything: Saving
    left_out: Saving
    rules: tuple[RuleEffect, ...]
    dropped: Saving
    keep: tuple[EntryEffect, ...]
    drop: tuple[EntryEffect, ...]
    more: tuple[MoreLeftOut, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: only what rules take, by their names."""
        return {
            **self._head(),
            "rules": {
                each.rule.name: {**_saving(each.left_out), "needed": len(each.kept)}
                for each in self.rules
                if not each.is_idle
            },
            "more": {each.profile: _saving(each.left_out) for each in self.more},
            "warnings": list(self.warnings),
        }

    def to_explained_json(self) -> dict[str, object]:
        """Return what ``--explain --json`` prints: every rule, and everything that stays."""
        return {
            **self._head(),
            "rules": [_rule(each) for each in self.rules],
            "keep": [_entry(each) for each in self.keep],
            "drop": [_entry(each) for each in self.drop],
            "more": {each.profile: each.to_json() for each in self.more},
            "warnings": list(self.warnings),
        }

    def _head(self) -> dict[str, object]:
        return {
            "name": self.name,
            "platform": str(self.platform),
            "profile": self.profile,
            "everything": _saving(self.everything),
            "left_out": _saving(self.left_out),
            "dropped": _saving(self.dropped),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReport:
    """What somebody ``asked`` for, and what is known of it.

    ``explained`` is all that a glob matches, or that is in a folder, where there are ``groups``;
    where what was asked for ``is_byte_code``, it is the source.  ``outside`` tells that it is not
    in the prefix, and ``near`` what may have been meant.
    """

    asked: str
    explained: tuple[Explained, ...] = ()
    groups: tuple[Group, ...] | None = None
    is_byte_code: bool = False
    outside: bool = False
    near: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "asked": self.asked,
            "outside": self.outside,
            "near": list(self.near),
            "byte_code": self.is_byte_code,
            "paths": [_explained(each) for each in self.explained],
        }


def _saving(saving: Saving) -> dict[str, object]:
    return {"paths": saving.paths, "bytes": saving.size}


def _rule(effect: RuleEffect) -> dict[str, object]:
    rule = effect.rule
    return {
        "name": rule.name,
        "profile": rule.profile,
        "risk": rule.risk,
        "reason": rule.reason,
        **_saving(effect.left_out),
        "needed": _kept(effect.kept),
        "out_of_force_for": {
            "prod": list(effect.gate.prod),
            "development": list(effect.gate.development),
        },
    }


def _entry(effect: EntryEffect) -> dict[str, object]:
    return {"entry": effect.entry, **_saving(effect.paths), "needed": _kept(effect.kept)}


def _kept(kept: Iterable[Kept]) -> list[Mapping[str, str]]:
    return [{"path": each.path, "because": each.because} for each in kept]


def _explained(explained: Explained) -> dict[str, object]:
    *others, owner = map(_package, explained.packages)
    return {
        "path": explained.path,
        "package": owner,
        "lost_by": others,
        "bytes": explained.size,
        "link": explained.link,
        **explained.verdict.to_json(),
    }


def _package(package: LockedPackage) -> dict[str, str]:
    return {"name": package.name, "version": package.version, "build": package.build}
