"""Whether anybody listens at an address: what rattler finds out slowly, and again each time."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SECONDS = 10.0
_PORTS = {"http": 80, "https": 443, "oci": 443}


async def listens(url: str) -> bool:
    """Tell whether the host of ``url`` takes connections; those behind a proxy are taken to."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme)
    if port is None or parts.hostname is None or _proxied(parts.scheme, parts.hostname):
        return True
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except OSError:
        return False
    writer.close()
    return True


def _proxied(scheme: str, host: str) -> bool:
    proxies = getproxies()
    given = proxies.get("https" if scheme == "oci" else scheme) or proxies.get("all")
    return bool(given) and not proxy_bypass(host)
