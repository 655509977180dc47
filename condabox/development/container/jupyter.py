"""The service that Jupyter is: by itself, or for a JupyterHub."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox.development.container.access import access
from condabox.development.container.folder import write_private
from condabox.development.container.places import OWN
from condabox.development.container.supervision import Service
from condabox.development.container.variables import for_services, port
from condabox.development.container.words import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.development.container.places import System

HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105  (its name)
_HUB_URL = "JUPYTERHUB_SERVICE_URL"
_HUB_PREFIX = "JUPYTERHUB_SERVICE_PREFIX"
_BASE_URL = "JUPYTER_BASE_URL"
_PORT = "CONDABOX_PORT_JUPYTER"
_USUAL_PORT = 8888
_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"[A-Za-z0-9/._~%!&',;=:@-]*")
"""What the path of a URL is made of (RFC 3986, 3.3), but for ``$()*+``.

Jupyter makes it part of regular expressions, where these are more than themselves.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jupyter:
    """A server of notebooks, where in the container it answers, and what to say of it."""

    service: Service
    port: int
    base_url: str
    told: str


def jupyter(system: System, *, env: Mapping[str, str], folder: Path) -> Jupyter:
    """Write what Jupyter reads of us into ``folder``, and return how it is started."""
    if env.get(HUB_TOKEN):
        return _for_hub(system, env=env, folder=folder)
    number = port(env, _PORT, default=_USUAL_PORT)
    base_url = _base_url(env, _BASE_URL)
    who = access(system, env)
    decided = {"hub": False, "port": number, "base_url": base_url}
    _decide(folder, decided | {"token": who.token, "password": who.password})
    return Jupyter(
        service=_service(system, ("-m", "jupyterlab"), env=env, folder=folder),
        port=number,
        base_url=base_url,
        told=f"JupyterLab: http://127.0.0.1:{number}{base_url}lab{who.told}",
    )


def _for_hub(system: System, *, env: Mapping[str, str], folder: Path) -> Jupyter:
    """The hub decides of address and users: its variables tell its own program."""
    program = Path(system.tool("jupyterhub-singleuser"))
    if not program.exists():
        raise Refused(
            f"{HUB_TOKEN} asks for jupyterhub-singleuser, which is not in the image: name it, in "
            "the hub's version, among the packages of dev-tools.yml"
        )
    base_url = _base_url(env, _HUB_PREFIX)
    _decide(folder, {"hub": True})
    return Jupyter(
        service=_service(system, (str(program),), env=env, folder=folder),
        port=_hub_port(env),
        base_url=base_url,
        told=f"JupyterLab: for JupyterHub, at its {base_url}",
    )


def _service(
    system: System, program: tuple[str, ...], *, env: Mapping[str, str], folder: Path
) -> Service:
    config = str(system.at(f"{OWN}/config"))
    # That folder comes before the user's own, whose files so decide what ours leave open.
    paths = ":".join(filter(None, (config, env.get("JUPYTER_CONFIG_PATH"))))
    own = {
        "CONDABOX_STATE": str(folder),
        "JUPYTER_CONFIG_PATH": paths,
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
    }
    # It would have Jupyter look into no folder at all, and let everybody in by no token of ours.
    inherited = {name: value for name, value in env.items() if name != "JUPYTER_NO_CONFIG"}
    return Service(
        name="JupyterLab",
        command=(system.tool("python"), "-I", *program),
        env=for_services(inherited) | own,
    )


def _decide(folder: Path, decided: Mapping[str, object]) -> None:
    write_private(folder / "jupyter.json", json.dumps(decided).encode())


def _base_url(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not _PATH.fullmatch(value):
        raise Refused(
            f"{name} is {value!r}, and no path of a URL that Jupyter takes, as /user/ada is"
        )
    inner = value.strip("/")
    return f"/{inner}/" if inner else "/"


def _hub_port(env: Mapping[str, str]) -> int:
    url = env.get(_HUB_URL, "")
    try:
        parts = urlsplit(url)
        return parts.port or _PORTS.get(parts.scheme, _USUAL_PORT)
    except ValueError:
        raise Refused(f"{_HUB_URL} is {url!r}, and no URL with a port") from None
