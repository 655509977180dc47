"""What ``condabox shell`` does: a shell where development goes on, or in a container for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.development.places import CONTAINER_LABEL, ENTRYPOINT, WORKSPACE
from condabox.outputs.sessions import join_container, running_containers
from condabox.workflows.images import select_image
from condabox.workflows.run import Engine, choose_engine, run_loaded
from condabox.workflows.run_dev import DevRunRequest, find_development, prepare_development
from condabox.workflows.run_identity import development_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.settings import Settings

_LOGIN_SHELL = ("/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -l')
"""The image says which shell it has."""
_START = ENTRYPOINT[ENTRYPOINT.index("--") + 1 :]
"""What gives a command home, name and environment; the running container has its own init."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellRequest:
    """What the user asked for."""

    subject: str
    """An environment file or a lock, or else an image."""
    command: tuple[str, ...] = ()
    """Instead of a login shell."""
    engine: Engine = Engine.AUTO


def open_shell(
    request: ShellRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> int:
    """Run a shell on this process's terminal, and return its exit status.

    It is in the newest container of the environment that ``condabox run --dev`` has started; where
    none runs, in one of its own with the same home, without ports, which ends with it.
    """
    engine = choose_engine(request.engine, reporter=reporter)

    def image() -> Image:
        found = find_development(
            request.subject, None, engine=engine, settings=settings, env=env, reporter=reporter
        )
        return select_image(found, None)

    command = request.command or _LOGIN_SHELL
    # Nobody comes into namespaces that have no engine.
    if engine is not Engine.UNSHARE:
        name = development_identity(request.subject, image)
        running = running_containers(engine.value, f"{CONTAINER_LABEL}={name}")
        if len(running) > 1:
            reporter.message(f"{len(running)} containers run: this is {running[0]}, the newest")
        if running:
            return join_container(
                engine.value, running[0], command=(*_START, *command), folder=WORKSPACE
            )
    development = prepare_development(
        DevRunRequest(subject=request.subject, command=command, engine=engine),
        settings=settings,
        env=env,
        reporter=reporter,
    )
    return run_loaded(
        development.loaded, development.request, settings=settings, env=env, reporter=reporter
    )
