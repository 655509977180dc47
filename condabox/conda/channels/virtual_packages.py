"""What the solver may take for granted about the image that will run the environment."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_BASE = "ubuntu:24.04"
"""The base image of an environment that names none."""

CONSERVATIVE_GLIBC = "2.28"
"""For a base that is not known by its name: what conda-forge's packages need at the most."""

_GLIBC = (
    (r"(^|/)ubuntu:(25\.10|questing)|ubuntu25\.?10", "2.42"),
    (r"(^|/)ubuntu:(25\.04|plucky)|ubuntu25\.?04", "2.41"),
    (r"(^|/)ubuntu:(24\.04|noble|latest)|(^|/)ubuntu(@|$)|ubuntu24\.?04|[-:]noble", "2.39"),
    (r"(^|/)ubuntu:(22\.04|jammy)|ubuntu22\.?04|[-:]jammy", "2.35"),
    (r"(^|/)ubuntu:(20\.04|focal)|ubuntu20\.?04|[-:]focal", "2.31"),
    (r"(^|/)debian:13|debian13|[-:]trixie", "2.41"),
    (r"(^|/)debian:12|debian12|[-:]bookworm", "2.36"),
    (r"(^|/)debian:11|debian11|[-:]bullseye", "2.31"),
    (r"ubi-?10|(almalinux|rockylinux|centos)(/stream)?:(stream)?10", "2.39"),
    (r"ubi-?9|(almalinux|rockylinux|centos)(/stream)?:(stream)?9", "2.34"),
    (r"ubi-?8|(almalinux|rockylinux|centos)(/stream)?:(stream)?8", "2.28"),
)

_ARCHSPEC = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "osx-64": "x86_64",
    "osx-arm64": "arm64",
    "win-64": "x86_64",
}

_NO_OVERRIDES: Mapping[str, Mapping[str, str | None]] = MappingProxyType({})


def glibc_of(base: str) -> str:
    """Return the version of the C library that packages on the image ``base`` may need."""
    return known_glibc_of(base) or CONSERVATIVE_GLIBC


def known_glibc_of(base: str) -> str | None:
    """Return the version of the C library in the image ``base``; None where no name tells it."""
    return next((version for pattern, version in _GLIBC if re.search(pattern, base)), None)


def virtual_packages(
    subdir: str,
    *,
    base: str | None,
    cuda: str | None,
    overrides: Mapping[str, Mapping[str, str | None]] = _NO_OVERRIDES,
) -> dict[str, str]:
    """Return ``name -> "version"`` or ``name -> "version build"`` for ``subdir``, sorted.

    ``cuda`` is the version that the driver of the target machine supports; without it there is no
    ``__cuda`` at all, so that a package that needs one is not chosen.  ``overrides`` are by subdir
    or by family (``linux``), which a subdir wins over; None takes a package away.
    """
    found = {"__archspec": f"1 {_ARCHSPEC[subdir]}"}
    system = subdir.partition("-")[0]
    if system == "linux":
        found |= {"__unix": "0", "__linux": "5.10", "__glibc": glibc_of(base or DEFAULT_BASE)}
    elif system == "osx":
        found |= {"__unix": "0", "__osx": "11.0"}
    else:
        found |= {"__win": "0"}
    if cuda is not None and system != "osx":
        found["__cuda"] = cuda
    told = {**overrides.get(system, {}), **overrides.get(subdir, {})}
    chosen = sorted({**found, **told}.items())
    return {name: value for name, value in chosen if value is not None}


def target_cuda(
    subdir: str,
    *,
    cuda: str | None,
    overrides: Mapping[str, Mapping[str, str | None]] = _NO_OVERRIDES,
) -> str | None:
    """Return the version of CUDA among the `virtual_packages` of ``subdir``; None without one."""
    found = virtual_packages(subdir, base=None, cuda=cuda, overrides=overrides).get("__cuda")
    return found.partition(" ")[0] if found else None
