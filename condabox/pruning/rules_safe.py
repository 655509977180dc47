"""The rules of ``safe``: what a running program does not miss, in whatever environment."""

from __future__ import annotations

from condabox.pruning.gates import BUILD_TOOLS, COMPILERS, SCREENS
from condabox.pruning.patterns import alternatives, any_case
from condabox.pruning.rule import Rule

_PYTHON = "lib/python3.*"
_SITE = f"{_PYTHON}/site-packages"
_LICENCES = tuple(
    f"**/{any_case(name)}"
    for name in (
        *alternatives("{*license*,*licence*,copying*,copyright*,notice*,eula*,authors*}"),
        *alternatives("{licenses/**,licences/**,licensing/**}"),
        *alternatives("{,l,a}gpl*"),
        *alternatives("*third{-,_, ,}party*"),
    )
)
"""Licences, and what licences want to be there, in whatever case."""

SAFE = (
    Rule(
        name="leftovers",
        reason="caches that came into packages by mistake",
        risk="none",
        profile="safe",
        patterns=("**/.DS_Store", *alternatives("**/.{pytest,mypy,ruff}_cache/**")),
    ),
    Rule(
        name="manuals",
        reason="documentation for people; licences stay",
        risk="low",
        profile="safe",
        patterns=(
            *alternatives("{share/{man,doc,gtk-doc,devhelp,help},man,doc,docs}/**"),
            *alternatives("share/info/{dir,**/*.{info*,png,jpg,svg}}"),
        ),
        but=_LICENCES,
        unless=("man-db", "mandoc", "texinfo", "emacs"),
    ),
    Rule(
        name="r-manuals",
        reason="vignettes and HTML pages of R's packages; what ?help shows stays",
        risk="low",
        profile="safe",
        patterns=alternatives("lib/R/library/*/{doc,html}/**"),
        but=_LICENCES,
    ),
    Rule(
        name="menus",
        reason="entries for the menu of a desktop",
        risk="none",
        profile="safe",
        patterns=("Menu/**",),
    ),
    Rule(
        name="windows-files",
        reason="programs and debug symbols for Windows and macOS",
        risk="none",
        profile="safe",
        packages=("debugpy", "pip", "setuptools", "distlib"),
        patterns=(
            *alternatives(f"{_SITE}/debugpy/_vendored/**/*.{{dll,exe,pdb,pyd,dylib}}"),
            *alternatives(f"{_SITE}/{{pip/_vendor/distlib,distlib,setuptools}}/*.exe"),
        ),
    ),
    Rule(
        name="source-maps",
        reason="only the debugger of a browser reads them",
        risk="none",
        profile="safe",
        patterns=alternatives("**/*.{js,mjs,cjs,css}.map"),
        unless=(
            "django",
        ),  # collectstatic with ManifestStaticFilesStorage wants what is referred to
    ),
    Rule(
        name="message-sources",
        reason="what the compiled .mo files beside them were made from",
        risk="low",
        profile="safe",
        packages=alternatives(
            "{django,django-*,djangorestframework,sphinx,wtforms,jupyter-server}"
        ),
        patterns=alternatives(f"{_SITE}/**/*.{{po,pot}}"),
        unless=("django-rosetta",),
    ),
    Rule(
        name="translations",
        reason="messages of programs in other languages; English is in the programs",
        risk="low",
        profile="safe",
        patterns=("share/locale/*/LC_*/*.mo",),
        but=alternatives("share/locale/{en*/**,C/**,*/LC_*/iso[-_]*.mo}"),
        unless=SCREENS,
    ),
    Rule(
        name="static-libraries",
        reason="only a linker reads them, and the environment has none",
        risk="low",
        profile="safe",
        patterns=alternatives("{lib,lib64,targets/*/lib}/**/*.a"),
        but=alternatives("lib/{gcc,clang,R}/**"),
        unless=COMPILERS,
    ),
    Rule(
        name="libtool-files",
        reason="what libtool and qmake tell the linker; plugins' own, in folders of theirs, stay",
        risk="none",
        profile="safe",
        patterns=alternatives("lib/*.{la,prl}"),
        unless=COMPILERS,
    ),
    Rule(
        name="build-files",
        reason="how others are built against a library",
        risk="low",
        profile="safe",
        patterns=(
            *alternatives("{lib,share}/{pkgconfig,cmake}/**"),
            *alternatives("{share/aclocal,mkspecs}/**"),
            f"{_SITE}/torch/share/cmake/**",
        ),
        unless=(*COMPILERS, *BUILD_TOOLS),
    ),
    Rule(
        name="gir-sources",
        reason="what the typelibs, which are read at run time, were made from",
        risk="low",
        profile="safe",
        patterns=("share/gir-1.0/**",),
        unless=COMPILERS,
    ),
    Rule(
        name="python-tests",
        reason="the tests of Python itself; test.support stays",
        risk="low",
        profile="safe",
        packages=("python",),
        patterns=(
            f"{_PYTHON}/test/**",
            *alternatives(f"{_PYTHON}/{{ctypes,sqlite3,tkinter,unittest}}/test/**"),
            *alternatives(f"{_PYTHON}/{{distutils,lib2to3}}/tests/**"),
            f"{_PYTHON}/idlelib/idle_test/**",
            *alternatives(
                f"{_PYTHON}/lib-dynload/{{_test,_ctypes_test,_xxtestfuzz,xxlimited}}*.so"
            ),
        ),
    ),
    Rule(
        name="test-suites",
        reason="the tests of packages that keep what others need in folders of other names",
        risk="low",
        profile="safe",
        packages=(
            *alternatives("{numpy,pandas,matplotlib,dask,geopandas,astropy}{,-base,-core}"),
            *alternatives("{scipy,scikit-learn,statsmodels,sympy,mpmath,networkx,numba,llvmlite}"),
            *alternatives("{distributed,dask-expr,pyarrow,pyarrow-core,xarray,zarr,h5py,joblib}"),
            *alternatives("{tornado,ipython,ipykernel,nbconvert,jupyterlab,jupyter-lsp,traitlets}"),
            *alternatives("{scikit-image,lightgbm,shapely,fiona,rasterio,bottleneck,numexpr}"),
            *alternatives("{cytoolz,psutil,gevent,pyspark,setuptools,jsonschema,fsspec}"),
        ),
        patterns=alternatives(f"{_SITE}/**/{{tests,test}}/**"),
    ),
    Rule(
        name="table-makers",
        reason="scripts that made the tables of special functions, and compare them with mpmath",
        risk="low",
        profile="safe",
        packages=("scipy",),
        patterns=(f"{_SITE}/scipy/special/_precompute/**",),
    ),
    Rule(
        name="torch-tests",
        reason="the tests of PyTorch's C++ library, and the compiler of its protocol buffers",
        risk="low",
        profile="safe",
        packages=alternatives("{pytorch,pytorch-*,torch,libtorch}"),
        patterns=(
            f"{_SITE}/torch/test/**",
            *alternatives(f"{_SITE}/torch/bin/{{test_*,*Test,protoc*,*.ptl}}"),
            *alternatives(f"{_SITE}/torch/lib/lib{{jitbackend,torchbind}}_test.so"),
            *alternatives(f"{_SITE}/torch/lib/lib{{backend_with_compiler,aoti_custom_ops}}.so"),
        ),
    ),
    Rule(
        name="jupyterlab-build",
        reason="what `jupyter lab build` starts from, with Node.js, and a test of pages",
        risk="low",
        profile="safe",
        packages=("jupyterlab",),
        patterns=(
            *alternatives("share/jupyter/lab/{staging/**,extensions/*.tgz}"),
            *alternatives(f"{_SITE}/jupyterlab/{{staging,galata/@jupyterlab}}/**"),
        ),
        but=(f"{_SITE}/jupyterlab/staging/package.json",),  # every start reads it
        unless=("nodejs",),
    ),
)
