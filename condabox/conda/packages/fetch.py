"""Brings the archives of locked packages into the cache, and no byte that was not locked."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from condabox.conda.channels.channel import candidates, without_credentials
from condabox.conda.channels.pip_index import certificate_environment, pip_indexes
from condabox.conda.channels.worker import module_command, module_environment
from condabox.conda.packages.advice import LOCK_AGAIN
from condabox.errors import HashMismatchError, InstallError
from condabox.process import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.events import Reporter
    from condabox.settings import Settings

_HASHING_THREADS = 4

_HINTS = {
    "missing": "the channel or index no longer has it: set a mirror, or " + LOCK_AGAIN,
    "hash": "somebody changed the package, or the download: compare with the channel, and where it "
    "is meant to be so, " + LOCK_AGAIN,
    "refused": "log in: credentials come from netrc, RATTLER_AUTH_FILE, the channel's URL in the "
    "environment file or .condarc, or pip's configuration",
    "unset": "set it: the channel's URL takes its credentials from it",
    "network": "check the network, the proxy (HTTPS_PROXY) and the mirrors in condabox.toml",
    "space": "make room, or set `cache-dir` in condabox.toml to a larger disk",
    "disk": "check the folder's permissions, or set `cache-dir` in condabox.toml",
}


def fetch_archives(
    packages: Sequence[LockedPackage], *, settings: Settings, reporter: Reporter
) -> Mapping[str, Path]:
    """Return the archive of every package by its sha256, downloaded where the cache has it not.

    Each one was hashed in this call.  The mirrors of a channel are tried before the channel.
    """
    wanted = {package.sha256: package for package in packages}
    paths = {
        sha256: archive_path(package, settings=settings)
        for sha256, package in sorted(wanted.items())
    }
    missing = [wanted[sha256] for sha256 in _not_cached(paths)]
    if missing:
        _download(missing, paths=paths, settings=settings, reporter=reporter)
    return paths


def archive_path(package: LockedPackage, *, settings: Settings) -> Path:
    """Return where the cache keeps the archive of ``package``, whether it is there or not."""
    return settings.cache_dir / "packages" / package.sha256 / package.filename


def _not_cached(paths: Mapping[str, Path]) -> list[str]:
    """Return the hashes whose archive is not in the cache, or no longer what it was."""
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        found = pool.map(_sha256_of, paths.values())
        return [sha256 for sha256, actual in zip(paths, found, strict=True) if sha256 != actual]


def _sha256_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _download(
    missing: Sequence[LockedPackage],
    *,
    paths: Mapping[str, Path],
    settings: Settings,
    reporter: Reporter,
) -> None:
    has_wheels = any(package.manager == "pip" for package in missing)
    indexes = pip_indexes(settings.pip_index_url) if has_wheels else None
    env = module_environment()
    if indexes is not None:
        env |= certificate_environment(indexes, env)
    jobs = []
    for package in missing:
        if indexes is not None and package.manager == "pip":
            sources: Iterable[str] = [indexes.authenticated(package.url)]
        else:
            sources = candidates(package.url, settings.channel_mirrors)
        path = str(paths[package.sha256])
        jobs.append({"sha256": package.sha256, "path": path, "sources": list(sources)})
    title = f"downloading {len(missing)} package{'s' if len(missing) > 1 else ''}"
    done = set()
    with (
        Worker(module_command("condabox.conda.packages.fetch_worker"), env=env) as worker,
        reporter.task(title, total=None) as task,
    ):
        worker.stdin.write(json.dumps(jobs).encode() + b"\n")
        worker.stdin.flush()
        for line in worker.lines():
            event = json.loads(line)
            if "bytes" in event:
                task.advance(event["bytes"])
            elif "done" in event:
                done.add(event["done"])
            else:
                package = next(p for p in missing if p.sha256 == event["failed"])
                raise _error(package, event)
    if len(done) != len(missing):
        raise InstallError("the download ended before it was complete", hint="run it again")


def _error(package: LockedPackage, event: Mapping[str, str]) -> InstallError:
    source, what = without_credentials(event["source"]), f"{package.name} {package.version}"
    hint = _HINTS[event["kind"]].format(name=package.name)
    if event["kind"] == "hash":
        return HashMismatchError(
            f"{what}: {source} has sha256 {event['problem']}, the lock has {package.sha256}",
            hint=hint,
        )
    return InstallError(f"{what}: {source}: {event['problem']}", hint=hint)
