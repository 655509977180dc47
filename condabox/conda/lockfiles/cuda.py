"""The version of CUDA that the packages of a lock were made with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from condabox.conda.lockfiles.lockfile import LockedEnvironment

# the first one that is there tells it
_CONDA = ("cuda-version", "cuda-cudart", "cudatoolkit")
_WHEEL = re.compile(r"nvidia-cuda-runtime(-cu\d+)?")
_VERSION = re.compile(r"\d+\.\d+")


def cuda_of(environment: LockedEnvironment) -> str | None:
    """Return ``MAJOR.MINOR`` of what is installed; None where nothing of CUDA is."""
    conda = {p.name: p.version for p in environment.packages if p.manager == "conda"}
    wheels = [
        p.version
        for p in environment.packages
        if p.manager == "pip" and _WHEEL.fullmatch(p.name.replace("_", "-").lower())
    ]
    versions = [*(conda[name] for name in _CONDA if name in conda), *wheels]
    found = (_VERSION.match(version) for version in versions)
    return next((match[0] for match in found if match), None)
