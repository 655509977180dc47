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

from condabox.conda.channels.access import Access, redacted
from condabox.conda.channels.rattler_client import (
    CredentialsError,
    make_client,
    make_private_client,
)
from condabox.conda.channels.reachability import listens
from condabox.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rattler.networking import Client

_AT_ONCE = 8
_TRIES = 3
_CHUNK_SIZE = 1 << 20
_STALLED = 60.0
"""Seconds without a byte after which a connection is given up."""

_GRAVITY = {"hash": 3, "unset": 2, "refused": 1}
"""What is told of several sources that failed: the first of the gravest, or else the last one's."""

_STATUS = re.compile(r"\((\d{3}) ")
_LOG_IN = "requested authentication"
"""What rattler says where a registry refuses."""

_REFUSED = frozenset({401, 403, 407})
_MISSING = frozenset({404, 410})
_BUSY = frozenset({408, 429, *range(500, 600)})


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


class _Sources:
    """How addresses are asked, and which hosts are past asking."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str | None, str] | None, Client] = {}
        self._listening: dict[str, asyncio.Task[bool]] = {}
        self._given_up: set[str] = set()

    def client(self, access: Access) -> Client:
        """Return the client that has the credentials of ``access`` and no others."""
        key = (access.host, access.user, access.password) if access.private else None
        try:
            if key not in self._clients:
                self._clients[key] = make_private_client(access) if key else make_client()
        except CredentialsError as error:
            raise _FailedError("refused", str(error)) from None
        return self._clients[key]

    async def check(self, access: Access) -> None:
        """Raise _FailedError for a host that nobody should wait for again."""
        place = urlsplit(access.url).netloc
        if place not in self._listening:
            self._listening[place] = asyncio.create_task(listens(access.url))
        if place in self._given_up or not await self._listening[place]:
            raise _FailedError("network", "nobody answers")

    def give_up(self, access: Access) -> None:
        """Remember that a host does not answer, or badly."""
        self._given_up.add(urlsplit(access.url).netloc)


async def _fetch_all(jobs: Sequence[Mapping[str, object]]) -> None:
    """Do the jobs, some at once; stop all of them when one fails."""
    sources = _Sources()
    limit = asyncio.Semaphore(_AT_ONCE)
    tasks = [asyncio.create_task(_fetch(job, sources=sources, limit=limit)) for job in jobs]
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
    job: Mapping[str, object], *, sources: _Sources, limit: asyncio.Semaphore
) -> Mapping[str, object]:
    sha256, path = str(job["sha256"]), Path(str(job["path"]))
    worst: dict[str, str] = {}
    *mirrors, last = map(Access.of, job["sources"])  # type: ignore[call-overload]  # JSON
    for access in (*mirrors, last):
        try:
            _require_variables(access)
            async with limit:
                if access is last:
                    await _from_source(access, path, sha256=sha256, sources=sources)
                else:
                    await sources.check(access)
                    await _try(access, path, sha256=sha256, sources=sources)
        except _FailedError as error:
            failure = {"kind": error.kind, "source": access.url, "problem": error.problem}
            before = _GRAVITY.get(worst.get("kind", ""), 0)
            if _GRAVITY.get(error.kind, 0) > before or not before:
                worst = failure
            if error.kind in {"space", "disk"}:
                break
            if error.kind == "network":
                sources.give_up(access)
        else:
            return {"done": sha256}
    return {"failed": sha256, **worst}


def _require_variables(access: Access) -> None:
    if access.unset:
        raise _FailedError("unset", f"the variable {access.unset[0]} is not set")


async def _from_source(access: Access, path: Path, *, sha256: str, sources: _Sources) -> None:
    """Ask the last source that there is, with patience."""
    for attempt in range(_TRIES):
        try:
            await _try(access, path, sha256=sha256, sources=sources)
        except _FailedError as error:
            if not error.again or attempt == _TRIES - 1:
                raise
            await asyncio.sleep(2**attempt)
        else:
            return


async def _try(access: Access, path: Path, *, sha256: str, sources: _Sources) -> None:
    try:
        with replacing(path) as file:
            writer = _Writer(file)
            if access.url.startswith("file:"):
                await asyncio.to_thread(_copy, access.url, writer)
            else:
                await _receive(access.asked, writer, client=sources.client(access))
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
        # rattler repeats what fails before the answer begins, for some seconds, and nothing else
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
        kind = "refused" if _LOG_IN in message else "network"
        return _FailedError(kind, redacted(message), again=again)
    status, text = int(found[1]), message.partition("(")[2].partition(")")[0]
    if status in _MISSING:
        return _FailedError("missing", text)
    if status in _REFUSED:
        return _FailedError("refused", text)
    return _FailedError("network", text, again=status in _BUSY)


def _tell(event: Mapping[str, object]) -> None:
    # one write per line: chunks arrive in several threads
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
