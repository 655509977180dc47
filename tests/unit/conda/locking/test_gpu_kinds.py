"""Build strings and dependencies as conda-forge, pytorch, rapidsai and defaults have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.locking.gpu_kinds import (
    asks_for_cpu,
    is_cuda_itself,
    is_selector,
    kind_of,
    only_passes_on,
    says_gpu,
)


@pytest.mark.parametrize(
    ("package", "build"),
    [
        ("pytorch", "cuda129_mkl_py312h6b0e4cf_302"),
        ("pytorch", "cuda118_py39hbf661d7_301"),
        ("libtorch", "cuda130_generic_h1aee7f5_202"),
        ("pytorch-gpu", "cuda129_mkl_h43a4b0b_302"),
        ("torchvision", "cuda129_py312_h9b3be6c_0"),
        ("tensorflow-base", "cuda128py312h5c9b1f1_252"),
        ("tensorflow", "cuda112py310hf679b68_0"),
        ("jaxlib", "cuda120py311h5a49573_202"),
        ("libxgboost", "cuda118_h09a87be_0"),
        ("py-xgboost", "cuda128_pyh40095f8_0"),
        ("lightgbm", "cuda_py312h9d1e25f_2"),
        ("liblightgbm", "cuda129_h0f8f1b7_0"),
        ("libfaiss", "cuda129h4d5c5f5_0_cuda"),
        ("faiss", "py312cuda129h2bc3f7f_0_cuda"),
        ("faiss-proc", "cuda"),
        ("onnxruntime", "py312h99db541_0_cuda129"),
        ("onnxruntime-cpp", "h1fd56b1_0_cuda"),
        ("libarrow", "h6d7bd4a_3_cuda"),
        ("pyarrow-core", "py312h01725c0_0_cuda"),
        ("llama.cpp", "cuda129_h1f3a2b4_202"),
        ("libhwloc", "cuda126_h5a4b6c1_1001"),
        ("petsc", "cuda12_real_h2e6f1d3_100"),
        ("gromacs", "nompi_cuda_hd6ac6c4_0"),
        ("triton", "cuda129py312h9c1a1d9_0"),
        ("_py-xgboost-mutex", "gpu_0"),
        # the pytorch channel
        ("pytorch", "py3.11_cuda12.1_cudnn8.9.2_0"),
        ("torchvision", "py311_cu121"),
        ("pytorch-mutex", "cuda"),
        # other channels
        ("pyg", "py311_torch_2.2.0_cu121"),
        ("cudf", "cuda12_py312_240812_g1a4b7c1f53_0"),
        ("tensorflow-base", "gpu_py39h9fca1f1_0"),
        ("pytorch", "gpu_cuda128py312h3a5c9d1_1"),
    ],
)
def test_a_gpu_build_says_so(package: str, build: str) -> None:
    assert kind_of(build, ()) == "gpu", package
    assert says_gpu(build)


@pytest.mark.parametrize(
    ("package", "build"),
    [
        ("pytorch", "cpu_generic_py312h3c5a9d1_1"),
        ("pytorch", "cpu_mkl_py312h7b6c1f2_102"),
        ("libtorch", "cpu_mkl_h783a78b_101"),
        ("torchvision", "cpu_py312_h4d2b1c3_0"),
        ("tensorflow-base", "cpu_py312h69ecde4_51"),
        ("jaxlib", "cpu_py312hcbd0c5f_0"),
        ("libxgboost", "cpu_h97e35c3_0"),
        ("xgboost", "cpu_pyhac85b48_3"),
        ("lightgbm", "cpu_py312hf48b3a3_1"),
        ("libfaiss", "hc3a4d1e_0_cpu"),
        ("faiss", "py312h8ba8f4c_0_cpu"),
        ("onnxruntime", "py312h2dd1c3f_0_cpu"),
        ("libarrow", "h314c690_7_cpu"),
        ("llama.cpp", "cpu_mkl_h6f1e4d2_2"),
        ("vllm", "cpu_py312h2f4c1b0_0"),
        ("pytorch", "py3.11_cpu_0"),
        ("torchvision", "py311_cpu"),
        ("pyg", "py311_torch_2.2.0_cpu"),
        ("_py-xgboost-mutex", "cpu_0"),
        ("something", "nogpu_py312_0"),
        ("something", "no_cuda_0"),
    ],
)
def test_a_cpu_build_says_so(package: str, build: str) -> None:
    assert kind_of(build, ()) == "cpu", package


def test_a_cpu_build_is_one_whatever_it_depends_on() -> None:
    assert kind_of("cpu_py312h2f4c1b0_0", ("cuda-nvrtc",)) == "cpu"


@pytest.mark.parametrize(
    "depends",
    [
        "__cuda",
        "__cuda >=12.0",
        "cuda-version >=12.9,<13",
        "cudatoolkit >=11.2,<12",
        "cuda-cudart >=12.9.79,<13.0a0",
        "conda-forge::libcublas >=12.9",
        "libcudnn >=9.10,<10.0a0",
        "cudnn >=8.4.1.50,<9.0a0",
        "nccl >=2.27,<3.0a0",
        "libnvjitlink",
        "cusparselt >=0.8",
        "cutensor",
        "pytorch-cuda >=12.1,<12.2",
    ],
)
def test_a_build_that_needs_cuda_is_a_gpu_build(depends: str) -> None:
    assert kind_of("py312h1234567_0", ("python >=3.12", depends)) == "gpu"
    assert not says_gpu("py312h1234567_0")


@pytest.mark.parametrize(
    ("build", "depends"),
    [
        ("py312h33ff503_0", ("libblas", "__glibc >=2.17")),
        ("default_h3d81e11_1000", ("libxml2",)),
        ("nompi_hd6ac6c4_100", ("ocl-icd",)),
        ("real_h2e6f1d3_100", ("mpich",)),
        ("pyhd8ed1ab_0", ("numba-cuda-mlir", "cudaless")),
        ("icu75_0", ()),
        ("mkl", ()),
        ("", ()),
    ],
)
def test_other_builds_are_plain(build: str, depends: tuple[str, ...]) -> None:
    assert kind_of(build, depends) == "plain"


@given(hash_=st.text("0123456789abcdef", min_size=7, max_size=7), number=st.integers(0, 999))
def test_no_hash_looks_like_a_mark(hash_: str, number: int) -> None:
    assert kind_of(f"py312h{hash_}_{number}", ()) == "plain"
    assert kind_of(f"cpu_generic_py312_h{hash_}_{number}", ()) == "cpu"
    assert kind_of(f"h{hash_}_{number}_cuda", ()) == "gpu"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "cuda",
            "cuda-version",
            "cuda-cudart",
            "cuda-cudart_linux-64",
            "cudatoolkit",
            "cuda-nvrtc",
        ),
        *("libcublas", "libcublas-dev", "libcudnn", "cudnn", "nccl", "libcufile", "cusparselt"),
        *("libnvjitlink", "libnpp", "libcudss", "cutensor", "pytorch-cuda", "libcurand"),
    ],
)
def test_parts_of_cuda_are_cuda_itself(name: str) -> None:
    assert is_cuda_itself(name)


@pytest.mark.parametrize(
    "name",
    ["pytorch", "pytorch-gpu", "cupy", "libmagma", "triton", "cudf", "libnvme", "numba-cuda"],
)
def test_what_uses_cuda_is_not_cuda(name: str) -> None:
    assert not is_cuda_itself(name)


def test_packages_with_a_part_of_their_own() -> None:
    selectors = ["faiss-proc", "_py-xgboost-mutex", "pytorch-mutex", "apache-arrow-proc"]
    arrow = ["libarrow", "libarrow-acero", "libparquet", "pyarrow-core", "arrow-utils"]

    assert all(map(is_selector, selectors))
    assert not any(map(is_selector, ["pytorch", "process", "libarrow"]))
    assert all(map(only_passes_on, [*arrow, "apache-arrow-proc"]))
    assert not any(map(only_passes_on, ["pytorch", "arrow", "libtorch"]))
    assert all(map(asks_for_cpu, ["cpuonly", "pytorch-cpu", "faiss-cpu", "py-xgboost-cpu"]))
    assert not any(map(asks_for_cpu, ["pytorch", "onednn-cpu-threadpool"]))
