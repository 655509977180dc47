"""Finds the packages that came as CPU builds, and the GPU builds that could stand in their place.

What the solver alone can know is left to it: whether all that a GPU build depends on can be had.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.locking.gpu_kinds import (
    asks_for_cpu,
    is_cuda_itself,
    is_selector,
    kind_of,
    only_passes_on,
    says_gpu,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from condabox.conda.envfile.values import CpuAllowed
    from condabox.conda.locking.gpu_kinds import Kind

    Matches: TypeAlias = Callable[[str, "Build"], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One build of a package, or a virtual package."""

    name: str
    version: str
    build: str
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the build is for."""
        return kind_of(self.build, self.depends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a solve was asked and what came out of it, by the names of packages.

    ``available`` are all builds that the channels have of the locked names.  ``asked`` are the
    match specs of the environment file, and ``asked_builds`` the packages that it names a build
    string of.
    """

    locked: Mapping[str, Build]
    available: Mapping[str, Sequence[Build]]
    virtual: Mapping[str, Build]
    asked: Mapping[str, Sequence[str]]
    asked_builds: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which builds came out of a solve.

    ``gpu`` are GPU builds, ``cpu`` are CPU builds that nobody asked for.  ``options`` has, for
    those of them that there are any for, the GPU builds that could stand in their place.
    """

    gpu: tuple[Build, ...]
    cpu: tuple[Build, ...]
    options: Mapping[str, tuple[Build, ...]]


def choose(solution: Solution, *, allowed: CpuAllowed, matches: Matches) -> Choice:
    """Sort what came out of a solve; a CPU build that is ``allowed``, or asked for, stays one.

    ``matches`` tells whether a build is what a match spec describes.
    """
    questioned: dict[str, tuple[Build, ...]] = {}
    others: dict[str, Build] = {}
    for name, build in solution.locked.items():
        if allowed == "all" or name in allowed or (name in solution.asked and asks_for_cpu(name)):
            continue
        if _is_for_cpu(build, solution):
            options = _gpu_builds(build, solution, matches)
            if name in solution.asked_builds and not options:
                continue
            questioned[name] = options
        others[name] = build
    fitting = _fitting(questioned, solution.locked, solution.virtual, matches)
    # what would fit if nobody had asked for CPU builds is one because somebody did
    possible = _fitting(questioned, others, solution.virtual, matches)
    return Choice(
        gpu=tuple(build for build in solution.locked.values() if _is_known(build, solution)),
        cpu=tuple(
            solution.locked[name] for name in questioned if name in fitting or name not in possible
        ),
        options=fitting,
    )


def _is_for_cpu(build: Build, solution: Solution) -> bool:
    """Tell whether a locked build is for the CPU though another of its package is not.

    A build that does not say so counts where a person asks for the package by its name, and its
    own version has GPU builds: many libraries have such builds for the few who ask for them.
    """
    if is_cuda_itself(build.name) or only_passes_on(build.name):
        return False
    return build.kind == "cpu" or (
        build.kind == "plain"
        and build.name in solution.asked
        and any(
            other.kind == "gpu" and other.version == build.version
            for other in solution.available.get(build.name, ())
        )
    )


def _gpu_builds(build: Build, solution: Solution, matches: Matches) -> tuple[Build, ...]:
    """Return the GPU builds of a locked package that its own match specs describe."""
    return tuple(
        other
        for other in solution.available.get(build.name, ())
        if other.kind == "gpu"
        and (build.kind == "cpu" or other.version == build.version)
        and all(matches(spec, other) for spec in solution.asked.get(build.name, ()))
    )


def _fitting(
    questioned: Mapping[str, tuple[Build, ...]],
    locked: Mapping[str, Build],
    virtual: Mapping[str, Build],
    matches: Matches,
) -> dict[str, tuple[Build, ...]]:
    """Leave away the builds that do not go with what stays as it is in ``locked``.

    CPU builds hold each other where they are: PyTorch's with its library, with TorchVision.  So
    all that could be replaced is taken to be, until one is found that cannot.
    """
    options = dict(questioned)
    while True:
        standing = [build for name, build in locked.items() if name not in options]
        on: dict[str, list[str]] = defaultdict(list)
        for build in standing:
            for spec in (*build.depends, *build.constrains):
                on[package_of(spec)].append(spec)
        fixed = {**{build.name: build for build in standing if _decides(build)}, **virtual}
        left = {
            name: tuple(
                build
                for build in builds
                if all(matches(spec, build) for spec in on[name]) and _goes(build, fixed, matches)
            )
            for name, builds in options.items()
        }
        left = {name: builds for name, builds in left.items() if builds}
        if len(left) == len(options):
            return left
        options = left


def _decides(build: Build) -> bool:
    """Tell whether others have to go with this build, rather than this one with them."""
    return build.name in {"python", "python_abi"} or build.kind == "cpu"


def _goes(build: Build, fixed: Mapping[str, Build], matches: Matches) -> bool:
    """Tell whether a build's own needs are met by what is fixed, virtual packages above all."""
    needed = map(package_of, build.depends)
    return all(name in fixed for name in needed if name.startswith("__")) and all(
        matches(spec, fixed[name])
        for spec in (*build.depends, *build.constrains)
        if (name := package_of(spec)) in fixed
    )


def _is_known(build: Build, solution: Solution) -> bool:
    """Tell whether a person would think of a locked build as a GPU build of something."""
    if is_cuda_itself(build.name) or is_selector(build.name) or only_passes_on(build.name):
        return False
    return build.kind == "gpu" and (
        says_gpu(build.build)
        or build.name in solution.asked
        or any(other.kind != "gpu" for other in solution.available.get(build.name, ()))
    )


def by_package(specs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return match specs by the package that they name."""
    found: dict[str, list[str]] = defaultdict(list)
    for spec in specs:
        found[package_of(spec)].append(spec)
    return {name: tuple(these) for name, these in found.items()}
