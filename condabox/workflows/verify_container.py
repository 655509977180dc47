"""Where the checks of an image run: in a container that nothing of stays."""

from __future__ import annotations

import platform as host
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import BackendError
from condabox.outputs.docker import has_image, load_into_docker
from condabox.outputs.emulation import check_runnable
from condabox.outputs.engines import load_into_podman, remove_from_engine, run_apart
from condabox.workflows.images import host_platform
from condabox.workflows.run import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.outputs.engines import Program
    from condabox.process import Heard
    from condabox.settings import Settings


@contextmanager
def container_of(
    image: Image, *, engine: Engine, settings: Settings, reporter: Reporter
) -> Iterator[Callable[[Program], Heard]]:
    """Give a function that runs programs in ``image``, each in a new container without network.

    An image that Docker or podman does not have is loaded, without a name, and removed at the end.
    """
    if engine is Engine.UNSHARE:
        yield _without_engine(image, settings=settings, reporter=reporter)
        return
    known = has_image(image) if engine is Engine.DOCKER else _known_to_podman(image)
    load = load_into_docker if engine is Engine.DOCKER else load_into_podman
    identity = known or load([image], names=(), reporter=reporter)
    foreign = image.platform.architecture != host_platform().architecture

    def run(program: Program) -> Heard:
        return run_apart(
            engine.value,
            program,
            name=f"condabox-{secrets.token_hex(6)}",
            image=identity,
            platform=str(image.platform) if foreign else None,
        )

    try:
        yield run
    finally:
        if known is None:
            remove_from_engine(engine.value, identity)


def _known_to_podman(image: Image) -> str | None:
    podman = process.find("podman", hint="install podman, or choose another --engine")
    identity = image.manifest.config.digest.hex
    found = process.attempt([podman, "image", "exists", identity]).returncode == 0
    return identity if found else None


def _without_engine(
    image: Image, *, settings: Settings, reporter: Reporter
) -> Callable[[Program], Heard]:
    unshare = process.find("unshare", hint="install Docker, podman or, on Linux, util-linux")
    if sys.platform != "linux":
        raise BackendError(f"{sys.platform} has no namespaces", hint="install Docker or podman")
    from condabox.outputs import rootless  # noqa: PLC0415  (only Linux has what it imports)

    check_runnable(image.platform, machine=host.machine())
    isolation = rootless.find_isolation(unshare)

    def run(program: Program) -> Heard:
        return rootless.run_apart(
            image,
            program,
            unshare=unshare,
            isolation=isolation,
            folder=settings.cache_dir / "run",
            reporter=reporter,
        )

    return run
