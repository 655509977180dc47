"""Container engines as commands: loading into podman, and running with podman or Docker."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import ToolFailedError
from condabox.oci.archive import archive_chunks
from condabox.outputs.interrupts import Interrupts, has_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.oci.reference import Reference

_SECONDS_TO_STOP = "10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What an engine is asked to run, and what the container is called."""

    name: str
    image: str
    """What the engine knows the image by."""
    command: tuple[str, ...]
    publish: tuple[str, ...]
    """``[ip:][host port:]container port``, as for ``docker run -p``."""
    env: tuple[str, ...]
    """``NAME=value``, or ``NAME`` for the caller's own."""
    platform: str | None
    """Where it is not the host's."""


def has_podman() -> bool:
    """Say whether there is podman."""
    return shutil.which("podman") is not None


def load_into_podman(
    images: Sequence[Image], *, names: Sequence[Reference], reporter: Reporter
) -> str:
    """Load one image, for each platform one, under ``names``; return the first one's ID.

    Podman takes from several the one for its own platform.
    """
    podman = process.find("podman", hint="install podman, or load into Docker")
    total = sum(layer.size for image in images for layer in image.manifest.layers)
    with (
        reporter.task("Loading into podman", total=total) as task,
        process.Worker([podman, "load", "--quiet"]) as worker,
    ):
        try:
            for chunk in archive_chunks(images, names=names):
                worker.stdin.write(chunk)
                task.advance(len(chunk))
            worker.stdin.close()
        except BrokenPipeError:
            pass  # its exit status says more
        worker.stdout.read()
        if (status := worker.wait()) != 0:
            raise ToolFailedError(f"podman load ended with status {status}")
    return images[0].manifest.config.digest.hex


def run_command(engine: str, container: Container, *, terminal: bool) -> tuple[str, ...]:
    """Return the command line that runs ``container`` once, attached, with ``engine``."""
    options = ["--rm", "--interactive", *(["--tty"] if terminal else [])]
    options += ["--name", container.name]
    if container.platform:
        options += ["--platform", container.platform]
    for port in container.publish:
        options += ["--publish", port]
    for variable in container.env:
        options += ["--env", variable]
    return (engine, "run", *options, container.image, *container.command)


def run_container(engine: str, container: Container) -> int:
    """Run ``container`` on this process's terminal and return its exit status.

    What is typed reaches the engine itself.  When a signal ends us, the container is stopped.
    """
    terminal = has_terminal()
    command = run_command(engine, container, terminal=terminal and os.isatty(1))
    with Interrupts() as interrupts:
        if terminal:
            interrupts.hold_typed()
        try:
            status = process.attach(command)
        except (KeyboardInterrupt, SystemExit):
            interrupts.hold()
            process.attempt([engine, "stop", "-t", _SECONDS_TO_STOP, container.name])
            raise
    return status if status >= 0 else 128 - status
