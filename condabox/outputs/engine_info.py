"""What Docker and podman say of themselves, by their own commands: these know every context."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox import process
from condabox.decode import DecodeError, each, mapping, optional
from condabox.errors import ToolFailedError

if TYPE_CHECKING:
    from condabox.decode import JSON
    from condabox.process import Completed

_CONTAINERD = "io.containerd.snapshotter"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerInfo:
    """What ``docker info`` tells.

    ``client`` is the command's version and ``server`` the daemon's, empty where none answers; then
    ``problem`` has the command's words for that.  ``devices`` are those of the Container Device
    Interface (CDI) that the daemon has found, and ``cdi`` tells whether it looks for any.
    """

    client: str
    server: str
    problem: str
    platform: str
    storage: str
    containerd: bool
    runtimes: tuple[str, ...]
    devices: tuple[str, ...]
    cdi: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PodmanInfo:
    """What ``podman info`` tells."""

    version: str
    platform: str
    storage: str
    rootless: bool


def docker_info(*, seconds: float) -> DockerInfo:
    """Ask the docker command.

    Raise ToolMissingError where there is none, ToolFailedError where it takes more than ``seconds``
    or cannot be understood.
    """
    docker = process.find("docker", hint="install Docker")
    done = process.attempt([docker, "info", "--format", "{{json .}}"], seconds=seconds)
    try:
        return _docker(_decoded(done), done)
    except DecodeError as error:
        raise _unreadable("docker info", done, error) from None


def podman_info(*, seconds: float) -> PodmanInfo:
    """Ask podman.

    Raise ToolMissingError where there is none, ToolFailedError where it fails, or takes more than
    ``seconds``.
    """
    podman = process.find("podman", hint="install podman")
    command = [podman, "info", "--format", "json"]
    done = process.attempt(command, seconds=seconds)
    if done.returncode != 0:
        raise ToolFailedError(_last_line(done) or process.failure(command, done).message)
    try:
        return _podman(_decoded(done))
    except DecodeError as error:
        raise _unreadable("podman info", done, error) from None


def _docker(info: JSON, done: Completed) -> DockerInfo:
    server = _text(info, "ServerVersion")
    client = mapping(info.get("ClientInfo") or {}, at="ClientInfo")
    status = json.dumps(info.get("DriverStatus"))
    problem = "" if server else _last_line(done) or "no daemon answers"
    return DockerInfo(
        client=_text(client, "Version"),
        server=server,
        problem=problem.removeprefix("ERROR: "),
        platform="/".join(filter(None, (_text(info, "OSType"), _text(info, "Architecture")))),
        storage=_text(info, "Driver"),
        containerd=_CONTAINERD in status,
        runtimes=tuple(sorted(mapping(info.get("Runtimes") or {}, at="Runtimes"))),
        devices=each(
            info.get("DiscoveredDevices") or [],
            lambda item, at: _text(mapping(item, at=at), "ID"),
            at="DiscoveredDevices",
        ),
        cdi=bool(info.get("CDISpecDirs")),
    )


def _podman(info: JSON) -> PodmanInfo:
    parts = {key: mapping(info.get(key) or {}, at=key) for key in ("host", "store", "version")}
    host = parts["host"]
    security = mapping(host.get("security") or {}, at="host.security")
    return PodmanInfo(
        version=_text(parts["version"], "Version"),
        platform="/".join(filter(None, (_text(host, "os"), _text(host, "arch")))),
        storage=_text(parts["store"], "graphDriverName"),
        rootless=security.get("rootless") is True,
    )


def _decoded(done: Completed) -> JSON:
    # with no daemon to ask, old commands print nothing at all
    try:
        return mapping(json.loads(done.stdout or b"{}"), at="")
    except DecodeError:
        raise
    except (ValueError, RecursionError):
        raise DecodeError("is not JSON", at="") from None


def _text(info: JSON, key: str) -> str:
    return optional(info, key, str, at="") or ""


def _last_line(done: Completed) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _unreadable(command: str, done: Completed, error: DecodeError) -> ToolFailedError:
    return ToolFailedError(
        f"`{command}` ended with status {done.returncode}, and what it says cannot be read: {error}"
    )
