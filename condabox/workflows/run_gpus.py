"""Whether a container gets this machine's GPUs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.errors import BackendError
from condabox.outputs.nvidia import cdi_specifications, find_driver, toolkit_version

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.oci.config import ContainerConfig

_PATIENCE = 10.0
"""Seconds for each question."""
_ASKS = "NVIDIA_REQUIRE_CUDA"
"""The variable of images that are made for GPUs."""


class Gpus(StrEnum):
    """Which of NVIDIA's GPUs a container gets."""

    AUTO = "auto"
    """All, where the image asks for CUDA and engine and driver are there for it."""
    ALL = "all"
    NONE = "none"


def gives_gpus(wanted: Gpus, config: ContainerConfig, *, podman: bool, reporter: Reporter) -> bool:
    """Say whether an engine is to be told of the GPUs; ``auto`` tells the user why it is not."""
    if wanted is not Gpus.AUTO:
        return wanted is Gpus.ALL
    if not config.env.get(_ASKS):
        return False
    try:
        if find_driver(seconds=_PATIENCE) is None:
            reporter.message("no NVIDIA driver here: the container runs without a GPU")
            return False
        way = cdi_specifications() if podman else toolkit_version(seconds=_PATIENCE)
    except BackendError as error:
        reporter.warning(f"{error.message}; the container runs without a GPU")
        return False
    if not way:
        reporter.warning(
            f"{'podman' if podman else 'Docker'} cannot give a container this machine's GPU, and "
            "so it runs without one; `condabox doctor` says what is missing"
        )
    return bool(way)


def tell_of_no_gpus(wanted: Gpus, config: ContainerConfig, *, reporter: Reporter) -> None:
    """Tell the user why ``auto`` gives no GPU to an image that asks for one: there is no engine."""
    if wanted is Gpus.AUTO and config.env.get(_ASKS):
        reporter.message("without an engine a container gets no GPUs, and so it runs without one")
