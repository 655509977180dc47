"""The process in which py-rattler looks for the records of packages that a lock names by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rattler import Channel, PackageFormatSelection, fetch_repo_data

from condabox.conda.channels.rattler_channels import Channels, answer
from condabox.conda.channels.rattler_client import make_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rattler import RepoDataRecord


async def _look_up(request: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, RepoDataRecord] = {}
    for entry in request["channels"]:
        channels = Channels(subdir=entry["subdir"], cache=request["cache"])
        await channels.add(entry["canonical"], sources=entry["sources"])
        wanted = set(entry["urls"])
        records = await channels.records(sorted(wanted))
        found |= {channels.url_of(record): record for record in records}
        hidden = {url for url in wanted - found.keys() if url.endswith(".tar.bz2")}
        records = await _hidden(hidden, channels, cache=request["cache"])
        found |= {channels.url_of(record): record for record in records}
    return {
        "found": {
            url: {
                "md5": record.md5.hex() if record.md5 else "",
                "sha256": record.sha256.hex() if record.sha256 else "",
            }
            for url, record in found.items()
        }
    }


async def _hidden(urls: Iterable[str], channels: Channels, *, cache: str) -> list[RepoDataRecord]:
    """Return the records of ``urls``: the gateway shows no .tar.bz2 where there is a .conda too."""
    public = [source for source in channels.sources if isinstance(source, Channel)]
    names = sorted({url.rpartition("/")[2].rsplit("-", 2)[0] for url in urls})
    if not names or not public:
        return []
    loaded = await fetch_repo_data(
        channels=public,
        platforms=channels.platforms,
        cache_path=cache,
        callback=None,
        client=make_client(),
    )
    return [
        record
        for repodata in loaded
        for name in names
        for record in repodata.load_records(name, PackageFormatSelection.ONLY_TAR_BZ2)
        if channels.url_of(record) in urls
    ]


if __name__ == "__main__":
    answer(_look_up)
