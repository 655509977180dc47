"""Packages whose presence says that somebody needs what else is only in the way.

Names are globs, written as PyPI normalises names: in lower case, with dashes alone.
"""

from __future__ import annotations

from condabox.pruning.patterns import alternatives

COMPILERS = (
    *alternatives("{gcc,gxx,gfortran,clang,clangxx,flang,dpcpp,ghc,cuda-nvcc,nvidia-cuda-nvcc}*"),
    *alternatives("{c,cxx,fortran,go,rust,cuda}-compiler*"),
    *alternatives("{compilers,go,go-*,rust,rust-*,ziglang,zig,zig-*,tinycc,ldc,nim,ocaml,mojo*}"),
    *alternatives("{crystal,emscripten,emscripten-*,ghdl*,gnat*,llvm,llvmdev,mlir*}"),
    *alternatives("{cling,xeus-cling,xeus-cpp,cppyy,root-base,fenics,dolfin}*"),
)
"""What compiles and links, and what has such a compiler in it."""

JUST_IN_TIME = (
    *alternatives("{pytorch,torch,libtorch,triton,jaxlib,tensorflow,cupy,numba,tvm,apache-tvm}"),
    *alternatives("{pytorch,torch,triton,cupy,numba,tensorflow,libtensorflow,jax-cuda}-*"),
    *alternatives("{cffi,pythran,cython,pybind11*,nanobind,cppimport,swig,halide,bcc,warp-lang}"),
    *alternatives("{pycuda,pyopencl,cuda-python,cuda-core,cuda-cccl*,nvmath-python*,taichi}"),
    *alternatives("{pytensor*,theano*,aesara*,brian2,pystan,cmdstan*,casadi,devito,dace,gt4py}"),
    *alternatives("{fenics*,ffcx,firedrake,loopy,deepspeed,flash-attn*,flashinfer*,xformers}"),
    *alternatives("{vllm*,sglang*,sgl-kernel,deep-gemm,tilelang,nvidia-cutlass*,cutlass,gsplat}"),
)
"""What compiles while it runs, perhaps with the compiler of the base image."""

CYTHON = alternatives("{cython,pythran,brian2}")
"""What reads other packages' declarations of Cython."""

BUILD_TOOLS = alternatives(
    "{cmake,meson,meson-python,scikit-build*,autoconf,automake,libtool,make,ninja,pkg-config,"
    "pkgconf*,pkgconfig,bazel,scons,swig,conda-build,rattler-build}"
)
"""What looks for libraries in the way that builds do."""

SCREENS = alternatives(
    "{gtk2,gtk3,gtk4,qt,qt-main,qt6-main,pyqt*,pyside*,wxpython,wxwidgets,libadwaita,gimp,inkscape}"
)
"""What shows its messages to people."""

TYPING = (
    *alternatives("{mypy,pyright,basedpyright,pyrefly,ty,pytype,pyre-check,monkeytype}"),
    *alternatives("{python-lsp-server,jedi-language-server,sphinx,gradio}"),
    "lazy-loader",
)
"""What reads ``.pyi`` files: type checkers and editors, and `lazy_loader` on every import."""
