"""Channels by name and by URL, as conda and its ``.condarc`` understand them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from condabox.errors import SpecError
from condabox.platforms import SUBDIRS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_ALIAS = "https://conda.anaconda.org"

_TOKEN = re.compile(r"/t/[^/]+(?=/|$)")
_SUBDIR = re.compile(rf"/(?:noarch|{'|'.join(SUBDIRS)})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNames:
    """What short names of channels stand for.

    ``custom`` maps a name to the URL that it hangs below (conda's ``custom_channels``); ``multi``
    maps a name to the channels that it stands for (``custom_multichannels`` and ``defaults``).
    ``env`` has what ``$NAME`` in a URL stands for.
    """

    alias: str = DEFAULT_ALIAS
    custom: Mapping[str, str] = field(default_factory=dict)
    multi: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def located(self, channel: str) -> tuple[str, ...]:
        """Return the URLs behind ``channel``, credentials and all; several for a multichannel."""
        name = channel.strip().rstrip("/")
        if name in self.multi:
            # no multichannel within another: conda knows none, and a circle would never end
            return tuple(self._single(member.rstrip("/")) for member in self.multi[name])
        if name == "defaults":
            raise SpecError(
                "`defaults` stands for no channel",
                hint="name one, such as conda-forge, or set `default_channels` in .condarc",
            )
        return (self._single(name),)

    def _single(self, name: str) -> str:
        url = f"{self.alias.rstrip('/')}/{name}"
        for prefix in (name.partition("/")[0], name):
            if prefix in self.custom:
                url = f"{self.custom[prefix].rstrip('/')}/{name}"
        if "://" in name:
            url = _SUBDIR.sub("", name)
        return Template(url).safe_substitute(self.env)

    def canonical(self, channels: Iterable[str]) -> tuple[str, ...]:
        """Return the canonical URLs behind ``channels``, in their order and each once."""
        urls = (url for channel in channels for url in self.located(channel))
        return tuple(dict.fromkeys(without_credentials(url) for url in urls))


def without_credentials(url: str) -> str:
    """Take user, password and conda's ``/t/TOKEN`` out of ``url``."""
    if "@" not in url and "/t/" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(
        (
            parts.scheme,
            parts.netloc.rpartition("@")[2],
            _TOKEN.sub("", parts.path, count=1),
            parts.query,
            parts.fragment,
        )
    )


def candidates(url: str, mirrors: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return where ``url`` can be had: at the mirrors of its channel, in order, then at itself."""
    for canonical in sorted(mirrors, key=len, reverse=True):
        rest = url.removeprefix(canonical.rstrip("/"))
        if rest != url and rest[:1] in {"", "/"}:
            return (*(mirror.rstrip("/") + rest for mirror in mirrors[canonical]), url)
    return (url,)
