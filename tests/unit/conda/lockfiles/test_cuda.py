"""The version of CUDA that a lock brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.cuda import brings_cuda, cuda_of
from condabox.conda.lockfiles.lockfile import LockedEnvironment
from tests.fakes.lockfiles import conda, wheel

if TYPE_CHECKING:
    from condabox.conda.lockfiles.lockfile import LockedPackage


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param([conda("cuda-version", "12.9")], "12.9", id="conda-forge's own mark"),
        pytest.param([conda("cuda-cudart", "12.4.127")], "12.4", id="the runtime"),
        pytest.param([conda("cudatoolkit", "11.8.0")], "11.8", id="before CUDA 12"),
        pytest.param(
            [conda("cuda-cudart", "12.4.127"), conda("cuda-version", "12.4")], "12.4", id="both"
        ),
        pytest.param([wheel("nvidia-cuda-runtime-cu12", "12.8.90")], "12.8", id="wheels"),
        pytest.param([wheel("nvidia_cuda_runtime", "13.0.48")], "13.0", id="wheels of CUDA 13"),
        pytest.param([conda("nvidia-cuda-runtime", "1.0")], None, id="not conda's"),
        pytest.param([wheel("cuda-version", "12.9")], None, id="not pip's"),
        pytest.param([conda("cuda-version", "unknown")], None, id="no version"),
        pytest.param([conda("python", "3.12")], None, id="none"),
    ],
)
def test_the_cuda_of_packages(packages: list[LockedPackage], expected: str | None) -> None:
    environment = LockedEnvironment(subdir="linux-64", channels=(), packages=tuple(packages))

    assert cuda_of(environment) == expected


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param([conda("cuda-version", "12.9")], False, id="a mark is no library"),
        pytest.param([conda("cuda-cudart", "12.4.127")], True, id="conda-forge's"),
        pytest.param([conda("cudatoolkit", "11.8.0")], True, id="before CUDA 12"),
        pytest.param([wheel("nvidia-cuda-runtime-cu12", "12.8.90")], True, id="wheels"),
        pytest.param([wheel("nvidia_cuda_runtime", "13.0.48")], True, id="wheels of CUDA 13"),
        pytest.param([wheel("cuda-cudart", "1")], False, id="not pip's"),
        pytest.param([], False, id="none"),
    ],
)
def test_who_brings_the_libraries(packages: list[LockedPackage], *, expected: bool) -> None:
    environment = LockedEnvironment(subdir="linux-64", channels=(), packages=tuple(packages))

    assert brings_cuda(environment) is expected
