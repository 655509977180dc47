"""Which services a container has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.development.container.hostkey import settle_host_key
from condabox.development.container.jupyter import jupyter
from condabox.development.container.keys import NO_KEYS, authorized_keys
from condabox.development.container.sshd import NO_LOGIN, ssh_service
from condabox.development.container.variables import Switch, port, switch
from condabox.development.container.words import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.development.container.places import System
    from condabox.development.container.supervision import Service
    from condabox.development.container.user import User

_JUPYTER = "CONDABOX_JUPYTER"
_SSH = "CONDABOX_SSH"
_SSH_PORT = "CONDABOX_PORT_SSH"
_USUAL_PORT = 2222


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What there is of one kind: a service or none, how to ask for its health, and what to say."""

    service: Service | None
    state: Mapping[str, object] | None
    told: str


def offers(system: System, *, user: User, folder: Path) -> dict[str, Offer]:
    """Return what the container offers, by the names that the state file has for it.

    Raise Refused where that is nothing, or not what its variables ask for.
    """
    made = {
        "jupyter": _jupyter(system, user=user, folder=folder),
        "ssh": _ssh(system, user=user, folder=folder),
    }
    if not any(offer.service for offer in made.values()):
        reasons = "; ".join(offer.told for offer in made.values())
        raise Refused(f"there is nothing to run: {reasons}")
    ports = [offer.state["port"] for offer in made.values() if offer.state]
    if len(set(ports)) < len(ports):
        raise Refused(f"SSH and Jupyter cannot both have port {ports[0]}")
    return made


def _jupyter(system: System, *, user: User, folder: Path) -> Offer:
    if switch(user.env, _JUPYTER) is Switch.OFF:
        return _none(f"JupyterLab is off, as {_JUPYTER} says")
    made = jupyter(system, env=user.env, folder=folder)
    state = {"port": made.port, "base_url": made.base_url}
    return Offer(service=made.service, state=state, told=made.told)


def _ssh(system: System, *, user: User, folder: Path) -> Offer:
    wanted = switch(user.env, _SSH)
    if wanted is Switch.OFF:
        return _none(f"SSH is off, as {_SSH} says")
    number = port(user.env, _SSH_PORT, default=_USUAL_PORT)
    if user.login is None:
        return _without_ssh(wanted, NO_LOGIN)
    keys = authorized_keys(system, env=user.env, home=user.home)
    if not keys:
        return _without_ssh(wanted, NO_KEYS)
    key = settle_host_key(system, env=user.env, home=user.home, folder=folder)
    service = ssh_service(
        system, env=user.env, folder=folder, login=user.login, port=number, keys=keys
    )
    told = f"SSH: ssh -p {number} {user.login}@127.0.0.1, which has the key {key}"
    return Offer(service=service, state={"port": number}, told=told)


def _without_ssh(wanted: Switch, why: str) -> Offer:
    if wanted is Switch.ON:
        raise Refused(f"{_SSH} is on, but {why}")
    return _none(f"SSH is off: {why}")


def _none(why: str) -> Offer:
    return Offer(service=None, state=None, told=why)
