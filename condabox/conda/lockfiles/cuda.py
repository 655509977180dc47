"""What a lock has of CUDA: its libraries, and the version that packages were made with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from condabox.conda.lockfiles.lockfile import LockedEnvironment

# the first one that is there tells it
_CONDA = ("cuda-version", "cuda-cudart", "cudatoolkit")
_WHEEL = re.compile(r"nvidia-cuda-runtime(-cu\d+)?")
_VERSION = re.compile(r"\d+\.\d+")
_RUNTIMES = frozenset({"cuda-cudart", "cudatoolkit"})
"""The conda packages without which no program of CUDA starts."""


def cuda_of(environment: LockedEnvironment) -> str | None:
    """Return ``MAJOR.MINOR`` of what is installed; None where nothing of CUDA is."""
    conda = {p.name: p.version for p in environment.packages if p.manager == "conda"}
    wheels = [p.version for p in environment.packages if p.manager == "pip" and _is_runtime(p.name)]
    versions = [*(conda[name] for name in _CONDA if name in conda), *wheels]
    found = (_VERSION.match(version) for version in versions)
    return next((match[0] for match in found if match), None)


def brings_cuda(environment: LockedEnvironment) -> bool:
    """Say whether CUDA's own libraries are among the packages, conda's or pip's."""
    return any(
        package.name in _RUNTIMES if package.manager == "conda" else _is_runtime(package.name)
        for package in environment.packages
    )


def _is_runtime(wheel: str) -> bool:
    return _WHEEL.fullmatch(wheel.replace("_", "-").lower()) is not None
