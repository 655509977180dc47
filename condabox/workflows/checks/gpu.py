"""The GPU: its driver, what containers see of it, and whether it runs what is locked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from condabox.conda.channels.virtual_packages import target_cuda
from condabox.conda.lockfiles.cuda import cuda_of
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.errors import BackendError, LockError
from condabox.outputs.engine_info import docker_info, podman_info
from condabox.outputs.nvidia import (
    DEVICE,
    Support,
    cdi_specifications,
    find_driver,
    oldest_driver,
    support,
    toolkit_version,
)
from condabox.platforms import PLATFORM_OF_SUBDIR
from condabox.reporting.findings import Finding, Group
from condabox.workflows.checks.running import PATIENCE, Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.outputs.nvidia import Driver

_LESS_PATIENCE = PATIENCE / 2
"""Seconds for what is asked after the driver, one after the other."""

_SMI = "see what `nvidia-smi` says, and whether the kernel has the driver's module"
_CDI = "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"


def gpu_checks(specs: Sequence[EnvironmentSpec]) -> tuple[Check, ...]:
    """Return the checks of what runs images with CUDA."""
    return (
        Check(
            group=Group.GPU,
            name="driver",
            run=partial(_gpu, specs),
            late="nvidia-smi hangs: restart the machine, and see the kernel's messages",
        ),
    )


def _gpu(specs: Sequence[EnvironmentSpec]) -> Iterator[Finding]:
    try:
        driver = find_driver(seconds=PATIENCE)
    except BackendError as error:
        hint = error.hint or _SMI
        yield Finding.problem(Group.GPU, "driver", error.message, hint=hint)
        return
    if driver is None:
        hint = "images with CUDA are built all the same; what runs them needs the driver"
        yield Finding.note(Group.GPU, "driver", "no NVIDIA driver on this machine", hint=hint)
    else:
        yield from _driver(driver)
        yield from _toolkit()
    for spec in specs:
        yield from _locked(spec, driver)


def _driver(driver: Driver) -> Iterator[Finding]:
    newest = f", runs CUDA {driver.cuda} and older" if driver.cuda else ""
    yield Finding.ok(Group.GPU, "driver", f"{driver.version or 'of unknown version'}{newest}")
    if driver.gpus:
        kinds = dict.fromkeys(driver.gpus)
        found = ", ".join(f"{driver.gpus.count(kind)} x {kind}" for kind in kinds)
        yield Finding.ok(Group.GPU, "devices", found)


def _toolkit() -> Iterator[Finding]:
    """Look at the ways by which a container gets at the driver."""
    version = toolkit_version(seconds=_LESS_PATIENCE)
    if version is None:
        hint = "install nvidia-container-toolkit to run images with a GPU in containers"
        yield Finding.note(Group.GPU, "container toolkit", "nvidia-ctk is not on PATH", hint=hint)
    else:
        yield Finding.ok(Group.GPU, "container toolkit", version)
    specifications = cdi_specifications()
    for name, look in (("in docker", _in_docker), ("in podman", _in_podman)):
        try:
            yield from look(name, described=bool(specifications))
        except BackendError:
            continue  # whether they are there is told elsewhere


def _in_docker(name: str, *, described: bool) -> Iterator[Finding]:
    info = docker_info(seconds=_LESS_PATIENCE)
    if not info.server:
        return
    devices = [device for device in info.devices if device.startswith(DEVICE)]
    if devices or (info.cdi and described):
        yield Finding.ok(Group.GPU, name, f"CDI: docker run --device {DEVICE}=all")
    elif "nvidia" in info.runtimes:
        yield Finding.ok(Group.GPU, name, "runtime nvidia: docker run --gpus all")
    else:
        hint = "`sudo nvidia-ctk runtime configure --runtime=docker`, and restart Docker"
        detail = "neither CDI nor the runtime nvidia: containers have no GPU"
        yield Finding.note(Group.GPU, name, detail, hint=hint)


def _in_podman(name: str, *, described: bool) -> Iterator[Finding]:
    podman_info(seconds=_LESS_PATIENCE)
    if described:
        yield Finding.ok(Group.GPU, name, f"CDI: podman run --device {DEVICE}=all")
    else:
        detail = "no CDI specification: containers have no GPU"
        yield Finding.note(Group.GPU, name, detail, hint=_CDI)


def _locked(spec: EnvironmentSpec, driver: Driver | None) -> Iterator[Finding]:
    """Compare the CUDA of an environment with what ``driver`` runs."""
    wanted = _cuda_of(spec)
    name = str(spec.path)
    if not wanted:
        yield Finding.ok(Group.GPU, name, "needs no GPU")
    for cuda in wanted:
        yield _compared(name, cuda, driver)


def _cuda_of(spec: EnvironmentSpec) -> tuple[str, ...]:
    """Return the versions that are locked, or else what the packages are chosen for."""
    subdirs = [subdir for subdir in spec.platforms if subdir in PLATFORM_OF_SUBDIR]
    try:
        locked = read_lock_file(lock_path(spec.path)).environments
    except LockError:
        locked = {}
    found = [cuda_of(locked[subdir]) for subdir in subdirs if subdir in locked]
    promised = [_promised(spec, subdir) for subdir in subdirs]
    return tuple(dict.fromkeys(filter(None, found)) or dict.fromkeys(filter(None, promised)))


def _promised(spec: EnvironmentSpec, subdir: str) -> str | None:
    return target_cuda(subdir, cuda=spec.image.cuda, overrides=spec.image.virtual_packages)


def _compared(name: str, cuda: str, driver: Driver | None) -> Finding:
    needed = oldest_driver(cuda)
    if driver is None:
        detail = f"CUDA {cuda}: cannot run here, needs {needed}"
        return Finding.note(Group.GPU, name, detail, hint="run it where there is such a driver")
    match support(cuda, driver):
        case Support.FULL:
            return Finding.ok(Group.GPU, name, f"CUDA {cuda} runs with this driver")
        case Support.MINOR:
            detail = f"CUDA {cuda} runs with this driver, but for what is new in it and for PTX"
            hint = f"update the driver to one for CUDA {cuda}"
            if driver.cuda:
                hint += f', or set `cuda: "{driver.cuda}"` and lock again'
            return Finding.note(Group.GPU, name, detail, hint=hint)
        case Support.NONE:
            detail = f"CUDA {cuda} does not run with this driver"
            hint = f"install {needed}"
            if driver.cuda:
                hint += f', or set `cuda: "{driver.cuda}"` and lock again'
            return Finding.problem(Group.GPU, name, detail, hint=hint)
        case Support.UNKNOWN:
            detail = f"CUDA {cuda}: it cannot be told whether this driver runs it"
            return Finding.note(Group.GPU, name, detail, hint=f"it needs {needed}")
