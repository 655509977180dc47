"""A container where there is no engine: what it cannot have, and what is there instead."""

from __future__ import annotations

import platform as host
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import BackendError, ImageError
from condabox.outputs.emulation import check_runnable
from condabox.workflows.run_gpus import Gpus, tell_of_no_gpus
from condabox.workflows.run_ports import port_warnings
from condabox.workflows.run_variables import resolve_env

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.outputs.rootless import Bind
    from condabox.outputs.volumes import Volume
    from condabox.settings import Settings
    from condabox.workflows.run import RunRequest


def check_without_engine(request: RunRequest) -> None:
    """Raise BackendError for what takes an engine."""
    if request.gpus is Gpus.ALL:
        raise BackendError(
            "without an engine a container gets no GPUs", hint="install Docker or podman"
        )
    for volume in request.volumes:
        if volume.options:
            raise BackendError(
                f"--volume {volume}: without an engine a volume has no options",
                hint="leave them out, or install Docker or podman",
            )
    tuple(port_warnings(request.publish))


def run_without_engine(
    request: RunRequest,
    image: Image,
    *,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> int:
    """Run what `check_without_engine` lets through, and return the command's exit status."""
    unshare = process.find("unshare", hint="install Docker, podman or, on Linux, util-linux")
    if sys.platform != "linux":
        raise BackendError(f"{sys.platform} has no namespaces", hint="install Docker or podman")
    from condabox.outputs import rootless  # noqa: PLC0415  (only Linux has what it imports)

    check_runnable(image.platform, machine=host.machine())
    for warning in port_warnings(request.publish):
        reporter.warning(warning)
    config = image.config.config
    tell_of_no_gpus(request.gpus, config, reporter=reporter)
    arguments = (*config.entrypoint, *(request.command or config.cmd))
    if not arguments:
        raise ImageError(
            "the image names no command", hint="give one: condabox run IMAGE -- COMMAND"
        )
    return rootless.run_image(
        image,
        rootless.Command(
            arguments=arguments,
            env={**config.env, **resolve_env(request.env, {**env, **request.values})},
            working_dir=config.working_dir,
            user=config.user,
            binds=tuple(_binds(request.volumes, env)),
        ),
        unshare=unshare,
        isolation=rootless.find_isolation(unshare),
        folder=settings.cache_dir / "run",
        reporter=reporter,
    )


def _binds(volumes: Sequence[Volume], env: Mapping[str, str]) -> Iterator[Bind]:
    """Yield what stands for volumes where no engine keeps any: folders among the user's data."""
    from condabox.outputs.rootless import Bind  # noqa: PLC0415  (only Linux has what it imports)

    for volume in volumes:
        if volume.source:
            source = volume.path or volumes_folder(env) / volume.source
            yield Bind(source=source, target=volume.target)


def volumes_folder(env: Mapping[str, str]) -> Path:
    """Return where volumes are kept that no engine keeps."""
    base = Path(env.get("XDG_DATA_HOME", ""))
    # XDG Base Directory Specification: a relative path is to be ignored
    if not base.is_absolute():
        base = Path(env.get("HOME") or Path.home()) / ".local" / "share"
    return base / "condabox" / "volumes"
