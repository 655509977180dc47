"""What ``condabox load`` does: an image goes into Docker, podman or containerd."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.errors import ToolMissingError
from condabox.outputs.docker import daemon_answers, load_into_docker
from condabox.outputs.engines import has_podman, load_into_containerd, load_into_podman
from condabox.workflows.images import select_image
from condabox.workflows.subjects import find_image

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.platforms import Platform
    from condabox.settings import Settings


class LoadEngine(StrEnum):
    """What an image can be loaded into; ``auto`` is Docker where it answers, else podman.

    containerd comes with Docker, so that it is there does not say that anybody uses it by itself.
    """

    AUTO = "auto"
    DOCKER = "docker"
    PODMAN = "podman"
    CONTAINERD = "containerd"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What the user asked for.

    Of an image for several platforms the one for ``platform`` is loaded, or for this machine's.
    """

    image: str
    engine: LoadEngine = LoadEngine.AUTO
    namespace: str | None = None
    """containerd's; the other engines have none."""
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """Where the image is now, and what it is called there."""

    engine: LoadEngine
    names: tuple[str, ...]
    reference: str
    """What it can be run by: a name, or the engine's ID."""


def load_image(request: LoadRequest, *, settings: Settings, reporter: Reporter) -> LoadResult:
    """Load an image from the local store, a file or a registry into a container engine."""
    engine = _chosen(request.engine)
    found = find_image(
        request.image, platform=request.platform, settings=settings, reporter=reporter
    )
    image = select_image(found, request.platform)
    if engine is LoadEngine.CONTAINERD:
        names = load_into_containerd(
            image, names=found.names, namespace=request.namespace, reporter=reporter
        )
        return LoadResult(engine=engine, names=names, reference=names[0])
    load = load_into_docker if engine is LoadEngine.DOCKER else load_into_podman
    reference = load([image], names=found.names, reporter=reporter)
    return LoadResult(
        engine=engine,
        # These engines take no digest for a name.
        names=tuple(name.familiar() for name in found.names if name.digest is None),
        reference=reference,
    )


def _chosen(engine: LoadEngine) -> LoadEngine:
    if engine is not LoadEngine.AUTO:
        return engine
    if daemon_answers():
        return LoadEngine.DOCKER
    if has_podman():
        return LoadEngine.PODMAN
    raise ToolMissingError(
        "neither a Docker daemon nor podman is here",
        hint="start one, choose --engine containerd, or `condabox save` the image to a file",
    )
