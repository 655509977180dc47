"""Advice that names and sizes of packages alone give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.inspection.hints import PackageSize, hints_for, holds_openblas

if TYPE_CHECKING:
    from condabox.inspection.hints import Hint

MB = 1_000_000


def package(name: str, size: int = MB, *, build: str = "0") -> PackageSize:
    return PackageSize(name=name, version="1.0", build=build, bytes=size)


def hints(*packages: PackageSize, prod: bool = True, gpu: bool = False) -> tuple[Hint, ...]:
    return hints_for(packages, prod=prod, gpu=gpu)


def test_an_ordinary_environment_needs_no_advice() -> None:
    names = (
        *("python", "numpy", "pytorch", "libblas", "libopenblas", "libgcc", "libstdcxx", "openssl"),
        *("ld_impl_linux-64", "libclang-cpp19", "libllvm19", "tbb", "torch", "cuda-cudart"),
        *(
            "cuda-version",
            "libcublas",
            "gcsfs",
            "gopher",
            "magmatic",
            "ecdsa-devtools",
            "notebooks",
        ),
    )

    assert hints(*map(package, names)) == ()


def test_mkl_where_openblas_would_do() -> None:
    (hint,) = hints(package("mkl", 600 * MB), package("intel-openmp", 30 * MB), package("numpy"))

    assert (hint.packages, hint.bytes) == (("mkl", "intel-openmp"), 630 * MB)
    assert "`libblas=*=*openblas`" in hint.text
    assert "generic" not in hint.text


def test_pytorch_of_mkl_has_another_build() -> None:
    (hint,) = hints(package("mkl", 600 * MB), package("pytorch", build="cpu_mkl_py312_100"))

    assert "`pytorch=*=*generic*`" in hint.text


def test_cuda_from_conda_and_as_wheels() -> None:
    (hint,) = hints(
        package("libcublas", 400 * MB),
        package("nvidia-cublas-cu12", 600 * MB),
        package("nvidia-cudnn-cu12", 700 * MB),
        package("torch", 900 * MB),
        gpu=True,
    )

    assert (hint.packages, hint.bytes) == (("nvidia-cudnn-cu12", "nvidia-cublas-cu12"), 1300 * MB)
    assert "twice" in hint.text
    assert "`pytorch`" in hint.text


def test_torch_with_cuda_where_nobody_asked_for_a_gpu() -> None:
    packages = package("torch", 900 * MB), package("nvidia-cudnn-cu12", 700 * MB)

    (hint,) = hints(*packages)

    assert (hint.packages, hint.bytes) == (("nvidia-cudnn-cu12",), 700 * MB)
    assert "`cuda:`" in hint.text
    assert hints(*packages, gpu=True) == ()


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (["gcc_impl_linux-64", "sysroot_linux-64", "binutils_impl_linux-64"], "a compiler"),
        (["gxx_linux-64", "clang-19", "clangxx", "cxx-compiler", "rust"], "a compiler"),
        (["cuda-nvcc", "cuda-nvcc-dev_linux-64", "cuda-nvvm-tools"], "a compiler"),
        (["llvmdev", "zig", "nim", "ghc", "llvm-tools-19", "llvm-tools"], "a compiler"),
        (["zig_linux-64", "go-cgo", "ldc", "emscripten"], "a compiler"),
        (["cuda-gdb", "nsight-compute", "cuda-nsight", "gdb", "nsight-systems"], "debuggers"),
        (["nodejs"], "Node.js"),
        (["jupyterlab", "jupyter_server", "notebook", "ipykernel", "nbconvert-core"], "Jupyter"),
        (["libcublas-static", "cuda-cudart-static_linux-64"], "static libraries"),
        (["libcublas-dev", "cuda-cudart-dev_linux-64", "pcre2-devel"], "headers"),
    ],
)
def test_what_belongs_into_development(names: list[str], advice: str) -> None:
    packages = [package(name) for name in names]

    (hint,) = hints(*packages)

    assert advice in hint.text
    assert (sorted(hint.packages), hint.bytes) == (sorted(names), len(names) * MB)
    assert hints(*packages, prod=False) == ()


def test_openblas_in_several_packages() -> None:
    packages = [
        PackageSize(name=name, version="1", build="", bytes=90 * MB, openblas=size * MB)
        for name, size in (("scipy", 24), ("numpy", 25), ("pandas", 0))
    ]

    (hint,) = hints(*packages)

    assert (hint.packages, hint.bytes) == (("numpy", "scipy"), 24 * MB)
    assert "OpenBLAS is there 2 times" in hint.text
    assert "conda-forge" in hint.text
    assert hints(*packages[1:]) == ()


@pytest.mark.parametrize(
    ("path", "is_openblas"),
    [
        ("s/numpy.libs/libscipy_openblas64_-ff651d7f.so", True),
        ("s/scipy.libs/libscipy_openblas-c128ec02.so", True),
        ("s/numpy.libs/libopenblas64_p-r0-0cf96a72.3.23.dev.so", True),
        ("opt/env/lib/libopenblasp-r0.3.29.so", True),
        ("opt/env/lib/libopenblas.so.0", True),
        ("opt/env/lib/libopenblas.a", False),
        ("opt/env/include/openblas_config.h", False),
        ("opt/env/libopenblas.so.d/readme", False),
        ("opt/env/lib/libmyopenblas.so", False),
    ],
)
def test_libraries_that_are_openblas(path: str, is_openblas: bool) -> None:  # noqa: FBT001
    assert holds_openblas(path) is is_openblas


def test_magma() -> None:
    (hint,) = hints(package("libmagma", 500 * MB), package("libmagma_sparse", 60 * MB))

    assert (hint.packages, hint.bytes) == (("libmagma", "libmagma_sparse"), 560 * MB)


def test_little_is_not_worth_reading_about() -> None:
    assert hints(package("ipykernel", MB - 1)) == ()


def test_that_with_the_most_at_stake_comes_first() -> None:
    found = hints(package("ipykernel", 2 * MB), package("mkl", 9 * MB), package("libmagma", 5 * MB))

    assert [each.bytes for each in found] == [9 * MB, 5 * MB, 2 * MB]
