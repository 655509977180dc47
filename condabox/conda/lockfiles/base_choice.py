"""Which base an environment gets: the one that is named, or one with what its packages lack.

Packages that bring the CUDA libraries themselves, as conda-forge's and pip's do, need no more than
a driver, and that is the host's.  NVIDIA's images are for the others.  Prod's packages alone
decide: the dev variant is prod's image and some more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condabox.conda.channels.virtual_packages import DEFAULT_BASE, target_cuda
from condabox.conda.envfile.section import CUDA_BASE
from condabox.conda.lockfiles.cuda import brings_cuda

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.envfile.section import ImageSection
    from condabox.conda.lockfiles.lockfile import LockedEnvironment

_PATCHES = range(4, -1, -1)
"""Of one minor version of CUDA NVIDIA publishes images for some patch releases, five at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePins:
    """The base that a lock has, and the digest of its manifest for each subdir that is known.

    ``name`` is None where none of those that it could be was found.  ``unproven`` are the subdirs
    that keep what somebody else wrote there.
    """

    name: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    unproven: frozenset[str] = frozenset()


def is_settled(image: ImageSection) -> bool:
    """Say whether `base_names` is the same for whatever packages."""
    return image.base is not None or image.cuda is None


def base_names(image: ImageSection, environments: Iterable[LockedEnvironment]) -> tuple[str, ...]:
    """Return what the base may be called; the first that exists is the right one.

    ``environments`` are what prod has on all platforms of images, which have one base.  Those for
    no GPU have no say.
    """
    if image.base not in {None, CUDA_BASE}:
        return (image.base or DEFAULT_BASE,)
    for_gpu = [each for each in environments if _is_for_gpu(image, each.subdir)]
    if image.cuda is None or (image.base is None and not _lack_cuda(for_gpu)):
        return (DEFAULT_BASE,)
    return tuple(f"nvidia/cuda:{image.cuda}.{patch}-runtime-ubuntu24.04" for patch in _PATCHES)


def _is_for_gpu(image: ImageSection, subdir: str) -> bool:
    return target_cuda(subdir, cuda=image.cuda, overrides=image.virtual_packages) is not None


def _lack_cuda(environments: Sequence[LockedEnvironment]) -> bool:
    """Say whether there are any, and none of them brings CUDA."""
    return bool(environments) and not any(map(brings_cuda, environments))


def common_name(names: Sequence[str]) -> str:
    """Return what people read where any of ``names`` is meant: ``nvidia/cuda:12.8.*``."""
    return names[0] if len(names) == 1 else names[-1].replace(".0-", ".*-")
