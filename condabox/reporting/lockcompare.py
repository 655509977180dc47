"""Compares two lock files, package by package and subdir by subdir."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.lockfiles.version_order import compare_versions
from condabox.conda.locking.gpu_kinds import kind_of, only_passes_on
from condabox.conda.locking.pypi_names import CONDA_NAME_OF
from condabox.reporting.lockdiff import (
    Change,
    Download,
    Kind,
    LockDiff,
    Pinned,
    Presence,
    SubdirDiff,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile

Key = tuple[str, str]
"""A manager, and a package's name in that manager's normal form."""


def compare_locks(old: LockFile, new: LockFile) -> LockDiff:
    """Compare what two lock files install, for every subdir that either of them has."""
    return LockDiff(
        old=old.path,
        new=new.path,
        bases=(old.base, new.base),
        subdirs=tuple(_subdir(subdir, old, new) for subdir in sorted({*old.subdirs, *new.subdirs})),
    )


def _subdir(subdir: str, old: LockFile, new: LockFile) -> SubdirDiff:
    before, after = _pinned(old, subdir), _pinned(new, subdir)
    presence = Presence.BOTH
    if subdir not in old.subdirs:
        presence = Presence.NEW
    elif subdir not in new.subdirs:
        presence = Presence.OLD
    asked = (_asked(old, subdir), _asked(new, subdir))
    changes = (_change(*pair, asked=asked) for pair in _pairs(before, after))
    return SubdirDiff(
        subdir=subdir,
        presence=presence,
        base_digests=(old.base_digests.get(subdir), new.base_digests.get(subdir)),
        before=_downloads(before.values()),
        after=_downloads(after.values()),
        changes=tuple(
            sorted(
                (change for change in changes if change is not None),
                # conda and pip may both have a package of that name
                key=lambda change: (change.name, change.manager),
            )
        ),
    )


def _pinned(lock: LockFile, subdir: str) -> dict[Key, Pinned]:
    """Return what is locked, by manager and name; of several versions of one the first counts."""
    found: dict[Key, Pinned] = {}
    for package in lock.packages.get(subdir, ()):
        key = _key(package.manager, package.name)
        first = found.get(key)
        categories = {package.category, *(first.categories if first else ())}
        found[key] = Pinned(
            package=first.package if first else package, categories=tuple(sorted(categories))
        )
    return found


def _key(manager: str, name: str) -> Key:
    return manager, canonicalize_name(name) if manager == "pip" else name.lower()


def _pairs(
    before: Mapping[Key, Pinned], after: Mapping[Key, Pinned]
) -> Iterable[tuple[Pinned | None, Pinned | None]]:
    """Put together what is the same package, also where it moved between conda and pip."""
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    to_pip, to_conda = _wheels_of(gone, come), _wheels_of(come, gone)
    same = [(key, key) for key in before.keys() & after.keys()]
    moved = [*to_pip.items(), *((wheel, conda) for conda, wheel in to_conda.items())]
    for old, new in (*same, *moved):
        yield before[old], after[new]
    for key in gone - {old for old, _ in moved}:
        yield before[key], None
    for key in come - {new for _, new in moved}:
        yield None, after[key]


def _wheels_of(conda: Collection[Key], pip: Collection[Key]) -> dict[Key, Key]:
    """Return which of ``pip`` is the same project as which of ``conda``, as their names tell."""
    free: dict[str, Key] = {
        canonicalize_name(name): (manager, name)
        for manager, name in sorted(conda)
        if manager == "conda"
    }
    found = {}
    for key in sorted(key for key in pip if key[0] == "pip"):
        name = next((name for name in _conda_names(key[1]) if name in free), None)
        if name is not None:
            found[free.pop(name)] = key
    return found


def _conda_names(pip_name: str) -> tuple[str, str]:
    return pip_name, CONDA_NAME_OF.get(pip_name, pip_name)


def _change(
    before: Pinned | None, after: Pinned | None, *, asked: tuple[frozenset[Key], ...]
) -> Change | None:
    kinds = tuple(_kinds(before, after))
    if not kinds:
        return None
    sides = zip((before, after), asked, strict=True)
    return Change(
        kinds=kinds,
        before=before,
        after=after,
        asked=any(
            side is not None and _key(side.package.manager, side.package.name) in names
            for side, names in sides
        ),
    )


def _kinds(before: Pinned | None, after: Pinned | None) -> Iterable[Kind]:
    """Yield in which ways a package changed, in the order of `Kind`; none where it did not."""
    if before is None or after is None:
        yield Kind.REMOVED if after is None else Kind.ADDED
        return
    order = _order(before.package, after.package)
    if order:
        yield Kind.UP if order > 0 else Kind.DOWN
    if before.package.manager != after.package.manager:
        yield Kind.MOVED
    else:
        same_channel = before.channel == after.channel
        if not same_channel:
            yield Kind.CHANNEL
        if _for_gpu(before) != _for_gpu(after):
            yield Kind.DEVICE
        if not order:
            if (before.package.version, before.build) != (after.package.version, after.build):
                yield Kind.BUILD
            elif same_channel and _other_archive(before.package, after.package):
                yield Kind.ARCHIVE
    if before.categories != after.categories:
        yield Kind.CATEGORY


def _order(before: LockedPackage, after: LockedPackage) -> int:
    """Return 1 where ``after`` is newer, -1 where it is older; each manager has its own order."""
    if before.manager == after.manager == "pip":
        try:
            old, new = Version(before.version), Version(after.version)
        except InvalidVersion:
            pass
        else:
            return (new > old) - (new < old)
    return compare_versions(after.version, before.version)


def _for_gpu(pinned: Pinned) -> bool:
    package = pinned.package
    # a wheel tells it by its version, if at all; arrow's builds differ by chance
    if package.manager == "pip" or only_passes_on(package.name):
        return False
    return kind_of(pinned.build, package.dependencies) == "gpu"


def _other_archive(before: LockedPackage, after: LockedPackage) -> bool:
    # a lock that is not conda-lock's may not tell the hash
    hashes_known = bool(before.sha256 and after.sha256)
    return before.filename != after.filename or (hashes_known and before.sha256 != after.sha256)


def _asked(lock: LockFile, subdir: str) -> frozenset[Key]:
    """Return the keys of what the environment file names, as far as the lock tells it."""
    inputs = lock.inputs.get(subdir)
    if inputs is None:
        return frozenset()
    return frozenset(
        _key(manager, package_of(requirement))
        for manager, requirements in (("conda", inputs.conda), ("pip", inputs.pip))
        for asked in requirements.values()
        for requirement in asked
    )


def _downloads(pinned: Iterable[Pinned]) -> dict[str, Download]:
    """Add up sizes by category; a package of several categories counts in each."""
    found: dict[str, list[int | None]] = {}
    for each in pinned:
        for category in each.categories:
            found.setdefault(category, []).append(each.package.size)
    return {
        category: Download(
            packages=len(sizes),
            size=sum(size for size in sizes if size is not None),
            unknown=sizes.count(None),
        )
        for category, sizes in sorted(found.items())
    }
