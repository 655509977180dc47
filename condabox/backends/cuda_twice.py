"""CUDA that an image would have twice: in its base, and in the environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.backends.base_libraries import libraries_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from condabox.base import Base

_FOLDER = re.compile(r"usr/local/cuda(-[\d.]+)?/")
_NAME = re.compile(
    r"lib(cublas|cudart|cudnn|cufft|cufile|cupti|curand|cusolver|cusparse|cutensor"
    r"|nccl|npp|nvJitLink|nvblas|nvfatbin|nvinfer|nvjpeg|nvrtc|OpenCL)[\w-]*\.so(\.\d+)?"
)
_SONAME = re.compile(r"(lib[^/]+?\.so(?:\.\d+)?)[.\d]*")
_MARK = "CUDA_VERSION"
"""Every image of nvidia/cuda, and whatever is built on one, has it in its environment."""


def double_cuda(base: Base, paths: Iterable[str], *, cache_dir: Path) -> Iterator[str]:
    """Yield a warning where libraries of CUDA are in ``base`` and among ``paths``, too.

    The bytes are those of the files in the base.  Only the base of an environment that brings
    CUDA, and that has CUDA itself, is read for that, and once.
    """
    if _MARK not in base.image.config.config.env:
        return
    ours = {soname for path in paths if (soname := _cuda_soname(path))}
    if not ours:
        return
    theirs = _cuda_libraries(base, cache_dir=cache_dir)
    double = {soname: size for soname, size in theirs.items() if soname in ours}
    if double:
        largest = sorted(double, key=lambda soname: -double[soname])[:3]
        yield (
            f"{sum(double.values()) / 1e9:.2f} GB of CUDA are in the base and in the environment, "
            f"too: {len(double)} libraries, the largest {', '.join(largest)}; without `base:` the "
            "environment's alone are in the image"
        )


def _cuda_libraries(base: Base, *, cache_dir: Path) -> Mapping[str, int]:
    """Return how many bytes each library has that only CUDA brings, by its soname."""
    sizes: dict[str, int] = {}
    for path, size in libraries_of(base, cache_dir=cache_dir).items():
        if soname := _cuda_soname(path):
            sizes[soname] = sizes.get(soname, 0) + size
    return sizes


def _cuda_soname(path: str) -> str | None:
    name = path.rpartition("/")[2]
    found = _SONAME.fullmatch(name)
    if found and (_FOLDER.match(path) or _NAME.fullmatch(found[1])):
        return found[1]
    return None
