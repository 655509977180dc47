"""The addresses that registries answer with: relative or absolute, and perhaps of another host."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from condabox.registry.failures import unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: who is talked to, as RFC 6454 tells one from another."""
    parts = _split(url)
    return parts.scheme, parts.hostname or "", _port(parts)


def host_of(url: str) -> str:
    """Return the host and port that a message may name: the rest may hold signatures."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Say whether ``name``, without a port, is this machine's for itself."""
    try:
        return name.lower() == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def joined(url: str, location: str) -> str:
    """Return where ``location``, as the answer from ``url`` gives it, is.

    A registry behind a proxy may know nothing of its own TLS: on the same host it stays.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        raise unreachable(host_of(url), "it leads to what is not a URL") from None
    here, there = _split(url), _split(target)
    same = here.hostname == there.hostname and _port(there) in {_port(here), _PORTS["http"]}
    if same and (here.scheme, there.scheme) == ("https", "http"):
        return urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))
    return target


def with_query(url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Add ``parameters`` to those that ``url`` has, which stay as they are."""
    parts = _split(url)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError:
        raise unreachable("", "its address is not a URL") from None
    return parts


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)
