"""The process in which py-rattler solves: a request on standard input, an answer on output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rattler.exceptions import SolverError

from condabox.conda.channels.rattler_channels import (
    Channels,
    RefusedError,
    answer,
    match_spec,
    virtual_package,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rattler import RepoDataRecord


async def _solve(request: Mapping[str, Any]) -> dict[str, object]:
    specs = [match_spec(text) for text in request["specs"]]
    channels = Channels(subdir=request["subdir"], cache=request["cache"])
    for entry in request["channels"]:
        await channels.add(entry["canonical"], sources=entry["sources"])
    virtual_packages = [
        virtual_package(name, text) for name, text in request["virtual_packages"].items()
    ]
    kept = await channels.records(request["keep"])
    try:
        records = await channels.solve(specs, virtual_packages=virtual_packages, kept=kept)
    except SolverError as error:
        explanation = str(error).strip()
        raise RefusedError(explanation, hint=_hint(explanation)) from None
    return {"records": [_to_json(record, channels) for record in records]}


def _hint(explanation: str) -> str:
    if "__cuda" in explanation:
        return 'say which CUDA the target\'s driver supports: `cuda: "12.8"` below `condabox:`'
    if "__glibc" in explanation:
        return "choose a newer `base:` below `condabox:`, or an older version of the package"
    return "loosen a version, or add the channel that has the package"


def _to_json(record: RepoDataRecord, channels: Channels) -> dict[str, object]:
    url = channels.url_of(record)
    if record.sha256 is None:
        raise RefusedError(
            f"{url} has no sha256 in its channel's repodata", hint="index the channel again"
        )
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "build_number": record.build_number,
        "subdir": record.subdir,
        "channel": channels.channel_of(record),
        "url": url,
        "filename": record.file_name,
        "sha256": record.sha256.hex(),
        "md5": record.md5.hex() if record.md5 else "",
        "size": record.size or 0,
        "timestamp": round(record.timestamp.timestamp() * 1000) if record.timestamp else 0,
        "depends": record.depends,
        "constrains": record.constrains,
    }


if __name__ == "__main__":
    answer(_solve)
