"""The process in which py-rattler downloads: jobs on standard input, a line for each event out.

Events are ``{"bytes": N}``, ``{"done": SHA256}`` and, once and last,
``{"failed": SHA256, "kind": …, "source": URL, "problem": …}``.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from rattler.package_streaming import download_to_writer

from condabox.conda.rattler_client import make_client
from condabox.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rattler.networking import Client

_AT_ONCE = 8
_TRIES = 3
_CHUNK_SIZE = 1 << 20
_STALLED = 60.0
"""Seconds without a byte after which a connection is given up."""

_STATUS = re.compile(r"\((\d{3}) ")
_REFUSED = frozenset({401, 403, 407})
_MISSING = frozenset({404, 410})


class _FailedError(Exception):
    """One source did not give what was asked of it."""

    def __init__(self, kind: str, problem: str, *, again: bool = False) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem
        self.again = again


@dataclass
class _Writer:
    """Hashes and writes what arrives, and tells of it."""

    file: IO[bytes]
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0
    error: OSError | None = None

    def write(self, data: bytes) -> None:
        """Take one chunk; rattler calls it from a thread of its own."""
        try:
            self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.digest.update(data)
        self.size += len(data)
        _tell({"bytes": len(data)})


def main() -> None:
    """Do the jobs and leave before the interpreter's end can crash."""
    jobs = json.loads(sys.stdin.readline())
    try:
        asyncio.run(_fetch_all(jobs))
    except KeyboardInterrupt:
        os._exit(130)
    sys.stdout.flush()
    os._exit(0)


async def _fetch_all(jobs: Sequence[Mapping[str, object]]) -> None:
    """Do the jobs, some at once; stop all of them when one fails."""
    client = make_client()
    limit = asyncio.Semaphore(_AT_ONCE)
    tasks = [asyncio.create_task(_fetch(job, client=client, limit=limit)) for job in jobs]
    for task in asyncio.as_completed(tasks):
        event = await task
        if "failed" in event:
            for other in tasks:
                other.cancel()
            # their half-written files go before the parent hears of it
            await asyncio.gather(*tasks, return_exceptions=True)
            _tell(event)
            return
        _tell(event)


async def _fetch(
    job: Mapping[str, object], *, client: Client, limit: asyncio.Semaphore
) -> Mapping[str, object]:
    sha256, path = str(job["sha256"]), Path(str(job["path"]))
    worst: dict[str, str] = {}
    for source in job["sources"]:  # type: ignore[attr-defined]  # JSON from the parent
        try:
            async with limit:
                await _from_source(source, path, sha256=sha256, client=client)
        except _FailedError as error:
            failure = {"kind": error.kind, "source": source, "problem": error.problem}
            # bytes that are not the locked ones are the gravest; else the last source speaks
            if worst.get("kind") != "hash":
                worst = failure
            if error.kind in {"space", "disk"}:
                break
        else:
            return {"done": sha256}
    return {"failed": sha256, **worst}


async def _from_source(source: str, path: Path, *, sha256: str, client: Client) -> None:
    for attempt in range(_TRIES):
        try:
            await _try(source, path, sha256=sha256, client=client)
        except _FailedError as error:
            if not error.again or attempt == _TRIES - 1:
                raise
            await asyncio.sleep(2**attempt)
        else:
            return


async def _try(source: str, path: Path, *, sha256: str, client: Client) -> None:
    try:
        with replacing(path) as file:
            writer = _Writer(file)
            if source.startswith("file:"):
                await asyncio.to_thread(_copy, source, writer)
            else:
                await _receive(source, writer, client=client)
            if writer.digest.hexdigest() != sha256:
                raise _FailedError("hash", writer.digest.hexdigest())
    except OSError as error:
        raise _disk_failure(error, path.parent) from None


def _disk_failure(error: OSError, folder: Path) -> _FailedError:
    kind = "space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "disk"
    return _FailedError(kind, f"{folder}: {error.strerror or error}")


def _copy(source: str, writer: _Writer) -> None:
    try:
        with Path(unquote(urlsplit(source).path)).open("rb") as file:
            while chunk := file.read(_CHUNK_SIZE):
                writer.write(chunk)
    except OSError as error:
        if writer.error is not None:
            raise
        raise _FailedError("missing", error.strerror or str(error)) from None


async def _receive(source: str, writer: _Writer, *, client: Client) -> None:
    download = asyncio.ensure_future(download_to_writer(client, source, writer))
    try:
        await _watch(download, writer)
    except (OSError, RuntimeError) as error:
        if writer.error is not None:
            raise writer.error from None
        # rattler has repeated what failed before the answer began, and nothing else
        raise _failure(str(error), again=isinstance(error, OSError)) from None
    finally:
        download.cancel()


async def _watch(download: asyncio.Future[None], writer: _Writer) -> None:
    """Wait for the end of ``download``, as long as anything arrives."""
    while True:
        before = writer.size
        done, _ = await asyncio.wait({download}, timeout=_STALLED)
        if done:
            return download.result()
        if writer.size == before:
            raise _FailedError("network", f"nothing came for {_STALLED:.0f} seconds", again=True)


def _failure(message: str, *, again: bool) -> _FailedError:
    found = _STATUS.search(message)
    if found is None:
        return _FailedError("network", message, again=again)
    status, text = int(found[1]), message.partition("(")[2].partition(")")[0]
    kind = "missing" if status in _MISSING else "refused" if status in _REFUSED else "network"
    return _FailedError(kind, text)


def _tell(event: Mapping[str, object]) -> None:
    # one write per line: chunks arrive in several threads
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
