"""Where choosing other packages makes an image smaller than deleting files could."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SMALLEST = 1_000_000
"""Bytes: less is not worth reading about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSize:
    """What advice is given by: a package, and the bytes that it takes when it is installed."""

    name: str
    version: str
    build: str
    bytes: int
    openblas: int = 0
    """Those of the OpenBLAS that it has in itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One piece of advice: what is large, and what to write into the environment file.

    ``bytes`` are installed, and those at stake: what the change makes smaller, at most.
    """

    text: str
    packages: tuple[str, ...]
    """By name, the largest first."""
    bytes: int

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {"text": self.text, "packages": list(self.packages), "bytes": self.bytes}


_MKL = re.compile(r"mkl(-.+)?|intel-openmp|tbb|libhwloc")
_CUDA_WHEEL = re.compile(r"nvidia-(cu|nccl|nvjitlink|nvtx|nvshmem|npp|nvjpeg).*")
_CUDA_CONDA = re.compile(
    r"lib(cublas|cufft|cufile|curand|cusolver|cusparse|cusparselt|cudss|nvjitlink|nvjpeg|npp)"
    r"|cuda-(cudart|cupti|nvrtc|nvtx)|cudnn|libcudnn|nccl|cudatoolkit"
)
_OPENBLAS = re.compile(r"lib(scipy_)?openblas[^/]*\.so(\.\d+)*")
_MAGMA = re.compile(r"(lib)?magma([_-].+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Advice:
    """What to say where packages of such names are in prod."""

    pattern: re.Pattern[str]
    text: str


_DEVELOPMENT = (
    _Advice(
        pattern=re.compile(
            r"(gcc|gxx|gfortran|binutils)(_.+)?|clang(-\d+|xx|xx_.+|_.+)?"
            r"|(compiler-rt|sysroot)(_.+)?|(c|cxx|fortran)-compiler|compilers"
            r"|(libgcc|libstdcxx)-devel_.+|kernel-headers_.+"
            r"|cuda-(nvcc|nvvm|crt|compiler)\S*|rust(-.+)?|go(-(no)?cgo)?|cmake"
            r"|llvmdev|llvm-tools(-\d+)?|zig(_.+)?|nim|ghc|ldc|emscripten"
        ),
        text="a compiler is in prod: unless torch.compile or the like needs it at run time, move "
        "what asks for it to `condabox.dev.dependencies`",
    ),
    _Advice(
        pattern=re.compile(
            r"(jupyter|jupyterlab|notebook|nbconvert)([_-].+)?|nbclassic|ipykernel|ipywidgets"
            r"|widgetsnbextension"
        ),
        text="Jupyter is in prod: leave it out of dependencies, `--dev` brings it",
    ),
    _Advice(
        pattern=re.compile(
            r"gdb|valgrind|cuda-(gdb|nsight|nvprof|nvvp|memcheck|sanitizer-api)(-.+)?|nsight-.+"
        ),
        text="debuggers and profilers are in prod: move what asks for them to "
        "`condabox.dev.dependencies`",
    ),
    _Advice(
        pattern=re.compile(r"nodejs"),
        text="Node.js is in prod: unless the application runs it, move what asks for it to "
        "`condabox.dev.dependencies`",
    ),
    _Advice(
        pattern=re.compile(r".+-static([_-].+)?"),
        text="static libraries are for linkers: leave the *-static packages out of dependencies",
    ),
    _Advice(
        pattern=re.compile(r".+-(dev|devel)(_.+)?"),
        text="headers are for compilers: depend on the libraries without -dev, or move what asks "
        "for them to `condabox.dev.dependencies`",
    ),
)


def hints_for(packages: Iterable[PackageSize], *, prod: bool, gpu: bool) -> tuple[Hint, ...]:
    """Return what could be chosen otherwise, that with the most bytes at stake first.

    ``prod`` says that nobody develops in the image, ``gpu`` that it is for machines with a GPU.
    """
    packages = tuple(packages)
    found = [*_blas(packages), *_openblas(packages), *_cuda(packages, gpu=gpu), *_magma(packages)]
    if prod:
        found.extend(_of_development(packages))
    return tuple(
        sorted(
            (each for each in found if each.bytes >= _SMALLEST),
            key=lambda each: (-each.bytes, each.packages),
        )
    )


def holds_openblas(path: str) -> bool:
    """Say whether a file is OpenBLAS, as projects, conda and wheels call it."""
    return _OPENBLAS.fullmatch(path.rpartition("/")[2]) is not None


def _blas(packages: Sequence[PackageSize]) -> Iterator[Hint]:
    if not any(each.name == "mkl" for each in packages):
        return
    change = "`libblas=*=*openblas` in dependencies takes OpenBLAS instead"
    if any(each.name == "pytorch" and "mkl" in each.build for each in packages):
        change += ", with `pytorch=*=*generic*`"
    yield _hint(
        f"MKL is there for linear algebra: where OpenBLAS is fast enough, {change}",
        _matching(packages, _MKL),
    )


def _openblas(packages: Sequence[PackageSize]) -> Iterator[Hint]:
    having = [each for each in packages if each.openblas]
    if len(having) > 1:
        sizes = [each.openblas for each in having]
        having.sort(key=lambda each: (-each.openblas, each.name))
        yield Hint(
            text=f"OpenBLAS is there {len(having)} times, as wheels bring their own: take these "
            "packages from conda-forge, where they share one, instead of `pip:`",
            packages=tuple(each.name for each in having),
            bytes=sum(sizes) - max(sizes),
        )


def _cuda(packages: Sequence[PackageSize], *, gpu: bool) -> Iterator[Hint]:
    wheels = _matching(packages, _CUDA_WHEEL)
    ours = _matching(packages, _CUDA_CONDA)
    if wheels and ours:
        yield _hint(
            "CUDA is there twice, from conda and as nvidia-* wheels: take what needs it from one "
            "of them, like `pytorch` from conda-forge instead of torch under `pip:`",
            wheels,
        )
    elif wheels and not gpu and any(each.name == "torch" for each in packages):
        yield _hint(
            "torch from PyPI brings CUDA, and nothing here asks for a GPU: write `pytorch` from "
            "conda-forge instead, or `cuda:` under `condabox:` if there is one",
            wheels,
        )


def _magma(packages: Sequence[PackageSize]) -> Iterator[Hint]:
    yield _hint(
        "MAGMA is for linear algebra on the GPU, and conda-forge's pytorch asks for all of it: "
        "torch under `pip:` has the part that it needs in itself",
        _matching(packages, _MAGMA),
    )


def _of_development(packages: Sequence[PackageSize]) -> Iterator[Hint]:
    """Yield what belongs into the development variant; each package is told of once."""
    rest = packages
    for advice in _DEVELOPMENT:
        found = _matching(rest, advice.pattern)
        rest = [each for each in rest if each not in found]
        yield _hint(advice.text, found)


def _matching(packages: Iterable[PackageSize], pattern: re.Pattern[str]) -> list[PackageSize]:
    return [each for each in packages if pattern.fullmatch(each.name)]


def _hint(text: str, packages: Iterable[PackageSize]) -> Hint:
    largest = sorted(packages, key=lambda each: (-each.bytes, each.name))
    return Hint(
        text=text,
        packages=tuple(each.name for each in largest),
        bytes=sum(each.bytes for each in largest),
    )
