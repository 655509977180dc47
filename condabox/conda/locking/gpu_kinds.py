"""Tells GPU builds of packages from CPU builds, as conda's channels mark them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from condabox.conda.lockfiles.inputs import package_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["gpu", "cpu", "plain"]

# A hash in a build string is hexadecimal: it never spells any of these.
_GPU_BUILD = re.compile(r"(?<!no)(?<!no_)(cuda|gpu)|(?<![a-z])cu[0-9]{2,3}(?![0-9])")
_CPU_BUILD = re.compile(r"cpu|no_?(cuda|gpu)")

_CUDA_ITSELF = re.compile(
    r"""
    cuda | cuda-.+ | cudatoolkit | pytorch-cuda | nvidia-.+ | nccl(-.+)?
    | (lib)?(
        cublas | cudart | cudnn | cudss | cufft | cufile | cupti | curand | cusolver | cusparse
        | cusparselt | cutensor | npp | nvfatbin | nvjitlink | nvjpeg | nvptxcompiler | nvrtc
    )(-.+)?
    """,
    re.VERBOSE,
)
_SELECTOR = re.compile(r".+-proc|.*mutex")
_TRANSPORT = re.compile(r"(lib|py)arrow(-.+)?|apache-arrow-proc|libparquet|(arrow|parquet)-utils")
_FOR_CPU = re.compile(r"cpuonly|.+-cpu")


def kind_of(build: str, depends: Iterable[str]) -> Kind:
    """Return what a build is for; ``plain`` ones neither say so nor need CUDA.

    Most say it: ``cuda129_mkl_py312h…``, ``h…_1_cuda``, ``py3.12_cu121``, ``gpu_py39h…`` against
    ``cpu_generic_py312h…`` or ``h…_1_cpu``.
    """
    if _GPU_BUILD.search(build):
        return "gpu"
    if _CPU_BUILD.search(build):
        return "cpu"
    names = (package_of(spec) for spec in depends)
    return "gpu" if any(name == "__cuda" or is_cuda_itself(name) for name in names) else "plain"


def says_gpu(build: str) -> bool:
    """Tell whether a build string alone tells a GPU build."""
    return kind_of(build, ()) == "gpu"


def is_cuda_itself(name: str) -> bool:
    """Tell whether a package is a part of CUDA, which there are no CPU builds of."""
    return _CUDA_ITSELF.fullmatch(name) is not None


def is_selector(name: str) -> bool:
    """Tell whether a package is empty, and only there to choose the builds of others."""
    return _SELECTOR.fullmatch(name) is not None


def only_passes_on(name: str) -> bool:
    """Tell whether a package computes nothing on a GPU, in spite of its CUDA builds.

    Arrow's read and write the memory of a GPU.  Its channel ranks both kinds alike, so that chance
    decides between them, and nearly every environment with data has one of the two.
    """
    return _TRANSPORT.fullmatch(name) is not None


def asks_for_cpu(name: str) -> bool:
    """Tell whether a package is one to ask for CPU builds with, such as ``pytorch-cpu``."""
    return _FOR_CPU.fullmatch(name) is not None
