"""Anaconda's own channels, which nobody gets without asking: their terms bill companies.

The terms cover what is on ``repo.anaconda.com`` and its copies on anaconda.org, which conda looks
for under the name ``defaults``, unless ``default_channels`` of ``.condarc`` leads elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from condabox.conda.channels.channel import ChannelNames

_HOSTS = frozenset({"repo.anaconda.com", "repo.anaconda.cloud", "repo.continuum.io"})
_OPEN_HOSTS = frozenset({"conda.anaconda.org", "anaconda.org"})
_COPIES = frozenset({"anaconda", "main", "r", "msys2", "pkgs"})
"""Of the channels on the open hosts, the first part of their names."""

_IN_FRONT = re.compile(r"([^\s\[\]]+)::")
_IN_BRACKETS = re.compile(r"[\[,]\s*channel\s*=\s*['\"]?([^'\",\]\s]+)")


def anaconda_channels(urls: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``urls`` that Anaconda's terms of service cover."""
    return tuple(url for url in urls if _is_covered(url))


def refuse_anaconda_channels(
    channels: Sequence[str], specs: Iterable[str], *, names: ChannelNames, environment: Path
) -> None:
    """Raise SpecError when ``channels`` or match ``specs`` lead to a channel of Anaconda's."""
    listed = names.canonical(channels)
    named = {channel: names.canonical([channel]) for channel in channels}
    for channel in (found for spec in specs for found in _channels_of(spec)):
        # a spec means the channel of that name which is listed, wherever that is
        meant = tuple(url for url in listed if url.endswith(f"/{channel}"))
        named.setdefault(channel, meant or names.canonical([channel]))
    for channel, urls in named.items():
        if found := anaconda_channels(urls):
            # a URL may hold credentials, what is canonical never does
            shown = found[0] if "://" in channel else f"{channel}, which is {found[0]}"
            raise SpecError(
                f"{environment}: {shown}: Anaconda's terms of service bill companies for it",
                hint="use conda-forge, or set `allow-defaults: true` below `condabox:` if your "
                "organisation has a licence",
            )


def _is_covered(url: str) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").rstrip(".")
    return host in _HOSTS or (
        host in _OPEN_HOSTS and parts.path.strip("/").partition("/")[0].lower() in _COPIES
    )


def _channels_of(spec: str) -> Iterable[str]:
    return (found[1] for found in (_IN_FRONT.match(spec), _IN_BRACKETS.search(spec)) if found)
