"""What ``condabox load`` does: an image goes into Docker or podman."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.errors import ToolMissingError
from condabox.outputs.docker import daemon_answers, load_into_docker
from condabox.outputs.engines import has_podman, load_into_podman
from condabox.workflows.images import find_images, select_image

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.platforms import Platform
    from condabox.settings import Settings


class LoadTarget(StrEnum):
    """Where an image can be loaded; ``auto`` is Docker where it answers, else podman."""

    AUTO = "auto"
    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What the user asked for.

    Of an image for several platforms the one for ``platform`` is loaded, or for this machine's.
    """

    image: str
    target: LoadTarget = LoadTarget.AUTO
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """Where the image is now, and what it is called there."""

    target: LoadTarget
    names: tuple[str, ...]
    reference: str
    """What it can be run by: a name, or the engine's ID."""


def load_image(request: LoadRequest, *, settings: Settings, reporter: Reporter) -> LoadResult:
    """Load an image from the local store, a file or a registry into a container engine."""
    target = _chosen(request.target)
    found = find_images(
        request.image, platform=request.platform, settings=settings, reporter=reporter
    )
    image = select_image(found, request.platform)
    load = load_into_docker if target is LoadTarget.DOCKER else load_into_podman
    reference = load([image], names=found.names, reporter=reporter)
    return LoadResult(
        target=target,
        # Engines take no digest for a name.
        names=tuple(name.familiar() for name in found.names if name.digest is None),
        reference=reference,
    )


def _chosen(target: LoadTarget) -> LoadTarget:
    if target is not LoadTarget.AUTO:
        return target
    if daemon_answers():
        return LoadTarget.DOCKER
    if has_podman():
        return LoadTarget.PODMAN
    raise ToolMissingError(
        "neither a Docker daemon nor podman is here",
        hint="start one, or `condabox save` the image to a file",
    )
