"""Asks the channels for the sha256 of packages whose lock does not tell it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox import process
from condabox.conda.channels.solver import channel_sources
from condabox.conda.channels.worker import module_command, module_environment
from condabox.conda.lockfiles.foreign_lock import channel_of
from condabox.decode import DecodeError, mapping, required
from condabox.errors import InstallError, LockError
from condabox.files import write_atomically
from condabox.platforms import SUBDIRS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.foreign_lock import ForeignLock
    from condabox.conda.lockfiles.lockfile import LockFile
    from condabox.events import Reporter
    from condabox.settings import Settings


def complete_hashes(lock: ForeignLock, *, settings: Settings, reporter: Reporter) -> LockFile:
    """Return the file of ``lock`` with the sha256 of every package, as repodata tells it.

    Repodata has to agree with the md5 that the lock tells.  What an md5 was once found for is
    remembered; a package without any hash is asked for again each time.  Raise LockError for a
    package that its channel does not have, or has another one by the same name.
    """
    missing = {
        package.url: subdir
        for subdir, found in lock.file.packages.items()
        # others can be locked by other tools, but no image is made of them
        if subdir in SUBDIRS
        for package in found
        if not package.sha256
    }
    if not missing:
        return lock.file
    known = {
        url: found for url in missing if (found := _remembered(url, lock, settings)) is not None
    }
    unknown = {url: subdir for url, subdir in sorted(missing.items()) if url not in known}
    if unknown:
        channels = sorted({channel_of(url) for url in unknown})
        reporter.message(
            f"asking {', '.join(channels)} for the sha256 of {len(unknown)} "
            f"package{'s' if len(unknown) > 1 else ''}"
        )
        records = _ask(unknown, settings=settings)
        for url in unknown:
            known[url] = _checked(url, records.get(url), lock=lock)
            _remember(url, known[url], lock, settings)
    packages = {
        subdir: tuple(replace(p, sha256=p.sha256 or known.get(p.url, "")) for p in found)
        for subdir, found in lock.file.packages.items()
    }
    return replace(lock.file, packages=packages)


def _checked(url: str, record: Mapping[str, str] | None, *, lock: ForeignLock) -> str:
    """Return the sha256 of ``record``, if it is of the package that was locked."""
    path, channel = lock.file.path, channel_of(url)
    filename = url.removeprefix(f"{channel}/")
    if record is None:
        raise LockError(
            f"{path}: {channel} does not have {filename} any more",
            hint="lock again, or write the lock with sha256: `conda list --explicit --sha256`",
        )
    locked = lock.md5.get(url)
    if locked is not None and record["md5"] != locked:
        raise LockError(
            f"{path}: {filename} has md5 {record['md5'] or 'unknown'} in {channel}, "
            f"the lock has {locked}",
            hint="somebody changed the package: compare, and lock again if it is meant to be so",
        )
    if not record["sha256"]:
        raise LockError(
            f"{path}: {channel} does not tell the sha256 of {filename}",
            hint="index the channel again",
        )
    return record["sha256"]


def _ask(urls: Mapping[str, str], *, settings: Settings) -> dict[str, dict[str, str]]:
    """Return md5 and sha256 of those ``urls``, each with its subdir, that the channels have."""
    by_channel: dict[tuple[str, str], list[str]] = {}
    for url, subdir in urls.items():
        by_channel.setdefault((channel_of(url), subdir), []).append(url)
    request = {
        "channels": [
            {**channel_sources(channel, settings.channel_mirrors), "subdir": subdir, "urls": found}
            for (channel, subdir), found in by_channel.items()
        ],
        "cache": str(settings.cache_dir / "repodata"),
    }
    done = process.attempt(
        module_command("condabox.conda.lockfiles.lookup_worker"),
        env=module_environment(),
        stdin=json.dumps(request).encode(),
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise InstallError(
            f"the channels were not asked to the end: status {done.returncode}"
            f"\n{done.stderr.strip()}",
            hint="run the command again",
        ) from None
    if "error" in answer:
        raise InstallError(
            answer["error"],
            hint=f"{answer['hint']}; a lock that tells sha256 needs no channel's index",
        )
    found: dict[str, dict[str, str]] = answer["found"]
    return found


def _remembered(url: str, lock: ForeignLock, settings: Settings) -> str | None:
    if url not in lock.md5:
        return None
    try:
        document = json.loads(_memory(url, lock.md5[url], settings).read_bytes())
        return required(mapping(document, at=""), "sha256", str, at="")
    except (OSError, ValueError, RecursionError, DecodeError):
        return None


def _remember(url: str, sha256: str, lock: ForeignLock, settings: Settings) -> None:
    if url in lock.md5:
        data = json.dumps({"url": url, "sha256": sha256}).encode()
        write_atomically(_memory(url, lock.md5[url], settings), data)


def _memory(url: str, md5: str, settings: Settings) -> Path:
    key = hashlib.sha256(f"{url}#{md5}".encode()).hexdigest()
    return settings.cache_dir / "hashes" / key[:2] / f"{key}.json"
