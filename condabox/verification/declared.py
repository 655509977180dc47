"""Is what the records declare what is there?  The lock, ``conda-meta``, ``dist-info`` and files."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import counted, printable
from condabox.verification.installed import normalized
from condabox.verification.wanted import first_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.conda.lockfiles.lockfile import LockedEnvironment
    from condabox.verification.contents import ImageContents
    from condabox.verification.installed import CondaRecord, Distribution, Environment, Installed

_RUNS = re.compile(r"(?:.*/)?(?:bin/[^/]+|[^/]+\.so(?:\.[^/]+)?|[^/]+\.py)")
_TESTS = re.compile(r"(?:.*/)?(?:tests?|testing)/.*")
_NOT_KEPT = (".pyc",)
"""Byte code is made anew, or not at all."""
_INFO = re.compile(r"((?:.*/)?lib/[^/]+/site-packages/[^/]+\.dist-info)/.")
_MOST_SHOWN = 3
_AGAIN = "build the image again; nothing is to be installed or removed in it by hand"
_NOT_DROPPED = "`prune: {drop: …}` of the environment file should leave dist-info folders alone"


def declared_findings(
    installed: Installed, contents: ImageContents, *, locked: LockedEnvironment | None, prefix: str
) -> tuple[Finding, ...]:
    """Compare what is declared in an image with what is in it.

    ``locked`` is what the environment at ``prefix`` was made from, None where nobody knows.
    """
    found = [
        Finding.problem(
            Group.CONTENTS, "records", f"/{printable(path)} cannot be read", hint=_AGAIN
        )
        for path in installed.damaged
    ]
    for environment in installed.environments:
        of_this = _environment_findings(environment, contents)
        folder = f"{environment.prefix}/".lstrip("/")
        if not of_this and not any(path.startswith(folder) for path in installed.damaged):
            of_this = (_agreed(environment),)
        found += of_this
        if locked is not None and environment.prefix == prefix.lstrip("/"):
            found += _lock_findings(environment, locked)
    if locked is not None and prefix.lstrip("/") not in {
        each.prefix for each in installed.environments
    }:
        detail = f"no package is in {printable(prefix)}, and {len(locked.packages)} are locked"
        found.append(Finding.problem(Group.CONTENTS, "lock", detail, hint=_AGAIN))
    return tuple(found)


def _environment_findings(environment: Environment, contents: ImageContents) -> tuple[Finding, ...]:
    return (
        *_doubled(environment),
        *(finding for each in environment.records for finding in _files(each, contents)),
        *_changed(environment, contents),
        *_without_metadata(environment, contents),
        *(
            finding
            for each in environment.distributions
            for finding in _distribution(each, environment, contents)
        ),
        *_depends(environment),
    )


def _agreed(environment: Environment) -> Finding:
    packages = counted(len(environment.records), "package")
    distributions = counted(len(environment.distributions), "distribution")
    detail = f"{packages} and {distributions}: records agree with files and with each other"
    return Finding.ok(Group.CONTENTS, f"/{environment.prefix}", detail)


def _doubled(environment: Environment) -> Iterator[Finding]:
    names = Counter((each.site, each.name) for each in environment.distributions)
    for (site, name), count in sorted(names.items()):
        if count > 1:
            versions = sorted(
                each.version for each in environment.distributions if each.name == name
            )
            detail = f"is in /{printable(site)} {count} times: {printable(', '.join(versions))}"
            hint = "conda and pip install the same project: let only one of them bring it"
            yield Finding.problem(Group.CONTENTS, name, detail, hint=hint)
    records = Counter(each.name for each in environment.records)
    for name, count in sorted(records.items()):
        if count > 1:
            detail = f"has {count} records in conda-meta"
            yield Finding.problem(Group.CONTENTS, name, detail, hint=_AGAIN)


def _files(package: CondaRecord | Distribution, contents: ImageContents) -> Iterator[Finding]:
    """Look for the files that a record lists; what only tells, or tests, may have been left out."""
    listed = [path for path in package.files if not path.endswith(_NOT_KEPT)]
    gone = [path for path in listed if path not in contents.tree and not contents.resolve(path)]
    if not gone:
        return
    if len(gone) == len(listed):
        yield Finding.problem(
            Group.CONTENTS, package.name, "has a record, and none of its files", hint=_AGAIN
        )
        return
    needed = [path for path in gone if _RUNS.fullmatch(path) and not _TESTS.fullmatch(path)]
    shown = needed or gone
    detail = f"{_shown(shown)} {'is' if len(shown) == 1 else 'are'} not in the image"
    make = Finding.problem if needed else Finding.note
    yield make(Group.CONTENTS, package.name, detail, hint=_AGAIN)


def _changed(environment: Environment, contents: ImageContents) -> Iterator[Finding]:
    """Compare the files with the hashes in records; what several have is as one of them has it."""
    # the RECORD of what conda installs is as old as the package: conda's own record knows better
    packages: tuple[CondaRecord | Distribution, ...] = (
        *environment.records,
        *(each for each in environment.distributions if each.conda is None),
    )
    right: dict[str, set[bytes]] = {}
    for package in packages:
        for path, digest in package.digests.items():
            right.setdefault(path, set()).add(digest)
    wrong = {
        path
        for path, digests in right.items()
        if (there := contents.digest(path)) is not None and there not in digests
    }
    for package in packages:
        if changed := sorted(wrong & package.digests.keys()):
            are = "is" if len(changed) == 1 else "are"
            detail = f"{_shown(changed)} {are} not what the record says: the content is another one"
            yield Finding.problem(Group.CONTENTS, package.name, detail, hint=_AGAIN)


def _without_metadata(environment: Environment, contents: ImageContents) -> Iterator[Finding]:
    """Look for what is left of a distribution that Python no longer knows."""
    folder = f"{environment.prefix}/".lstrip("/")
    found = {
        match[1]
        for path in contents.own & contents.tree.keys()
        if path.startswith(folder) and (match := _INFO.match(path))
    }
    for info in sorted(found):
        if f"{info}/METADATA" not in contents.tree:
            name = posixpath.basename(info).removesuffix(".dist-info")
            detail = (
                f"/{printable(info)} has no METADATA: Python does not know that it is installed"
            )
            yield Finding.problem(Group.CONTENTS, printable(name), detail, hint=_NOT_DROPPED)


def _distribution(
    one: Distribution, environment: Environment, contents: ImageContents
) -> Iterator[Finding]:
    yield from _versions(one, environment)
    if one.conda is None:
        yield from _files(one, contents)
        if not one.files:
            detail = "its RECORD is not there, or empty: nobody knows what of it can be imported"
            yield Finding.problem(Group.CONTENTS, one.name, detail, hint=_NOT_DROPPED)
    folder = f"{environment.prefix}/bin".lstrip("/")
    ours = set(one.files)
    for name in sorted(one.scripts):
        path = f"{folder}/{name}"
        # what a conda package does without, its RECORD does not list
        if path not in contents.tree and (one.conda is None or path in ours):
            detail = f"its script {printable(f'/{path}')} is not in the image"
            yield Finding.problem(Group.CONTENTS, one.name, detail, hint=_AGAIN)


def _versions(one: Distribution, environment: Environment) -> Iterator[Finding]:
    told = posixpath.basename(one.info).removesuffix(".dist-info").partition("-")[2]
    if told and not _same_version(told, one.version):
        detail = f"its METADATA says {printable(one.version)}, its folder {printable(told)}"
        yield Finding.problem(Group.CONTENTS, one.name, detail, hint=_AGAIN)
        return
    for record in environment.records:
        # a conda package of another name has another project's versions, perhaps
        is_its = record.name == one.conda and normalized(record.name) == one.name
        if is_its and not _same_version(record.version, one.version):
            detail = f"conda has {printable(record.version)}, and pip sees {printable(one.version)}"
            hint = "whoever asks for a version by pip's metadata gets the other one"
            yield Finding.note(Group.CONTENTS, one.name, detail, hint=hint)


def _depends(environment: Environment) -> Iterator[Finding]:
    names = {each.name for each in environment.records}
    for record in environment.records:
        wanted = {first_word(each) for each in record.depends if not each.startswith("__")}
        for name in sorted(wanted - names - {""}):
            detail = f"depends on {printable(name)}, which is not there"
            yield Finding.problem(Group.CONTENTS, record.name, detail, hint=_AGAIN)


def _lock_findings(environment: Environment, locked: LockedEnvironment) -> list[Finding]:
    records = {each.name: (each.version, each.build) for each in environment.records}
    wheels = {
        each.name: (each.version, "") for each in environment.distributions if each.conda is None
    }
    wanted = {
        manager: {
            package.name if manager == "conda" else normalized(package.name): (
                package.version,
                package.build,
            )
            for package in locked.packages
            if package.manager == manager
        }
        for manager in ("conda", "pip")
    }
    found = [
        *_differences(wanted["conda"], records),
        *_differences(wanted["pip"], wheels),
    ]
    if not found:
        detail = f"{counted(len(locked.packages), 'package')}, exactly what the lock has"
        found = [Finding.ok(Group.CONTENTS, "lock", detail)]
    return found


def _differences(
    wanted: dict[str, tuple[str, str]], there: dict[str, tuple[str, str]]
) -> Iterator[Finding]:
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            detail = f"{' '.join(wanted[name]).strip()} is locked, and is not in the image"
        elif name not in wanted:
            detail = f"{printable(' '.join(there[name]).strip())} is in the image, and not locked"
        elif _is_same(wanted[name], there[name]):
            continue
        else:
            has, lock = (" ".join(each).strip() for each in (there[name], wanted[name]))
            detail = f"{printable(has)} is in the image, and {lock} is locked"
        yield Finding.problem(Group.CONTENTS, printable(name), detail, hint=_AGAIN)


def _is_same(first: tuple[str, str], second: tuple[str, str]) -> bool:
    return first[1] == second[1] and (
        first[0] == second[0] or (not first[1] and _same_version(first[0], second[0]))
    )


def _same_version(first: str, second: str) -> bool:
    try:
        return Version(first.replace("_", "-")) == Version(second.replace("_", "-"))
    except InvalidVersion:
        return first == second


def _shown(paths: list[str]) -> str:
    names = ", ".join(printable(f"/{path}") for path in sorted(paths)[:_MOST_SHOWN])
    more = len(paths) - _MOST_SHOWN
    return f"{names} and {more} more" if more > 0 else names
