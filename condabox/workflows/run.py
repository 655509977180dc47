"""What ``condabox run`` does: a container of an image, with an engine or without one."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import SpecError, ToolMissingError
from condabox.outputs.docker import daemon_answers, has_image, load_into_docker
from condabox.outputs.engines import Container, has_podman, load_into_podman, run_container
from condabox.workflows.images import host_platform, select_image
from condabox.workflows.run_gpus import Gpus, gives_gpus
from condabox.workflows.run_ports import check_published
from condabox.workflows.run_unshare import check_without_engine, run_without_engine
from condabox.workflows.run_variables import check_variable
from condabox.workflows.subjects import find_image, is_description

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.outputs.store import NamedImages
    from condabox.outputs.volumes import Volume
    from condabox.platforms import Platform
    from condabox.settings import Settings

_CHOSEN = ("DOCKER_HOST", "DOCKER_CONTEXT")
"""Variables that say which Docker is meant."""


class Engine(StrEnum):
    """What runs the container; ``auto`` is the first of the others that is there."""

    AUTO = "auto"
    DOCKER = "docker"
    PODMAN = "podman"
    UNSHARE = "unshare"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What the user asked for."""

    image: str
    command: tuple[str, ...] = ()
    """Instead of the image's ``Cmd``."""
    publish: tuple[str, ...] = ()
    """``[[ip:]host port:]container port[/protocol]``."""
    env: tuple[str, ...] = ()
    """``NAME=value``, or ``NAME`` for the value that it has here."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of variables that ``env`` only names, before those that they have here."""
    volumes: tuple[Volume, ...] = ()
    gpus: Gpus = Gpus.NONE
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the container."""
    user: str | None = None
    """Instead of the image's; without an engine there is the caller alone."""
    shared_memory: str | None = None
    """The most that it may have of it, as ``2g``; without an engine there is the host's limit."""
    typed: bool = True
    """Whether what is typed here reaches the container of an engine."""
    engine: Engine = Engine.AUTO
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An image where it can be run.

    ``engine`` is one of those that there are, and knows the image as ``known``; without an engine
    that is empty, and the image still packed.
    """

    image: Image
    engine: Engine
    known: str


def run_image(
    request: RunRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> int:
    """Run a container on this process's terminal, remove it, and return its exit status.

    Docker and podman keep the image; without an engine nothing stays.
    """
    if is_description(request.image):
        raise SpecError(
            f"{request.image} is an environment file or a lock, and no image",
            hint=f"condabox run --dev {request.image}",
        )
    engine = choose_engine(request.engine, reporter=reporter)
    check_request(request, engine=engine)
    found = find_image(
        request.image, platform=request.platform, settings=settings, reporter=reporter
    )
    loaded = load(found, request.platform, engine=engine, reporter=reporter)
    return run_loaded(loaded, request, settings=settings, env=env, reporter=reporter)


def load(
    found: NamedImages, platform: Platform | None, *, engine: Engine, reporter: Reporter
) -> Loaded:
    """Give the image for ``platform``, or this machine's, to ``engine``, which is not ``auto``."""
    image = select_image(found, platform)
    known = ""
    if engine is Engine.DOCKER:
        known = has_image(image) or load_into_docker([image], names=found.names, reporter=reporter)
    elif engine is Engine.PODMAN:
        known = _known_to_podman(image, found, reporter=reporter)
    return Loaded(image=image, engine=engine, known=known)


def run_loaded(
    loaded: Loaded,
    request: RunRequest,
    *,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> int:
    """Run a container of ``loaded`` as `run_image` does, and return its exit status."""
    image, engine = loaded.image, loaded.engine
    if engine is Engine.UNSHARE:
        return run_without_engine(request, image, settings=settings, env=env, reporter=reporter)
    foreign = image.platform.architecture != host_platform().architecture
    container = Container(
        name=f"condabox-{secrets.token_hex(6)}",
        image=loaded.known,
        command=request.command,
        publish=request.publish,
        env=request.env,
        platform=str(image.platform) if foreign else None,
        values=request.values,
        volumes=tuple(map(str, request.volumes)),
        labels=request.labels,
        user=request.user,
        shared_memory=request.shared_memory,
        typed=request.typed,
        gpus=gives_gpus(
            request.gpus,
            image.config.config,
            podman=engine is Engine.PODMAN,
            reporter=reporter,
        ),
    )
    return run_container(engine.value, container)


def check_request(request: RunRequest, *, engine: Engine) -> None:
    """Refuse what no image makes possible, before there is one.

    Raise SpecError for what means nothing, BackendError for what ``engine`` cannot do.
    """
    for variable in request.env:
        check_variable(variable)
    for text in request.publish:
        check_published(text)
    if engine is Engine.UNSHARE:
        check_without_engine(request)


def choose_engine(engine: Engine, *, reporter: Reporter) -> Engine:
    """Return the engine that ``auto`` stands for here, or the one that was asked for.

    Raise ToolMissingError where a Docker was, be it by a variable, and there is no command for it
    or no answer.
    """
    if engine not in {Engine.AUTO, Engine.DOCKER}:
        return engine
    has_command = shutil.which("docker") is not None
    if has_command and daemon_answers():
        return Engine.DOCKER
    if engine is Engine.DOCKER:
        raise ToolMissingError(
            "there is no docker command, or no daemon answers it",
            hint="start Docker, or choose another --engine",
        )
    if chosen := next((name for name in _CHOSEN if os.environ.get(name)), None):
        raise _not_replaced(chosen, has_command=has_command)
    instead = Engine.PODMAN if has_podman() else Engine.UNSHARE
    if not has_command:
        return instead
    # it has other images and other volumes
    which = "podman runs it" if instead is Engine.PODMAN else "it runs without an engine"
    reporter.message(f"Docker does not answer: {which}")
    return instead


def _not_replaced(chosen: str, *, has_command: bool) -> ToolMissingError:
    instead = f"unset {chosen}, or choose another --engine"
    if has_command:
        said = f"no Docker daemon answers where {chosen} says"
        return ToolMissingError(said, hint=f"start it, {instead}")
    said = f"{chosen} names a Docker, and there is no docker command"
    return ToolMissingError(said, hint=f"install it, {instead}")


def _known_to_podman(image: Image, found: NamedImages, *, reporter: Reporter) -> str:
    podman = process.find("podman", hint="install podman, or choose another --engine")
    identity = image.manifest.config.digest.hex
    if process.attempt([podman, "image", "exists", identity]).returncode == 0:
        return identity
    return load_into_podman([image], names=found.names, reporter=reporter)
