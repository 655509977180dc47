"""The HTTP client of both workers: retries, credentials, proxies and the system's certificates."""

from __future__ import annotations

import os

from rattler import Config
from rattler.networking import Client

from condabox.conda.condarc import INSECURE

_RETRIES = 4


def make_client() -> Client:
    """Return rattler's client with its standard middleware."""
    options = ['tls-root-certs = "system"']
    if os.environ.get(INSECURE) == "1":
        options.append("tls-no-verify = true")
    return Client.from_config(Config.from_toml("\n".join(options)), max_retries=_RETRIES)
