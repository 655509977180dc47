"""What looks as if nothing needed it, and is needed: no rule takes it, however it is written."""

from __future__ import annotations

from condabox.pruning.patterns import alternatives
from condabox.pruning.rule import Never

_PYTHON = "lib/python3.*"
_SITE = f"{_PYTHON}/site-packages"

NEVER: tuple[Never, ...] = (
    Never(
        reason="conda, scanners and importlib.metadata read what is installed there",
        patterns=("conda-meta/**", *alternatives(f"{_SITE}/**/*.{{dist-info,egg-info}}/**")),
    ),
    Never(
        reason="helpers for the tests of others, which plain code imports, too",
        patterns=alternatives(f"{_PYTHON}/**/{{testing,_testing}}/**"),
    ),
    Never(
        reason="numpy.testing of 2.2.5 and 2.2.6 imports it, and scipy imports numpy.testing",
        patterns=alternatives(f"{_SITE}/numpy/_core/tests/{{__init__,_natype}}.py"),
    ),
    Never(
        reason="test.support is imported outside of the tests of Python",
        patterns=(
            f"{_PYTHON}/test/__init__.py",
            *alternatives(f"{_PYTHON}/test/{{support/**,test_support*,test_script_helper*}}"),
        ),
    ),
    Never(
        reason="conda-forge's own test of the package imports it",
        patterns=(
            *alternatives(f"{_PYTHON}/lib-dynload/{{_testcapi,_ctypes_test}}.*"),
            *alternatives(f"{_SITE}/{{bottleneck,mpmath,numba,numba/cuda}}/tests/__init__.py"),
            *alternatives(f"{_SITE}/numba/{{tests/npyufunc,cuda/tests/*}}/__init__.py"),
            f"{_SITE}/tornado/test/__init__.py",
        ),
    ),
    Never(
        reason="tornado.testing serves HTTPS with them",
        patterns=alternatives(f"{_SITE}/tornado/test/test.{{crt,key}}"),
    ),
    Never(
        reason="programs show help from them",
        patterns=alternatives("share/info/{maxima,octave}*"),
    ),
    Never(
        reason="a feature, or a plugin that is loaded by its path",
        patterns=(
            f"{_SITE}/django/test/**",
            f"{_SITE}/ansible/plugins/test/**",
            f"{_SITE}/ansible_collections/**/plugins/test/**",
            f"{_SITE}/astropy/tests/**",
            f"{_SITE}/evidently/**",
            f"{_SITE}/tensorflow/_api/**",
        ),
    ),
    Never(
        reason="stubs that jedi and type checkers complete and check by",
        patterns=alternatives(
            f"{_SITE}/{{jedi/third_party,mypy/typeshed,basedpyright,pyright}}/**"
        ),
    ),
    Never(
        reason="Python's headers, which triton, cffi and torch.compile compile with",
        patterns=alternatives("include/{python3.*,pypy3.*}/**"),
    ),
    Never(
        reason="headers that PyTorch and Triton compile with",
        patterns=(
            *alternatives("include/{ATen,c10,caffe2,torch,tensorpipe}/**"),
            *alternatives(f"{_SITE}/torch/{{include,_inductor,utils}}/**"),
            "targets/*/include/cuda.h",
        ),
    ),
    Never(
        reason="Triton builds its driver from a source, and runs the assembler that it brings",
        patterns=(f"{_SITE}/triton/**",),
    ),
    Never(
        reason="PyTorch starts it as a process",
        patterns=alternatives(f"{{bin,{_SITE}/torch/bin}}/torch_shm_manager"),
    ),
    Never(
        reason="numpy.f2py and Numba compile with it",
        patterns=(
            f"{_SITE}/numpy/f2py/src/**",
            *alternatives(f"{_SITE}/{{numba,numba_cuda}}/**/*.{{c,cpp,cu,cuh,h,hpp,inc}}"),
        ),
    ),
    Never(
        reason="device code that CUDA links while a program runs",
        patterns=alternatives("**/lib{cudadevrt,nvshmem_device,*dx}.a"),
    ),
    Never(
        reason="CUDA opens its libraries by name",
        patterns=(
            *alternatives("{lib,targets/*/lib}/lib{nvrtc,nvJitLink,cudnn,cupti,nvvm}*.so*"),
            f"{_SITE}/nvidia/**/*.so*",
        ),
    ),
    Never(
        reason="MKL opens the one that is for the processor, and the interfaces of LP64, by name",
        patterns=(
            *alternatives("lib/libmkl_{core,rt,sequential,{intel,gnu}_thread}.so*"),
            *alternatives("lib/libmkl_{{intel,gf}_lp64,def,mc,mc3,avx*,vml_*}.so*"),
        ),
    ),
    Never(
        reason="programs embed Python with it, and every C++ library needs the others",
        patterns=alternatives("lib/lib{python3*,gomp,omp,iomp5,stdc++,gcc_s,icudata}.so*"),
    ),
    Never(
        reason="time zones, where Python's zoneinfo and the C library look for them",
        patterns=("share/zoneinfo/**", *alternatives("**/{tzdata,pytz,dateutil}/zoneinfo/**")),
    ),
    Never(
        reason="the authorities that TLS trusts",
        patterns=("ssl/**", "etc/ssl/**", "**/cacert.pem", "share/ca-certificates/**"),
    ),
    Never(
        reason="what activation and OpenCL's loader read",
        patterns=("etc/conda/**", "etc/OpenCL/**"),
    ),
    Never(
        reason="data that libraries find by the path of the prefix",
        patterns=(
            *alternatives("share/{proj,gdal,eccodes,udunits,mime,X11,fonts,nltk_data,tessdata}/**"),
            *alternatives("share/glib-2.0/schemas/**"),
            *alternatives("lib/{gdk-pixbuf-2.0,gio,girepository-1.0,hdf5}/**"),
            *alternatives("etc/fonts/**"),
        ),
    ),
    Never(
        reason="data that Python packages read",
        patterns=(
            f"{_SITE}/matplotlib/mpl-data/**",
            *alternatives(f"{_SITE}/{{botocore/data,babel/locale-data}}/**"),
        ),
    ),
    Never(
        reason="kernels, templates and the pages of Jupyter",
        patterns=alternatives("share/jupyter/{kernels,nbconvert,labextensions,lab/static}/**"),
        but=("**/*.map",),  # for the debugger of a browser
    ),
    Never(
        reason="R installs packages with it, and shows help from it",
        patterns=(*alternatives("lib/R/{etc,include,share}/**"), "lib/R/library/*/help/**"),
    ),
    Never(
        reason="the modules of Java",
        patterns=("lib/jvm/**/jmods/**", "lib/jvm/**/lib/modules"),
    ),
)
