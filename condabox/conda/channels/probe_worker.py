"""The process in which py-rattler finds out which channels answer, all of them at the same time."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Any

from condabox.conda.channels.access import Access
from condabox.conda.channels.rattler_channels import (
    UNREACHABLE,
    Channels,
    Patience,
    RefusedError,
    answer,
    explained,
    unreachable,
)
from condabox.conda.channels.reachability import listens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NONE = Patience(retries=0, waits=())
_SLOW = "the first download of a large channel takes its time; if it is not that, look for a proxy"


async def _probe(request: Mapping[str, Any]) -> dict[str, object]:
    # what an earlier command has kept would hide who does not answer any more
    with tempfile.TemporaryDirectory(prefix="condabox-", ignore_cleanup_errors=True) as cache:
        found = await asyncio.gather(
            *(_probe_channel(channel, request, cache=cache) for channel in request["channels"])
        )
    names = (channel["canonical"] for channel in request["channels"])
    return {"channels": dict(zip(names, found, strict=True))}


async def _probe_channel(
    channel: Mapping[str, Any], request: Mapping[str, Any], *, cache: str
) -> list[dict[str, object]]:
    return await asyncio.gather(
        *(
            _probe_source(source, request["subdirs"], seconds=request["seconds"], cache=cache)
            for source in channel["sources"]
        )
    )


async def _probe_source(
    source: str, subdirs: Sequence[str], *, seconds: float, cache: str
) -> dict[str, object]:
    url = Access.of(source).url
    packages: dict[str, int] = {}
    problem = hint = ""
    try:
        async with asyncio.timeout(seconds):
            if await listens(url):
                for subdir in subdirs:
                    packages |= await _packages(source, url, subdir, cache=cache)
            else:
                problem, hint = "nobody answers", str(unreachable([]).hint)
    except TimeoutError:
        problem, hint = f"gave no repodata in {seconds:.0f} seconds", _SLOW
    except RefusedError as error:
        problem, hint = error.message.removeprefix(f"{url}: "), str(error.hint)
    except UNREACHABLE as error:
        problem, hint = explained(error), str(unreachable([explained(error)]).hint)
    return {"url": url, "packages": packages, "problem": problem, "hint": hint}


async def _packages(source: str, url: str, subdir: str, *, cache: str) -> dict[str, int]:
    """Return how many names there are for ``subdir`` and for all, or for all alone."""
    channels = Channels(subdir=subdir, cache=cache, patience=_NONE)
    await channels.add(url, sources=[source])
    return {
        str(platform): len(
            await channels.gateway.names(channels.sources, [platform], channel_relations="disabled")
        )
        for platform in channels.platforms
    }


if __name__ == "__main__":
    answer(_probe)
