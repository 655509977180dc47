"""CUDA in the base and in the environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.backends.cuda_twice import double_cuda
from condabox.base import Base
from condabox.oci.config import ContainerConfig
from condabox.oci.image import MemoryBlobs
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

LIB = "usr/local/cuda-12.8/targets/x86_64-linux/lib"
FILES = {
    f"{LIB}/libcublas.so.12.8.4.1": b"b" * 3_000_000,
    f"{LIB}/libcudart.so.12.8.90": b"r" * 1_000_000,
    "usr/lib/x86_64-linux-gnu/libnccl.so.2.25.1": b"n" * 2_000_000,
    "usr/lib/x86_64-linux-gnu/libz.so.1.3": b"z" * 9_000_000,
    f"{LIB}/libnppc.so.12": b"p" * 5_000_000,
}
CUDA = ContainerConfig(env={"CUDA_VERSION": "12.8.1"})
ENVIRONMENT = (
    "lib/libcublas.so.12",
    "lib/libcublas.so.12.8.3.14",
    "lib/python3.12/site-packages/nvidia/nccl/lib/libnccl.so.2",
    "lib/libz.so.1",
    "lib/libcudart.so.11.0",
)


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return Base(image=make_image(tmp_path / "base", FILES, config=CUDA), name=None)


def test_what_both_have_is_counted_in_the_bases_bytes(base: Base, tmp_path: Path) -> None:
    (warning,) = double_cuda(base, ENVIRONMENT, cache_dir=tmp_path)

    # 5 MB: cublas and nccl; of zlib everybody has one, and cudart 11 is another than cudart 12
    assert warning.startswith("0.01 GB of CUDA are in the base and in the environment, too: 2 ")
    assert "the largest libcublas.so.12, libnccl.so.2;" in warning


@pytest.mark.parametrize("paths", [(), ("lib/libz.so.1", "lib/libcudart.so.11.0")])
def test_other_libraries_are_nobodys_business(
    base: Base, tmp_path: Path, paths: tuple[str, ...]
) -> None:
    assert list(double_cuda(base, paths, cache_dir=tmp_path)) == []


def test_a_base_without_cuda_is_not_read(tmp_path: Path) -> None:
    plain = make_image(tmp_path / "base", FILES)
    base = Base(image=replace(plain, blobs=MemoryBlobs({})), name=None)

    assert list(double_cuda(base, ENVIRONMENT, cache_dir=tmp_path)) == []
