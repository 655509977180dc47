"""Channels by name and by URL, as conda and its ``.condarc`` understand them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from condabox.errors import SpecError
from condabox.platforms import SUBDIRS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from condabox.settings import Settings

DEFAULT_ALIAS = "https://conda.anaconda.org"
ANACONDA = "https://repo.anaconda.com"
"""Where conda looks for ``defaults``, and for every name that begins with ``pkgs/``."""

VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
"""``$NAME`` or ``${NAME}``."""

_DEFAULTS = ("pkgs/main", "pkgs/r")
_OF_WINDOWS = "pkgs/msys2"
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

    def located(self, channel: str, *, subdir: str = "noarch") -> tuple[str, ...]:
        """Return the URLs behind ``channel``, credentials and all; several for a multichannel.

        ``subdir`` matters to ``defaults`` alone, which is more on Windows.  Raise SpecError for a
        URL that no channel can have.
        """
        name = channel.strip().rstrip("/")
        if name in self.multi:
            # no multichannel within another: conda knows none, and a circle would never end
            return tuple(self._single(member.rstrip("/")) for member in self.multi[name])
        if name == "defaults":
            more = (_OF_WINDOWS,) if subdir.startswith("win-") else ()
            return tuple(self._single(member) for member in (*_DEFAULTS, *more))
        return (self._single(name),)

    def canonical(self, channels: Iterable[str], *, subdir: str = "noarch") -> tuple[str, ...]:
        """Return the canonical URLs behind ``channels``, in their order and each once."""
        urls = (url for channel in channels for url in self.located(channel, subdir=subdir))
        return tuple(dict.fromkeys(without_credentials(url) for url in urls))

    def private(self) -> tuple[str, ...]:
        """Return the URLs, credentials and all, for which ``.condarc`` has credentials."""
        below = (f"{url.rstrip('/')}/{name}" for name, url in self.custom.items())
        every = (url.rstrip("/") for url in (self.alias, *below, *self._members()))
        return tuple(_checked(url, self.env) for url in every if url != without_credentials(url))

    def _members(self) -> Iterable[str]:
        return (m.rstrip("/") for found in self.multi.values() for m in found if "://" in m)

    def _single(self, name: str) -> str:
        return _checked(_SUBDIR.sub("", name) if "://" in name else self._url_of(name), self.env)

    def _url_of(self, name: str) -> str:
        for prefix in (name, name.partition("/")[0]):
            if prefix in self.custom:
                return f"{self.custom[prefix].rstrip('/')}/{name}"
        for member in self._members():
            # conda finds the members of multichannels by their names too, wherever they are
            path = f"/{member.partition('://')[2].partition('/')[2]}"
            if _TOKEN.sub("", path) == f"/{name}":
                return member
        below = ANACONDA if name.startswith("pkgs/") else self.alias
        return f"{below.rstrip('/')}/{name}"


def _checked(template: str, env: Mapping[str, str]) -> str:
    """Fill in the variables, and refuse what neither conda nor rattler can ask for."""
    try:
        url = filled(template, env)
        shown = without_credentials(url).partition("?")[0].partition("#")[0]
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        host = _TOKEN.sub("", template.rpartition("@")[2])
        raise SpecError(f"{host} is not the URL of a channel") from None
    if parts.query or parts.fragment:
        raise SpecError(
            f"{shown}: a channel's URL has no part after ? or #",
            hint="a token goes into the path, /t/TOKEN/, and a password before the host",
        )
    if unset := VARIABLE.search(shown):
        raise SpecError(f"{shown}: the variable {unset[1] or unset[2]} is not set")
    if parts.scheme == "oci" and port not in {None, 443}:
        raise SpecError(
            f"{shown}: packages come from registries on port 443 alone",
            hint="leave the port away; a proxy (HTTPS_PROXY) can lead to another one",
        )
    return url


def located_channels(
    channels: Iterable[str], *, settings: Settings, names: ChannelNames
) -> Settings:
    """Return ``settings`` whose mirrors lead from canonical URLs to where packages really are.

    The lock has canonical URLs alone.  What ``settings`` name as mirrors comes first, with its
    variables filled in; then comes the channel itself with the credentials that stand in its URL,
    in ``channels`` or in ``.condarc``.
    """
    mirrors = {
        canonical: tuple(filled(url, names.env) for url in urls)
        for canonical, urls in settings.channel_mirrors.items()
    }
    for url in (*_located(channels, names), *names.private()):
        canonical = without_credentials(url)
        known = mirrors.get(canonical, ())
        if url != canonical and url not in known:
            mirrors[canonical] = (*known, url)
    return replace(settings, channel_mirrors=mirrors)


def _located(channels: Iterable[str], names: ChannelNames) -> Iterable[str]:
    # on Windows a name stands for most
    return (url for channel in channels for url in names.located(channel, subdir="win-64"))


def without_credentials(url: str) -> str:
    """Take user, password and conda's ``/t/TOKEN`` out of ``url``."""
    if "@" not in url and "/t/" not in url:
        return url
    parts = urlsplit(url)
    if parts.scheme == "file":
        return url
    path = parts.path
    # a wheel may well lie in a folder `t`, unless that is where a token would stand
    if not path.endswith(".whl") or path.startswith("/t/"):
        path = _TOKEN.sub("", path, count=1)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, path, parts.query, parts.fragment))


def filled(url: str, env: Mapping[str, str]) -> str:
    """Return ``url`` with its ``$NAME``s filled in; those that ``env`` has not stay.

    What stands for a user, a password or a token may have any characters, quoted or not.
    """
    if "$" not in url:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    path = _TOKEN.sub(lambda found: _filled(found[0], env, secret=True), parts.path, count=1)
    return urlunsplit(
        (
            parts.scheme,
            _filled(user, env, secret=True) + at + _filled(host, env, secret=False),
            _filled(path, env, secret=False),
            parts.query,
            parts.fragment,
        )
    )


def _filled(text: str, env: Mapping[str, str], *, secret: bool) -> str:
    def value(found: re.Match[str]) -> str:
        known = env.get(found[1] or found[2])
        if known is None:
            return found[0]
        return quote(unquote(known), safe="") if secret else known

    return VARIABLE.sub(value, text)


def candidates(url: str, mirrors: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return where ``url`` can be had: at the mirrors of its channel, in order, then at itself."""
    for canonical in sorted(mirrors, key=len, reverse=True):
        rest = url.removeprefix(canonical.rstrip("/"))
        if rest != url and rest[:1] in {"", "/"}:
            return (*(mirror.rstrip("/") + rest for mirror in mirrors[canonical]), url)
    return (url,)
