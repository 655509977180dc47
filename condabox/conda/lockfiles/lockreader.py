"""Reads lock files in conda-lock's unified format, version 1; refuses what cannot be installed."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from condabox.conda.channels.channel import ChannelNames, without_credentials
from condabox.conda.lockfiles.inputs import INPUTS_KEY, LockInputs
from condabox.conda.lockfiles.lockfile import (
    BASE_KEY,
    DIGEST_KEY,
    FORMAT_KEY,
    FORMAT_VERSION,
    SIZES_KEY,
    LockedPackage,
    LockFile,
)
from condabox.conda.lockfiles.plainyaml import PlainYamlError, read_plain_yaml
from condabox.conda.lockfiles.seal import BASE_SEAL_KEY, SEAL_KEY, seal, seal_base
from condabox.decode import DecodeError, join, mapping, required, sequence, strings
from condabox.errors import LockError, NewerLockError, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import Manager
    from condabox.decode import JSON

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~-]*")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!~=-]{0,254}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SCHEMES = frozenset({"file", "http", "https", "oci", "s3", "gs"})
_SUFFIXES: Mapping[Manager, tuple[str, ...]] = {"conda": (".conda", ".tar.bz2"), "pip": (".whl",)}
_CUSTOM = "metadata.custom_metadata"
_RELOCK = "run `condabox lock` to make it again"


def read_lock_file(path: Path) -> LockFile:
    """Read the lock file at ``path``; raise LockError when it is missing or not one."""
    return parse_lock_file(_read(path), path=path)


def parse_lock_file(data: bytes, *, path: Path) -> LockFile:
    """Read the content of a lock file; raise LockError, which names ``path``, for another one."""
    document = _load(path, data)
    try:
        return _decode(path, document, digest=hashlib.sha256(data).hexdigest())
    except DecodeError as error:
        raise LockError(f"{path}: {error}", hint=_RELOCK) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LockError(f"{path} does not exist", hint="run `condabox lock` to make it") from None
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from None


def _load(path: Path, data: bytes) -> object:
    try:
        return read_plain_yaml(data)
    except PlainYamlError as error:
        where = f"{path}, line {error.line}" if error.line else str(path)
        raise LockError(f"{where}: {error.problem}", hint=_RELOCK) from None


def _decode(path: Path, document: object, *, digest: str) -> LockFile:
    root = mapping(document, at="")
    version = required(root, "version", str, at="")
    if version != FORMAT_VERSION:
        raise LockError(
            f"{path} has version {version} of conda-lock's format, condabox reads version 1",
            hint="update condabox, or run `condabox lock` to make the file again",
        )
    metadata = _child(root, "metadata", at="")
    subdirs = strings(metadata.get("platforms"), at="metadata.platforms")
    channels = _channels(metadata)
    custom = mapping(metadata.get("custom_metadata", {}), at=_CUSTOM)
    ours = custom if FORMAT_KEY in custom else {}
    _check_own_version(path, ours)
    sizes = {subdir: _sizes(ours, SIZES_KEY + subdir) for subdir in subdirs}
    packages = _packages(root, sizes)
    inputs = {
        subdir: LockInputs.from_text(_string(ours, INPUTS_KEY + subdir), at=INPUTS_KEY + subdir)
        for subdir in sorted(subdirs)
        if INPUTS_KEY + subdir in ours
    }
    base = _string(ours, BASE_KEY) if BASE_KEY in ours else None
    base_digests = {
        subdir: _matched(ours, DIGEST_KEY + subdir, _DIGEST, at=_CUSTOM)
        for subdir in sorted(subdirs)
        if DIGEST_KEY + subdir in ours
    }
    return LockFile(
        path=path,
        digest=digest,
        channels=channels,
        subdirs=tuple(sorted(subdirs)),
        packages=packages,
        inputs=inputs,
        base=base,
        base_digests=base_digests,
        intact=_intact(root, ours, inputs),
        pinned=frozenset(
            subdir
            for subdir in subdirs
            if ours.get(BASE_SEAL_KEY + subdir)
            == seal_base(base, base_digests.get(subdir), subdir=subdir)
        ),
    )


def _intact(root: JSON, ours: JSON, inputs: Mapping[str, LockInputs]) -> frozenset[str]:
    """Return the subdirs whose packages go with their ``inputs``, as their seals tell."""
    entries: dict[str, list[JSON]] = {subdir: [] for subdir in inputs}
    for item in sequence(root.get("package"), at="package"):
        entry = mapping(item, at="package")
        found = entries.get(_text(entry, "platform", at="package"))
        if found is not None:
            found.append(entry)
    return frozenset(
        subdir
        for subdir, made_from in inputs.items()
        if ours.get(SEAL_KEY + subdir) == seal(entries[subdir], inputs=made_from.digest)
    )


def _channels(metadata: JSON) -> tuple[str, ...]:
    at = "metadata.channels"
    found = sequence(metadata.get("channels", []), at=at)
    try:
        return ChannelNames().canonical(
            _url(entry, at=f"{at}[{index}]") for index, entry in enumerate(found)
        )
    except SpecError as error:
        raise DecodeError(error.message, at=at) from None


def _check_own_version(path: Path, ours: JSON) -> None:
    found = ours.get(FORMAT_KEY, FORMAT_VERSION)
    if found != FORMAT_VERSION:
        raise NewerLockError(
            f"{path} was made by a newer condabox (its entries have version {found})",
            hint="update condabox, or remove the file to make it again",
        )


def _sizes(ours: JSON, key: str) -> Mapping[str, int]:
    """Return sizes of archives by the name of their package; nothing where the lock has none."""
    if key not in ours:
        return {}
    try:
        document = json.loads(_string(ours, key))
    except (ValueError, RecursionError):
        raise DecodeError("is not JSON", at=key) from None
    found = mapping(document, at=key)
    sizes = {name: required(found, name, int, at=key) for name in found}
    if any(size < 0 for size in sizes.values()):
        raise DecodeError("a size is negative", at=key)
    return sizes


def _packages(
    root: JSON, sizes: Mapping[str, Mapping[str, int]]
) -> dict[str, tuple[LockedPackage, ...]]:
    found: dict[str, list[LockedPackage]] = {subdir: [] for subdir in sorted(sizes)}
    for index, item in enumerate(sequence(root.get("package"), at="package")):
        at = f"package[{index}]"
        entry = mapping(item, at=at)
        subdir = _text(entry, "platform", at=at)
        if subdir not in found:
            raise DecodeError(f"{subdir} is not in metadata.platforms", at=join(at, "platform"))
        package = _package(entry, sizes=sizes[subdir], at=at)
        if package is not None:
            found[subdir].append(package)
    return {
        subdir: tuple(sorted(packages, key=lambda p: (p.manager, p.name, p.category)))
        for subdir, packages in found.items()
    }


def _package(entry: JSON, *, sizes: Mapping[str, int], at: str) -> LockedPackage | None:
    name = _matched(entry, "name", _NAME, at=at)
    manager = _text(entry, "manager", at=at)
    if manager not in _SUFFIXES:
        raise DecodeError(f"expected conda or pip, got {manager!r}", at=join(at, "manager"))
    if manager == "conda" and name.startswith("__"):
        return None
    hashes = _child(entry, "hash", at=at)
    if "sha256" not in hashes:
        raise DecodeError(f"{name} is locked without sha256", at=join(at, "hash.sha256"))
    package = LockedPackage(
        name=name,
        version=_matched(entry, "version", _VERSION, at=at),
        manager=cast("Manager", manager),
        url=_url(entry, at=at),
        sha256=_matched(hashes, "sha256", _SHA256, at=join(at, "hash")),
        category=_text(entry, "category", at=at) if "category" in entry else "main",
        dependencies=tuple(
            sorted(
                dependency
                for dependency in mapping(
                    entry.get("dependencies", {}), at=join(at, "dependencies")
                )
                if not dependency.startswith("__")
            )
        ),
        size=sizes.get(name) if manager == "conda" else None,
    )
    _check_archive(package, at=join(at, "url"))
    return package


def _check_archive(package: LockedPackage, *, at: str) -> None:
    """Refuse what cannot be downloaded, what is no package, and names that would be paths."""
    parts = urlsplit(package.url)
    if parts.scheme not in _SCHEMES:
        raise DecodeError(f"packages cannot be downloaded from {package.url}", at=at)
    if package.manager == "conda" and _NAME.fullmatch(package.subdir) is None:
        raise DecodeError(f"{package.url} is not in a channel's subdir", at=at)
    filename = package.filename
    if not filename.endswith(_SUFFIXES[package.manager]):
        kind = "wheel" if package.manager == "pip" else "conda package"
        raise DecodeError(f"{package.name} is locked to {filename!r}, which is no {kind}", at=at)
    if _FILENAME.fullmatch(filename) is None:
        raise DecodeError(f"{filename!r} is not a package's filename", at=at)
    if package.manager == "conda" and filename.count("-") < 2:  # noqa: PLR2004
        raise DecodeError(f"{filename!r} is not name-version-build", at=at)


def _child(obj: JSON, key: str, *, at: str) -> JSON:
    if key not in obj:
        raise DecodeError("is missing", at=join(at, key))
    return mapping(obj[key], at=join(at, key))


def _text(obj: object, key: str, *, at: str) -> str:
    return required(mapping(obj, at=at), key, str, at=at)


def _url(obj: object, *, at: str) -> str:
    url = _text(obj, "url", at=at)
    try:
        urlsplit(url)
    except ValueError:
        raise DecodeError("is not a URL", at=join(at, "url")) from None
    return without_credentials(url)


def _string(custom: JSON, key: str) -> str:
    return required(custom, key, str, at=_CUSTOM)


def _matched(obj: JSON, key: str, pattern: re.Pattern[str], *, at: str) -> str:
    text = required(obj, key, str, at=at)
    if pattern.fullmatch(text) is None:
        raise DecodeError(f"{text!r} is not valid", at=join(at, key))
    return text
