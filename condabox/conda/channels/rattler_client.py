"""The HTTP client of both workers: retries, credentials, proxies and the system's certificates.

rattler keeps addresses: in its cache of repodata, in records and in messages.  It gets them
without credentials, and these apart.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rattler import Config
from rattler.exceptions import AuthenticationStorageError
from rattler.networking import Client

from condabox.conda.channels.condarc import INSECURE

if TYPE_CHECKING:
    from condabox.conda.channels.access import Access

RETRIES = 4
"""How often what may pass is asked again, after ever longer waits."""


class CredentialsError(Exception):
    """A store of credentials cannot be read; the message names it, and nothing that is in it."""


def make_client(*, retries: int = RETRIES) -> Client:
    """Return rattler's client, which finds credentials where rattler looks for them."""
    return _client([], retries=retries)


def make_private_client(access: Access, *, retries: int = RETRIES) -> Client:
    """Return a client that asks ``access.url``, and what is below it, as ``access`` says.

    It is for nothing else: rattler's own stores know credentials by the host alone.
    """
    mirror = f"{json.dumps(access.url + '/')} = [{json.dumps(access.asked + '/')}]"
    options = ["[mirrors]", mirror] if access.asked != access.url else []
    known = {}
    if access.user is not None:
        basic = {"username": access.user, "password": access.password}
        known[access.host] = {"BasicHTTP": basic}
    with tempfile.TemporaryDirectory(prefix="condabox-") as folder:
        # rattler has no other way in; it reads the file at once, and then no other store
        store = Path(folder) / "credentials.json"
        store.write_text(json.dumps(known))
        override = f"authentication-override-file = {json.dumps(str(store))}"
        return _client([override, *options], retries=retries)


def _client(options: list[str], *, retries: int) -> Client:
    tls = ['tls-root-certs = "system"']
    if os.environ.get(INSECURE) == "1":
        tls.append("tls-no-verify = true")
    config = Config.from_toml("\n".join([*tls, *options]))
    try:
        return Client.from_config(config, max_retries=retries)
    except AuthenticationStorageError as error:
        # what follows quotes the file
        place = str(error).partition(": ")[0]
        raise CredentialsError(f"{place}, a store of credentials for rattler") from None
