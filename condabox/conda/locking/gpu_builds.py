"""Checks that an environment for a GPU was not locked with CPU builds that nobody asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.channels.solver import channel_sources
from condabox.conda.channels.worker import ask_worker
from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.locking.gpu_kinds import is_selector
from condabox.errors import SolveError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.conda.envfile.values import CpuAllowed
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuBuild:
    """A package that came without CUDA, and the ``version build`` that fits in its place."""

    name: str
    version: str
    build: str
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuBuilds:
    """What came out of a lock for a GPU.

    ``gpu`` are GPU builds and ``without`` CPU builds that no GPU build fits in the place of, each
    as ``name version build``.
    """

    gpu: tuple[str, ...] = ()
    cpu: tuple[CpuBuild, ...] = ()
    without: tuple[str, ...] = ()


def check_gpu_builds(
    packages: Sequence[LockedPackage],
    *,
    specs: Sequence[str],
    channels: Sequence[str],
    subdir: str,
    virtual_packages: Mapping[str, str],
    allowed: CpuAllowed,
    settings: Settings,
) -> GpuBuilds:
    """Find out which of the locked ``packages`` are GPU builds, and which could be.

    A CPU build is told of where the solver has a solution for ``specs`` with a GPU build in its
    place; not where the specs ask for it, nor where it is ``allowed``.  Without ``__cuda`` among
    the virtual packages nothing is looked at.  ``channels`` are URLs as `solve` takes them.  Raise
    SolveError when a channel cannot be read.
    """
    if "__cuda" not in virtual_packages:
        return GpuBuilds()
    answer = ask_worker(
        "condabox.conda.locking.gpu_worker",
        {
            "packages": [_identity(package) for package in packages if package.manager == "conda"],
            "specs": list(specs),
            "channels": [channel_sources(one, settings.channel_mirrors) for one in channels],
            "subdir": subdir,
            "virtual_packages": dict(virtual_packages),
            "allowed": "all" if allowed == "all" else sorted(allowed),
            "cache": str(settings.cache_dir / "repodata"),
        },
        error=SolveError,
        task="the search for GPU builds",
    )
    shown = [found for found in answer["cpu"] if not is_selector(found["name"])]
    return GpuBuilds(
        gpu=tuple(answer["gpu"]),
        cpu=tuple(CpuBuild(**found) for found in shown if found["instead"] is not None),
        without=tuple(
            f"{found['name']} {found['version']} {found['build']}"
            for found in shown
            if found["instead"] is None
        ),
    )


def _identity(package: LockedPackage) -> dict[str, str]:
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "url": package.url,
    }


def gpu_message(builds: GpuBuilds) -> str:
    """Return a line for people that names the GPU builds, empty where there are none."""
    return f"GPU builds: {', '.join(builds.gpu)}" if builds.gpu else ""


def without_message(builds: GpuBuilds) -> str:
    """Return a warning that names the CPU builds in want of a GPU build, empty without any."""
    if not builds.without:
        return ""
    return (
        f"CPU builds in spite of `cuda:`, because no GPU build fits: {', '.join(builds.without)}; "
        "another version, an older Python or a newer `cuda:` may have one"
    )


def require_gpu_builds(builds: GpuBuilds, *, subdir: str, specs: Sequence[str]) -> None:
    """Raise SolveError where a package of ``subdir`` came as a CPU build and need not have."""
    if not builds.cpu:
        return
    lines = [
        f"  {one.name} {one.version} {one.build}, though {one.instead} fits" for one in builds.cpu
    ]
    named = {package_of(spec) for spec in specs}
    # a library follows the package that it is the library of
    best = min(builds.cpu, key=lambda one: (one.name not in named, one.name.startswith("lib")))
    names = ", ".join(one.name for one in builds.cpu)
    raise SolveError(
        "\n".join([f"{subdir}: CPU builds were chosen in spite of `cuda:`", *lines]),
        hint=f"add {_spec(best)} to `dependencies:`, "
        f"or take them as they are: `allow-cpu: [{names}]` below `condabox:`",
    )


def _spec(found: CpuBuild) -> str:
    """Return a match spec for the GPU builds of a package, of any version where that can be."""
    version, build = found.instead.split()
    for mark in ("cuda", "gpu"):
        if mark in build:
            return f"{found.name}=*=*{mark}*"
    return f"{found.name}={version}={build}"
