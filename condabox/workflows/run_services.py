"""What a development container is given so that one gets at its SSH and its Jupyter."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from condabox.development.container.variables import PASSWORD, TOKEN_FILE
from condabox.development.places import ACCOUNT, KEYS, TOKEN
from condabox.errors import SpecError
from condabox.workflows.run_ports import (
    LOCALHOST,
    Address,
    outer_ports,
    own_port,
    parse_port,
    published,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.workflows.run import RunRequest

SECRETS = frozenset({KEYS, PASSWORD, TOKEN})
"""Variables whose values no command line shows."""
SSH_PORT = "CONDABOX_PORT_SSH"
JUPYTER_PORT = "CONDABOX_PORT_JUPYTER"

_PORTS = (f"{SSH_PORT}=", f"{JUPYTER_PORT}=")
_SSH, _JUPYTER, _OFF = "CONDABOX_SSH", "CONDABOX_JUPYTER", "off"
_HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105  (its name)
_KEYS_FILE = "/run/secrets/authorized_keys"
_TOKEN_FILE = "/run/secrets/jupyter_token"  # noqa: S105  (its path)
_BASE_URL = "JUPYTER_BASE_URL"
_RANDOM = 24
"""Bytes of a token that nobody gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of the container: its variables, what is mounted, and whose ports it has."""

    variables: Mapping[str, str]
    """The image's, and instead of them those of the command line."""
    said: frozenset[str]
    """Names of those of the command line."""
    mounts: frozenset[str]
    own_network: bool
    """Else it has this machine's."""

    @property
    def has_jupyter(self) -> bool:
        """Whether Jupyter is to start."""
        return self.variables.get(_JUPYTER) != _OFF

    @property
    def has_ssh(self) -> bool:
        """Whether SSH is to start if somebody has a key."""
        return self.variables.get(_SSH) != _OFF

    @property
    def has_keys(self) -> bool:
        """Whether the user has given keys."""
        return KEYS in self.variables or _KEYS_FILE in self.mounts

    @property
    def has_access(self) -> bool:
        """Whether the user has said who may use Jupyter."""
        names = {TOKEN, TOKEN_FILE, PASSWORD, _HUB_TOKEN}
        return bool(names & self.variables.keys()) or _TOKEN_FILE in self.mounts


def check_services(setting: Setting, *, token: str | None) -> None:
    """Refuse what no image could start with, as far as ``setting`` knows without one.

    ``token`` is the caller's own.  Raise SpecError.
    """
    for name in (SSH_PORT, JUPYTER_PORT):
        if name in setting.variables:
            parse_port(setting.variables[name], f"{name}={setting.variables[name]}")
    given = setting.variables.get(TOKEN, None if setting.has_access else token)
    if setting.has_jupyter and given is not None and not given.strip():
        raise SpecError(f"{TOKEN} is empty", hint="leave it out, and a token is made and printed")


def with_secret(run: RunRequest, name: str, value: str) -> RunRequest:
    """Return ``run`` with a variable that no command line shows."""
    return replace(
        run, env=tuple(dict.fromkeys((*run.env, name))), values={**run.values, name: value}
    )


def with_jupyter(run: RunRequest, setting: Setting, *, token: str | None) -> tuple[RunRequest, str]:
    """Let Jupyter be reached with ``token``, or a random one; return its address, too.

    A token is in the address if nobody knows it yet.
    """
    run, address = _placed(run, setting, JUPYTER_PORT)
    path = quote(setting.variables.get(_BASE_URL, "").strip("/"))
    url = f"http://{address.host}:{address.port}/{path}{'/' if path else ''}lab"
    if setting.has_access:
        return run, url
    if token is not None:
        return with_secret(run, TOKEN, token), url
    made = secrets.token_urlsafe(_RANDOM)
    return with_secret(run, TOKEN, made), f"{url}?token={made}"


def with_ssh(
    run: RunRequest, setting: Setting, *, keys: str, alias: str, identity: Path | None
) -> tuple[RunRequest, str]:
    """Let the owners of ``keys`` in; return the command that they get in with, too.

    It knows the host as ``alias``, whatever its port is.  ``identity`` is a private key for it.
    """
    run, address = _placed(run, setting, SSH_PORT)
    if keys and not setting.has_keys:
        run = with_secret(run, KEYS, keys)
    key = f" -i {shlex.quote(str(identity))}" if identity else ""
    host = address.host.strip("[]")
    return run, f"ssh -p {address.port}{key} -o HostKeyAlias={alias} {ACCOUNT}@{host}"


def _placed(run: RunRequest, setting: Setting, variable: str) -> tuple[RunRequest, Address]:
    """Find a place for the service whose port is in ``variable``.

    Where that is not the user's choice, it is the same outside and inside: so what the container
    says of it is true.
    """
    value = setting.variables.get(variable, "")
    port = parse_port(value, f"{variable}={value}")
    if setting.own_network and (found := published(port, run.publish)):
        address, values = found
        return replace(run, publish=values), address
    if variable not in setting.said:
        services = {int(each.rpartition("=")[2]) for each in run.env if each.startswith(_PORTS)}
        port = own_port(port, taken=services | outer_ports(run.publish))
        run = replace(run, env=(*run.env, f"{variable}={port}"))
    if setting.own_network:
        run = replace(run, publish=(*run.publish, f"{LOCALHOST}:{port}:{port}"))
    return run, Address(host=LOCALHOST, port=port)
