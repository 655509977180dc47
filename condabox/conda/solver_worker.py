"""The process in which py-rattler solves: a request on standard input, an answer on output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from rattler import (
    Channel,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    Subdir,
    Version,
    solve,
)
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
    SolverError,
)
from rattler.package import BuildString

from condabox.conda.channels import without_credentials
from condabox.conda.rattler_client import make_client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rattler import RepoDataRecord


class _RefusedError(Exception):
    """There is no solution; the explanation is for the user."""

    def __init__(self, message: str, *, hint: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def main() -> None:
    """Answer one request and leave before the interpreter's end can crash."""
    request = json.load(sys.stdin)
    answer: dict[str, object]
    try:
        answer = {"records": asyncio.run(_solve(request))}
    except _RefusedError as error:
        answer = {"error": error.message, "hint": error.hint}
    except KeyboardInterrupt:
        os._exit(130)
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


async def _solve(request: Mapping[str, Any]) -> list[dict[str, object]]:
    specs = [_match_spec(text) for text in request["specs"]]
    gateway = Gateway(cache_dir=request["cache"], client=make_client())
    platforms = [Subdir(request["subdir"]), Subdir("noarch")]
    canonical: dict[str, str] = {}
    channels = []
    for entry in request["channels"]:
        channel = await _reachable(entry["sources"], gateway=gateway, platforms=platforms)
        canonical[channel.base_url] = entry["canonical"] + "/"
        channels.append(channel)
    kept = await _kept(request["keep"], gateway, channels, platforms, canonical)
    try:
        records = await solve(
            channels,
            specs,
            gateway=gateway,
            platforms=platforms,
            locked_packages=kept,
            virtual_packages=[
                _virtual_package(name, text) for name, text in request["virtual_packages"].items()
            ],
        )
    except SolverError as error:
        explanation = str(error).strip()
        raise _RefusedError(explanation, hint=_hint(explanation)) from None
    except (GatewayError, FetchRepoDataError) as error:
        raise _RefusedError(_without_secrets(str(error)), hint=_CHANNEL_HINT) from None
    return [_to_json(record, canonical) for record in records]


_CHANNEL_HINT = "check the channel's name, the network and the mirrors in condabox.toml"


def _hint(explanation: str) -> str:
    if "__cuda" in explanation:
        return 'say which CUDA the target\'s driver supports: `cuda: "12.8"` below `condabox:`'
    if "__glibc" in explanation:
        return "choose a newer `base:` below `condabox:`, or an older version of the package"
    return "loosen a version, or add the channel that has the package"


def _match_spec(text: str) -> MatchSpec:
    try:
        return MatchSpec(text, strict=False)
    except InvalidMatchSpecError as error:
        raise _RefusedError(f"{text!r} is not a match spec: {error}", hint=None) from None


def _virtual_package(name: str, text: str) -> GenericVirtualPackage:
    version, _, build = text.partition(" ")
    return GenericVirtualPackage(PackageName(name), Version(version), BuildString(build or "0"))


async def _reachable(
    sources: Sequence[str], *, gateway: Gateway, platforms: list[Subdir]
) -> Channel:
    """Return the first of ``sources`` that has repodata."""
    problems = []
    for source in sources:
        try:
            channel = Channel(source)
            await gateway.names([channel], platforms)
        except (GatewayError, FetchRepoDataError, InvalidChannelError) as error:
            problems.append(f"{without_credentials(source)}: {_without_secrets(str(error))}")
        else:
            return channel
    raise _RefusedError("\n".join(problems), hint=_CHANNEL_HINT)


async def _kept(
    urls: Sequence[str],
    gateway: Gateway,
    channels: Sequence[Channel],
    platforms: Sequence[Subdir],
    canonical: Mapping[str, str],
) -> list[RepoDataRecord]:
    """Return the records of ``urls`` that the channels still have."""
    if not urls:
        return []
    names = sorted({url.rpartition("/")[2].rsplit("-", 2)[0] for url in urls})
    found = await gateway.query(list(channels), list(platforms), names, recursive=False)
    wanted = set(urls)
    return [
        record
        for records in found
        for record in records
        if _canonical_url(record, canonical) in wanted
    ]


def _canonical_url(record: RepoDataRecord, canonical: Mapping[str, str]) -> str:
    base = record.channel
    if base in canonical and record.url.startswith(base):
        return canonical[base] + record.url.removeprefix(base)
    # repodata may name another place for its packages (CEP-15)
    return without_credentials(record.url)


def _to_json(record: RepoDataRecord, canonical: Mapping[str, str]) -> dict[str, object]:
    url = _canonical_url(record, canonical)
    if record.sha256 is None:
        raise _RefusedError(
            f"{url} has no sha256 in its channel's repodata", hint="index the channel again"
        )
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "build_number": record.build_number,
        "subdir": record.subdir,
        "channel": canonical.get(record.channel, record.channel).rstrip("/"),
        "url": url,
        "filename": record.file_name,
        "sha256": record.sha256.hex(),
        "md5": record.md5.hex() if record.md5 else "",
        "size": record.size or 0,
        "timestamp": round(record.timestamp.timestamp() * 1000) if record.timestamp else 0,
        "depends": record.depends,
        "constrains": record.constrains,
    }


def _without_secrets(text: str) -> str:
    """Take credentials out of the URLs that ``text`` mentions."""
    return " ".join(
        without_credentials(word) if "://" in word else word for word in text.split(" ")
    ).strip()


if __name__ == "__main__":
    main()
