"""Whether a lock is what would be locked today: a comparison, without a solver or network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.base_choice import base_names, common_name
from condabox.conda.lockfiles.inputs import inputs_of
from condabox.platforms import PLATFORM_OF_SUBDIR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.channels.channel import ChannelNames
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.inputs import LockInputs
    from condabox.conda.lockfiles.lockfile import LockFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """What a lock is to be made anew for; nothing where it is current.

    ``missing`` are the subdirs that it does not have, and ``dropped`` those that nobody asks for
    any more.  ``changes`` are lines, by each other subdir.
    """

    missing: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def stale(self) -> bool:
        """Whether there is any reason."""
        return bool(self.missing or self.dropped or any(self.changes.values()))

    @property
    def reasons(self) -> Mapping[str, tuple[str, ...]]:
        """Every subdir with its own reasons, sorted by subdir."""
        found = {
            **self.changes,
            **{subdir: (_platforms("+", (subdir,)),) for subdir in self.missing},
            **{subdir: (_platforms("-", (subdir,)),) for subdir in self.dropped},
        }
        return dict(sorted(found.items()))

    @property
    def lines(self) -> tuple[str, ...]:
        """Every reason once, with the subdirs that it is not all the same for."""
        concerned: dict[str, list[str]] = {}
        for subdir, changes in self.changes.items():
            for line in changes:
                concerned.setdefault(line, []).append(subdir)
        return (
            *([_platforms("+", self.missing)] if self.missing else []),
            *([_platforms("-", self.dropped)] if self.dropped else []),
            *(
                line if len(found) == len(self.changes) else f"{line} ({', '.join(found)})"
                for line, found in concerned.items()
            ),
        )


def staleness_of(
    lock: LockFile, spec: EnvironmentSpec, *, subdirs: Sequence[str], names: ChannelNames
) -> Staleness:
    """Compare ``lock`` with what a lock of ``spec`` would be made from today.

    ``subdirs`` are all where there are none; then ``lock`` shall have no others.
    """
    wanted = sorted(subdirs or spec.platforms)
    bases = base_names(spec.image, lock.prod_of_images)
    return Staleness(
        missing=tuple(subdir for subdir in wanted if subdir not in lock.subdirs),
        dropped=() if subdirs else tuple(sorted(set(lock.subdirs) - set(wanted))),
        changes={
            subdir: (
                *_base_change(lock, subdir, bases),
                *changes_of(lock, subdir, today=inputs_of(spec, subdir, names=names)),
            )
            for subdir in wanted
            if subdir in lock.subdirs
        },
    )


def changes_of(lock: LockFile, subdir: str, *, today: LockInputs) -> tuple[str, ...]:
    """Say why the packages of ``subdir`` have to be solved anew, a line for each kind of change.

    A file that conda-lock wrote for somebody else does not tell what it was made from.
    """
    before = lock.inputs.get(subdir)
    if before is None:
        return ("inputs: the lock does not tell them",)
    changes = tuple(_differences(before, today))
    return changes if subdir in lock.intact else (*changes, "packages: not as they were locked")


def _base_change(lock: LockFile, subdir: str, bases: Sequence[str]) -> Iterable[str]:
    if subdir not in lock.inputs:
        return
    # A lock has none where several could be meant, and none of them was within reach.
    unknown = lock.base is None and len(bases) > 1
    if lock.base not in bases and not unknown:
        yield f"base: {lock.base or 'absent'} -> {common_name(bases)}"
    elif subdir in PLATFORM_OF_SUBDIR and subdir not in lock.pinned:
        yield "base: not as it was locked"


def _platforms(sign: str, subdirs: Iterable[str]) -> str:
    return f"platforms: {sign} {', '.join(subdirs)}"


def _differences(old: LockInputs, new: LockInputs) -> Iterable[str]:
    if old.channels != new.channels:
        yield f"channels: {', '.join(old.channels)} -> {', '.join(new.channels)}"
    for manager, before, after in (("", old.conda, new.conda), ("pip ", old.pip, new.pip)):
        for category in sorted({*before, *after}, key=lambda name: (name != "main", name)):
            title = "" if category == "main" else f"{category} "
            changed = _changed(before.get(category, ()), after.get(category, ()))
            if changed:
                yield f"{title}{manager}dependencies: {changed}"
    if old.allow_cpu != new.allow_cpu:
        yield f"allow-cpu: {_changed(old.allow_cpu, new.allow_cpu)}"
    versions = [
        f"{name} {old.virtual_packages.get(name, 'absent')} -> "
        f"{new.virtual_packages.get(name, 'absent')}"
        for name in sorted({*old.virtual_packages, *new.virtual_packages})
        if old.virtual_packages.get(name) != new.virtual_packages.get(name)
    ]
    if versions:
        yield f"virtual packages: {', '.join(versions)}"


def _changed(before: Iterable[str], after: Iterable[str]) -> str:
    gained = [f"+ {item}" for item in sorted(set(after) - set(before))]
    lost = [f"- {item}" for item in sorted(set(before) - set(after))]
    return ", ".join(gained + lost)
