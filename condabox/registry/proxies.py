"""Which proxy leads to a host, by the variables that curl, Go and Docker know.

The rules are those of Go's httpproxy: nothing on this machine is behind a proxy, and NO_PROXY has
names, which stand for what is below them as well, addresses, and networks such as 10.0.0.0/8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox.registry.addresses import is_loopback, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Proxies by the scheme of what is asked for, ``all`` for any, and who is asked without one."""

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)
    exceptions: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls) -> Proxies:
        """Read the variables; on Windows and macOS the system's settings where there are none."""
        from urllib.request import getproxies  # noqa: PLC0415  (as slow to import as httpx)

        found = getproxies()
        exceptions = (each.strip() for each in found.get("no", "").split(","))
        return cls(by_scheme=found, exceptions=tuple(filter(None, exceptions)))

    def of(self, url: str) -> str | None:
        """Return the proxy's URL, None for the direct way; raise RegistryError for no URL."""
        scheme, host, port = origin_of(url)
        proxy = self.by_scheme.get(scheme) or self.by_scheme.get("all")
        if not proxy or is_loopback(host):
            return None
        if any(_covers(each, host, port) for each in self.exceptions):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _covers(exception: str, host: str, port: int | None) -> bool:
    if exception == "*":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return _covers_name(exception, host.rstrip("."), port)
    try:
        if "/" in exception:
            return address in ip_network(exception, strict=False)
        return address == ip_address(exception)
    except ValueError:
        return _name_and_port(exception) == (host, port)


def _covers_name(exception: str, host: str, port: int | None) -> bool:
    name, only = _name_and_port(exception)
    name = name.removeprefix("*")
    if not name or only not in {None, port}:
        return False
    return host == name or host.endswith(name if name.startswith(".") else f".{name}")


def _name_and_port(exception: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{exception}")
        port = parts.port
    except ValueError:
        return "", None
    return parts.hostname or "", port
