"""Docker and podman: places to load images into, which condabox can do without."""

from __future__ import annotations

import platform
import sys
from functools import partial
from typing import TYPE_CHECKING

from condabox.errors import BackendError, ToolMissingError
from condabox.outputs.docker import daemon_answers
from condabox.outputs.emulation import HANDLERS, check_runnable
from condabox.outputs.engine_info import docker_info, podman_info
from condabox.platforms import PLATFORM_OF_SUBDIR
from condabox.reporting.findings import Finding, Group
from condabox.workflows.checks.running import PATIENCE, Check
from condabox.workflows.images import host_platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.outputs.engine_info import DockerInfo

_OPTIONAL = "condabox builds and pushes without it"


def engine_checks(specs: Sequence[EnvironmentSpec], *, env: Mapping[str, str]) -> tuple[Check, ...]:
    """Return the checks of what could run an image on this machine."""
    checks = [
        Check(
            group=Group.DOCKER,
            name="docker",
            run=partial(_docker, env=env),
            late="restart Docker, or unset DOCKER_HOST; with -o a build does not ask it",
        ),
        Check(
            group=Group.PODMAN,
            name="podman",
            run=_podman,
            late="see what `podman info` says",
        ),
    ]
    if sys.platform == "linux":
        run = partial(_platforms, specs)
        late = f"see what is in {HANDLERS}"
        checks.append(Check(group=Group.PLATFORMS, name="platforms", run=run, late=late))
    return tuple(checks)


def _docker(*, env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        info = docker_info(seconds=PATIENCE)
    except ToolMissingError as error:
        if daemon_answers(env):
            detail = f"{error.message}; images are loaded all the same, as a daemon answers"
            yield Finding.note(Group.DOCKER, "command", detail, hint="install Docker's command")
        else:
            hint = f"{_OPTIONAL}; install it to load images into it"
            yield Finding.note(Group.DOCKER, "command", error.message, hint=hint)
        return
    yield Finding.ok(Group.DOCKER, "command", info.client or "of unknown version")
    yield from _daemon(info, env=env)


def _daemon(info: DockerInfo, *, env: Mapping[str, str]) -> Iterator[Finding]:
    if not info.server:
        if env.get("DOCKER_HOST"):
            hint = "start that daemon, or unset DOCKER_HOST"
            yield Finding.problem(Group.DOCKER, "daemon", info.problem, hint=hint)
            return
        hint = f"{_OPTIONAL}; start it to load images into it"
        if "permission denied" in info.problem.lower():
            hint = "join the group that may talk to it: `sudo usermod -aG docker $USER`"
        yield Finding.note(Group.DOCKER, "daemon", info.problem, hint=hint)
        return
    yield Finding.ok(Group.DOCKER, "daemon", f"{info.server}, {info.platform}")
    kept = "all platforms of an image" if info.containerd else "one platform of an image"
    store = "containerd" if info.containerd else "classic"
    detail = f"{store} ({info.storage}): keeps {kept}"
    yield Finding.ok(Group.DOCKER, "store", detail)


def _podman() -> Iterator[Finding]:
    try:
        info = podman_info(seconds=PATIENCE)
    except ToolMissingError as error:
        hint = f"{_OPTIONAL}; install it to load images into it"
        yield Finding.note(Group.PODMAN, "command", error.message, hint=hint)
    except BackendError as error:
        hint = f"see what `podman info` says; {_OPTIONAL}"
        yield Finding.note(Group.PODMAN, "command", error.message, hint=hint)
    else:
        kind = "rootless" if info.rootless else "as root"
        detail = f"{info.version}, {info.platform}, {kind}, {info.storage}"
        yield Finding.ok(Group.PODMAN, "command", detail)


def _platforms(specs: Sequence[EnvironmentSpec], *, handlers: Path = HANDLERS) -> Iterator[Finding]:
    """Look for emulators of the platforms of ``specs``, and of those that most images are for."""
    machine = platform.machine()
    own = host_platform().architecture
    asked = [subdir for spec in specs for subdir in spec.platforms if subdir in PLATFORM_OF_SUBDIR]
    for subdir in dict.fromkeys(asked or ("linux-64", "linux-aarch64")):
        wanted = PLATFORM_OF_SUBDIR[subdir]
        try:
            check_runnable(wanted, machine=machine, handlers=handlers)
        except BackendError as error:
            hint = f"images for it can be built all the same; to run them: {error.hint}"
            yield Finding.note(Group.PLATFORMS, str(wanted), error.message, hint=hint)
        else:
            how = "natively" if wanted.architecture == own else "by emulation"
            yield Finding.ok(Group.PLATFORMS, str(wanted), f"runs here {how}")
