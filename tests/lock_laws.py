"""What holds for every lock, whatever it was made from; each law returns what breaks it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import yaml
from rattler import MatchSpec, PackageRecord
from rattler.package import BuildString

from condabox.conda.lockfiles.lockreader import parse_lock_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from condabox.conda.channels.solver import PackageRecord as SolvedRecord
    from condabox.conda.lockfiles.lockfile import LockFile

with warnings.catch_warnings():
    # the conda that comes along in it is older than Python's warnings
    warnings.simplefilter("ignore")
    from conda_lock.lockfile import parse_conda_lock_file, write_conda_lock_file


def record(name: str, version: str, build: str, *, subdir: str) -> PackageRecord:
    """Make what a match spec is compared with."""
    return PackageRecord(
        name=name, version=version, build=BuildString(build), build_number=0, subdir=subdir
    )


def holds(spec: str, present: Mapping[str, PackageRecord]) -> bool:
    """Tell whether the package that the match spec ``spec`` names is there, and fits."""
    name = spec.partition(" ")[0]
    return name in present and MatchSpec(spec).matches(present[name])


def unsatisfied(records: Iterable[SolvedRecord], virtual_packages: Mapping[str, str]) -> list[str]:
    """Return the dependencies of ``records`` that none of them satisfies."""
    solved = tuple(records)
    present = {
        each.name: record(each.name, each.version, each.build, subdir=each.subdir)
        for each in solved
    }
    present |= _virtual(virtual_packages)
    return [
        f"{each.name}: {spec}"
        for each in solved
        for spec in each.depends
        if not holds(spec, present)
    ]


def unsatisfied_in_lock(data: bytes, lock: LockFile) -> list[str]:
    """Return the dependencies of conda packages that nothing in ``lock``, read of ``data``, has."""
    document: Mapping[str, Any] = yaml.load(data, Loader=yaml.CSafeLoader)
    found = []
    for subdir in lock.subdirs:
        present = {
            package.name: record(package.name, package.version, package.build, subdir=subdir)
            for package in lock.packages[subdir]
            if package.manager == "conda"
        }
        present |= _virtual(lock.inputs[subdir].virtual_packages)
        found += [
            f"{subdir}: {entry['name']}: {name} {spec}"
            for entry in document["package"]
            if (entry["platform"], entry["manager"]) == (subdir, "conda")
            for name, spec in entry["dependencies"].items()
            if not holds(f"{name} {spec}".strip(), present)
        ]
    return found


def open_categories(lock: LockFile) -> list[str]:
    """Return the packages whose dependencies are neither in their own category nor in main."""
    found = []
    for subdir in lock.subdirs:
        members = {(package.name, package.category) for package in lock.packages[subdir]}
        locked = {name for name, _ in members}
        found += [
            f"{subdir}: {package.name} ({package.category}): {name}"
            for package in lock.packages[subdir]
            # a wheel may name what its markers exclude, or what conda calls otherwise
            for name in sorted({*package.dependencies} & locked)
            if members.isdisjoint({(name, package.category), (name, "main")})
        ]
    return found


def lost_by_conda_lock(data: bytes, *, scratch: Path) -> list[str]:
    """Return what is no longer the same after conda-lock has read and written the lock ``data``."""
    theirs, again = scratch / "theirs.yml", scratch / "again.yml"
    theirs.write_bytes(data)
    write_conda_lock_file(parse_conda_lock_file(theirs), again, metadata_choices=None)
    before = parse_lock_file(data, path=theirs)
    after = parse_lock_file(again.read_bytes(), path=theirs)
    fields = ("channels", "subdirs", "packages", "inputs", "base", "base_digests")
    return [name for name in fields if getattr(before, name) != getattr(after, name)]


def _virtual(packages: Mapping[str, str]) -> dict[str, PackageRecord]:
    found = {}
    for name, text in packages.items():
        version, _, build = text.partition(" ")
        found[name] = record(name, version, build or "0", subdir="noarch")
    return found
