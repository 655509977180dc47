"""What a development image says of itself, beyond what its prod does."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.conda.envfile.section import DevSection, Healthcheck
from condabox.development.account import User, user_of
from condabox.development.devcontainer import METADATA, metadata
from condabox.development.places import (
    COMMANDS,
    DEFAULT_USER,
    ENTRYPOINT,
    HEALTH,
    OWN,
    TOOLS,
    WORKSPACE,
)
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from condabox.conda.envfile.section import ImageSection
    from condabox.oci.config import ContainerConfig
    from condabox.plan import BuildPlan

_PATH_AGAIN = "CONDABOX_PATH"
"""What PATH is for whoever lost it: login shells set their own."""
_SSH_PORT = "CONDABOX_PORT_SSH"
_JUPYTER_PORT = "CONDABOX_PORT_JUPYTER"
_DECIDED = {
    _PATH_AGAIN: "set PATH",
    _SSH_PORT: "write `dev: {ssh: {port: …}}`",
    _JUPYTER_PORT: "write `dev: {jupyter: {port: …}}`",
}
"""Variables that follow from other parts of the section, and what to write there."""

_SECRET = re.compile(r"AUTHORIZED_KEYS|JUPYTER(HUB_API)?_TOKEN|JUPYTER_PASSWORD_HASH")
_HEALTHCHECK = Healthcheck(cmd=HEALTH, interval=30, timeout=5, start_period=60, retries=3)


def dev_section(plan: BuildPlan) -> ImageSection:
    """Return what the section of ``plan`` would say if it were written for development."""
    section = plan.image
    dev = section.dev or DevSection()
    ports = (dev.ssh_port, dev.jupyter_port)
    env = {
        "HOME": WORKSPACE,
        "JUPYTER_PATH": f"{OWN}/jupyter:{section.prefix}/share/jupyter",
        _SSH_PORT: str(dev.ssh_port),
        _JUPYTER_PORT: str(dev.jupyter_port),
    }
    return replace(
        section,
        workdir=WORKSPACE,
        user=str(user_of(section.user)),
        env={**{name: env[name] for name in env if name not in plan.variables}, **section.env},
        expose=tuple(dict.fromkeys((*section.expose, *(f"{port}/tcp" for port in ports)))),
        entrypoint=ENTRYPOINT,
        cmd=(),
        healthcheck=_HEALTHCHECK,
        labels={METADATA: metadata(plan), **section.labels},
    )


def dev_config(config: ContainerConfig, *, shell: str) -> ContainerConfig:
    """Return ``config``, of a section that is for development, with what no section can say.

    ``shell`` is the one that users log in with.
    """
    path = f"{WORKSPACE}/.local/bin:{config.env['PATH']}:{COMMANDS}"
    return replace(
        config,
        env={"SHELL": shell, **config.env, "PATH": path, _PATH_AGAIN: path},
        volumes=tuple(dict.fromkeys((*config.volumes, WORKSPACE))),
        # that of the base is for what the base would run
        stop_signal="SIGTERM",
    )


def check_section(section: ImageSection, *, variables: Mapping[str, str], path: Path) -> None:
    """Raise SpecError where the file ``path`` leaves development no room.

    ``variables`` are the file's own, outside of its section.
    """
    for place in (TOOLS, WORKSPACE):
        if _one_in_the_other(section.prefix, place):
            raise SpecError(
                f"{path}: condabox.prefix: {section.prefix} is where development images "
                f"have {place}",
                hint="choose another prefix, such as /opt/env",
            )
    for name in (*variables, *section.env):
        at = f"{path}: {'condabox.env' if name in section.env else 'variables'}.{name}"
        if name in _DECIDED:
            raise SpecError(f"{at}: development images decide it", hint=_DECIDED[name])
        if _SECRET.fullmatch(name):
            raise SpecError(
                f"{at}: would be in the image, for all who can pull it",
                hint=f"give it when the container starts: --env {name}",
            )
    dev = section.dev or DevSection()
    if dev.ssh_port == dev.jupyter_port:
        raise SpecError(
            f"{path}: condabox.dev: SSH and Jupyter cannot both have port {dev.ssh_port}",
            hint="choose another port for one of them",
        )


def section_warnings(section: ImageSection, *, path: Path) -> Iterator[str]:
    """Tell what the section of the file ``path`` says that development takes otherwise."""
    if section.user is not None and User.parse(section.user) is None:
        yield (
            f"{path}: condabox.user: {section.user} is root, or a name that the image may not "
            f"know: for development it is {DEFAULT_USER}"
        )
    if "LD_LIBRARY_PATH" in section.env:
        yield (
            f"{path}: condabox.env.LD_LIBRARY_PATH: Jupyter, SSH and git get those libraries, too, "
            "and may not run with them"
        )


def _one_in_the_other(first: str, second: str) -> bool:
    return f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/")
