"""Each rule takes what it is for, and none takes what only looks like it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.section import PruneSection
from condabox.conda.envfile.values import path_glob
from condabox.pruning.gates import BUILD_TOOLS, COMPILERS, CYTHON, JUST_IN_TIME, SCREENS, TYPING
from condabox.pruning.never import NEVER
from condabox.pruning.patterns import any_of
from condabox.pruning.rules import RULES, rules_of
from condabox.pruning.rules_safe import SAFE
from condabox.pruning.rules_slim import SLIM
from condabox.pruning.selection import PackagePaths, canonical_name, select

if TYPE_CHECKING:
    from condabox.conda.envfile.section import PruneProfile
    from condabox.pruning.rule import Rule

PY = "lib/python3.11"
SITE = f"{PY}/site-packages"


def taken_by(
    path: str, *, package: str = "x", profile: PruneProfile, beside: str = ""
) -> str | None:
    """Return the rule that takes ``path`` of ``package`` where ``beside`` is installed, too."""
    packages = {
        "it": PackagePaths(name=package, paths=(path,)),
        "beside": PackagePaths(name=beside or "y", paths=()),
    }
    found = select(packages, section=PruneSection(profile=profile)).taken
    return found.get("it", {}).get(path)


EXAMPLES = [
    ("leftovers", "x", f"{SITE}/x/.pytest_cache/v/cache"),
    ("leftovers", "x", "share/.DS_Store"),
    ("manuals", "git", "share/man/man1/git.1"),
    ("manuals", "git", "share/doc/git/html/index.html"),
    ("manuals", "libffi", "share/info/libffi.info.gz"),
    ("manuals", "gmp", "share/info/gmp.info-2"),
    ("manuals", "libffi", "share/info/dir"),
    ("manuals", "x", "man/man1/x.1"),
    ("r-manuals", "r-mass", "lib/R/library/MASS/html/00Index.html"),
    ("menus", "spyder", "Menu/spyder.json"),
    ("windows-files", "debugpy", f"{SITE}/debugpy/_vendored/pydevd/attach/attach_x86.pdb"),
    ("windows-files", "pip", f"{SITE}/pip/_vendor/distlib/t64.exe"),
    ("windows-files", "setuptools", f"{SITE}/setuptools/cli.exe"),
    ("source-maps", "widgetsnbextension", "share/jupyter/nbextensions/w/extension.js.map"),
    ("source-maps", "jupyterlab", "share/jupyter/lab/static/main.js.map"),
    ("source-maps", "plotly", "share/jupyter/labextensions/plotly/static/1.js.map"),
    ("source-maps", "x", f"{SITE}/x/static/bootstrap.min.css.map"),
    ("message-sources", "Django", f"{SITE}/django/conf/locale/de/LC_MESSAGES/django.po"),
    ("translations", "git", "share/locale/de/LC_MESSAGES/git.mo"),
    ("static-libraries", "openssl", "lib/libcrypto.a"),
    ("static-libraries", "libcublas-static", "targets/x86_64-linux/lib/libcublas_static.a"),
    ("static-libraries", "numpy", f"{SITE}/numpy/_core/lib/libnpymath.a"),
    ("libtool-files", "x", "lib/libx.la"),
    ("libtool-files", "qt", "lib/libQt5Core.prl"),
    ("build-files", "zlib", "lib/pkgconfig/zlib.pc"),
    ("build-files", "x", "share/cmake/X/XConfig.cmake"),
    ("build-files", "qt", "mkspecs/qconfig.pri"),
    ("build-files", "torch", f"{SITE}/torch/share/cmake/Torch/TorchConfig.cmake"),
    ("gir-sources", "glib", "share/gir-1.0/GLib-2.0.gir"),
    ("python-tests", "python", f"{PY}/test/test_ast.py"),
    ("python-tests", "python", f"{PY}/sqlite3/test/test_dbapi.py"),
    ("python-tests", "python", f"{PY}/lib-dynload/_testbuffer.cpython-311-x86_64-linux-gnu.so"),
    ("test-suites", "numpy", f"{SITE}/numpy/linalg/tests/test_linalg.py"),
    ("test-suites", "numpy", f"{SITE}/numpy/_core/tests/test_array.py"),
    ("test-suites", "matplotlib-base", f"{SITE}/matplotlib/tests/baseline_images/x.png"),
    ("test-suites", "scikit_learn", f"{SITE}/sklearn/tests/test_base.py"),
    ("test-suites", "tornado", f"{SITE}/tornado/test/web_test.py"),
    ("self-tests", "pycryptodome", f"{SITE}/Crypto/SelfTest/Cipher/test_AES.py"),
    ("torch-tests", "pytorch", f"{SITE}/torch/bin/test_api"),
    ("torch-tests", "torch", f"{SITE}/torch/bin/HashStoreTest"),
    ("torch-tests", "torch", f"{SITE}/torch/lib/libjitbackend_test.so"),
    ("jupyterlab-build", "jupyterlab", "share/jupyter/lab/staging/index.js"),
    ("jupyterlab-build", "jupyterlab", f"{SITE}/jupyterlab/staging/yarn.lock"),
    ("headers", "openssl", "include/openssl/ssl.h"),
    ("headers", "cuda-cudart-dev", "targets/x86_64-linux/include/cuda_fp16.h"),
    ("headers", "pyarrow", f"{SITE}/pyarrow/include/arrow/api.h"),
    ("sources", "fonttools", f"{SITE}/fontTools/cu2qu/cu2qu.c"),
    ("cython-sources", "scikit-learn", f"{SITE}/sklearn/tree/_tree.pyx"),
    ("cython-sources", "scikit-learn", f"{SITE}/sklearn/utils/_weight_vector.pyx.tp"),
    ("cython-sources", "scipy", f"{SITE}/scipy/linalg/cython_blas.pxd"),
    ("type-stubs", "numpy", f"{SITE}/numpy/__init__.pyi"),
    ("typescript", "bokeh", f"{SITE}/bokeh/server/static/js/lib/api/main.d.ts"),
    ("typescript", "bokeh", f"{SITE}/bokeh/server/static/js/bokeh-gl.js"),
    ("jupyterlab-core-mode", "jupyterlab", f"{SITE}/jupyterlab/static/main.js"),
    ("byte-code", "x", f"{SITE}/x/__pycache__/y.cpython-311.pyc"),
    ("byte-code", "python", f"{PY}/__pycache__/os.cpython-311.opt-1.pyc"),
    ("all-test-suites", "x", f"{SITE}/x/y/tests/__init__.py"),
    ("python-ide", "python", f"{PY}/idlelib/editor.py"),
    ("python-ide", "python", "bin/idle3.11"),
    ("python-config", "python", f"{PY}/config-3.11-x86_64-linux-gnu/Makefile"),
    ("python-config", "python", "bin/python3.11-config"),
    ("ensurepip", "python", f"{PY}/ensurepip/_bundled/pip-24.0-py3-none-any.whl"),
    ("terminals", "ncurses", "share/terminfo/h/hurd"),
    ("tcl-demos", "tk", "lib/tk8.6/demos/widget"),
    ("table-makers", "scipy", f"{SITE}/scipy/special/_precompute/gammainc_data.py"),
    ("perl-manuals", "perl", "lib/perl5/5.32/core_perl/pods/perlfunc.pod"),
    ("java-sources", "openjdk", "lib/jvm/lib/src.zip"),
    ("cuda-samples", "cuda-cupti", "extras/CUPTI/samples/common/x.cpp"),
    ("mkl-clusters", "mkl", "lib/libmkl_blacs_intelmpi_lp64.so.2"),
    ("mkl-clusters", "mkl", "lib/libmkl_scalapack_ilp64.so.2"),
    ("mkl-clusters", "mkl", "lib/libmkl_intel_ilp64.so.2"),
    ("mkl-clusters", "mkl", "lib/libmkl_tbb_thread.so.2"),
]


@pytest.mark.parametrize(("rule", "package", "path"), EXAMPLES)
def test_a_rule_takes_what_it_is_for(rule: str, package: str, path: str) -> None:
    safe = rule in {each.name for each in SAFE}

    assert taken_by(path, package=package, profile="slim") == rule
    assert taken_by(path, package=package, profile="safe") == (rule if safe else None)
    assert taken_by(path, package=package, profile="none") is None


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _, _ in EXAMPLES} == {rule.name for rule in RULES}


TRAPS = [
    # what is installed
    ("numpy", "conda-meta/numpy-2.4.6-py311_0.json"),
    ("x", "conda-meta/history"),
    ("numpy", f"{SITE}/numpy-2.4.6.dist-info/RECORD"),
    ("numpy", f"{SITE}/numpy-2.4.6.dist-info/licenses/x/tests/LICENSE"),
    ("pytorch", f"{SITE}/torch-2.13.dist-info/licenses/third_party/x/test/x.c"),
    ("setuptools", f"{SITE}/x-1.egg-info/tests/PKG-INFO"),
    # named like tests
    ("jinja2", f"{SITE}/jinja2/tests.py"),
    ("django", f"{SITE}/django/test/client.py"),
    ("django", f"{SITE}/django/test/__init__.py"),
    ("evidently", f"{SITE}/evidently/tests/__init__.py"),
    ("ansible-core", f"{SITE}/ansible/plugins/test/__init__.py"),
    ("tensorflow", f"{SITE}/tensorflow/_api/v2/test/__init__.py"),
    ("astropy", f"{SITE}/astropy/tests/runner.py"),
    ("numpy", f"{SITE}/numpy/testing/_private/utils.py"),
    ("numpy", f"{SITE}/numpy/testing/tests/__init__.py"),
    ("numpy", f"{SITE}/numpy/_core/tests/_natype.py"),
    ("numpy", f"{SITE}/numpy/_core/tests/__init__.py"),
    ("numpy", f"{SITE}/numpy/conftest.py"),
    ("pandas", f"{SITE}/pandas/_testing/__init__.py"),
    ("pandas", f"{SITE}/pandas/_libs/testing.cpython-311-x86_64-linux-gnu.so"),
    ("scikit-learn", f"{SITE}/sklearn/externals/array_api_extra/testing.py"),
    ("statsmodels", f"{SITE}/statsmodels/tools/testing.py"),
    ("pyparsing", f"{SITE}/pyparsing/testing.py"),
    ("ipython", f"{SITE}/IPython/testing/__init__.py"),
    ("pytorch", f"{SITE}/torch/testing/_internal/logging_tensor.py"),
    ("pytorch", f"{SITE}/torch/bin/torch_shm_manager"),
    ("pytorch", f"{SITE}/torch/lib/libtorch_cpu.so"),
    ("pytorch", "bin/torch_shm_manager"),
    ("python", f"{PY}/test/__init__.py"),
    ("python", f"{PY}/test/support/__init__.py"),
    ("python", f"{PY}/test/support/os_helper.py"),
    ("python", f"{PY}/lib-dynload/_testcapi.cpython-311-x86_64-linux-gnu.so"),
    ("python", f"{PY}/lib-dynload/_ctypes_test.cpython-311-x86_64-linux-gnu.so"),
    ("tornado", f"{SITE}/tornado/test/__init__.py"),
    ("tornado", f"{SITE}/tornado/test/test.crt"),
    ("tornado", f"{SITE}/tornado/test/test.key"),
    ("mpmath", f"{SITE}/mpmath/tests/__init__.py"),
    ("bottleneck", f"{SITE}/bottleneck/tests/__init__.py"),
    ("numba", f"{SITE}/numba/tests/npyufunc/__init__.py"),
    ("numba", f"{SITE}/numba/cuda/tests/__init__.py"),
    ("numba", f"{SITE}/numba/cuda/tests/nocuda/__init__.py"),
    ("python", f"{PY}/unittest/mock.py"),
    ("python", f"{PY}/doctest.py"),
    ("python", f"{PY}/lib-dynload/_xxsubinterpreters.cpython-311-x86_64-linux-gnu.so"),
    ("latest", f"{SITE}/latest/contests/__init__.py"),
    ("latest", f"{SITE}/x/test.py"),
    ("latest", f"{SITE}/x/Tests/__init__.py"),
    ("latest", f"{SITE}/x/test_data/__init__.py"),
    ("x", f"{SITE}/x/tests/data.json"),
    ("x", "share/x/tests/__init__.py"),
    ("jedi", f"{SITE}/jedi/third_party/typeshed/stubs/braintree/braintree/test/__init__.pyi"),
    # read while running
    ("jedi", f"{SITE}/jedi/third_party/typeshed/stdlib/3/abc.pyi"),
    ("triton", f"{SITE}/triton/backends/nvidia/driver.c"),
    ("triton", f"{SITE}/triton/backends/nvidia/include/cuda.h"),
    ("triton", f"{SITE}/triton/backends/nvidia/lib/cupti/libcupti_static.a"),
    ("numba", f"{SITE}/numba/cuda/cuda_fp16.hpp"),
    ("numpy", f"{SITE}/numpy/f2py/src/fortranobject.c"),
    ("cuda-cudart-static", "targets/x86_64-linux/lib/libcudadevrt.a"),
    ("libnvshmem3", "lib/libnvshmem_device.a"),
    ("libmathdx", f"{SITE}/nvidia/mathdx/lib/libcusolverdx.a"),
    ("jupyterlab", f"{SITE}/jupyterlab/staging/package.json"),
    ("jupyterlab", f"{SITE}/jupyterlab/schemas.py"),
    ("jupyterlab", "share/jupyter/lab/static/main.js"),
    ("jupyterlab", "share/jupyter/lab/schemas/@jupyterlab/x/package.json.orig"),
    ("ipykernel", "share/jupyter/kernels/python3/kernel.json"),
    ("nbconvert", "share/jupyter/nbconvert/templates/lab/index.html.j2"),
    ("bokeh", f"{SITE}/bokeh/server/static/js/bokeh.min.js"),
    ("bokeh", f"{SITE}/bokeh/server/static/js/bokeh-gl.min.js"),
    ("ncurses", "share/terminfo/x/xterm-256color"),
    ("ncurses", "share/terminfo/l/linux"),
    ("ncurses", "share/terminfo/s/screen.xterm-256color"),
    ("tzdata", "share/zoneinfo/Europe/Berlin"),
    ("python-tzdata", f"{SITE}/tzdata/zoneinfo/Europe/Berlin"),
    ("ca-certificates", "ssl/cacert.pem"),
    ("certifi", f"{SITE}/certifi/cacert.pem"),
    ("openssl", "ssl/cert.pem"),
    ("botocore", f"{SITE}/botocore/data/s3/2006-03-01/service-2.json.gz"),
    ("babel", f"{SITE}/babel/locale-data/de.dat"),
    ("django", f"{SITE}/django/conf/locale/de/LC_MESSAGES/django.mo"),
    ("odoo", f"{SITE}/odoo/addons/base/i18n/de.po"),
    ("git", "share/git-core/templates/description"),
    ("git", "share/locale/en_GB/LC_MESSAGES/git.mo"),
    ("iso-codes", "share/locale/de/LC_MESSAGES/iso_3166-1.mo"),
    ("xorg-libx11", "share/X11/locale/locale.dir"),
    ("biopython", f"{SITE}/Bio/data/1a8o.pdb"),
    ("pythonnet", f"{SITE}/pythonnet/runtime/Python.Runtime.dll"),
    ("imagemagick", "lib/ImageMagick-7.1.1/modules-Q16HDRI/coders/png.la"),
    ("openldap", "libexec/openldap/back_mdb.la"),
    ("mkl", "lib/libmkl_avx512.so.2"),
    ("mkl", "lib/libmkl_def.so.2"),
    ("mkl", "lib/libmkl_vml_avx2.so.2"),
    ("mkl", "lib/libmkl_intel_thread.so.2"),
    ("mkl", "lib/libmkl_intel_lp64.so.2"),
    ("mkl", "lib/libmkl_rt.so.2"),
    ("perl", "lib/perl5/5.32/core_perl/pods/perldiag.pod"),
    ("gdal", "etc/conda/activate.d/gdal-activate.sh"),
    ("accelerate", "bin/accelerate-config"),
    # headers and stubs with a use of their own
    ("python", "include/python3.11/Python.h"),
    ("python", f"{PY}/_sysconfigdata__linux_x86_64-linux-gnu.py"),
    ("pytorch", "include/torch/csrc/api/include/torch/torch.h"),
    ("libtorch", "include/ATen/ATen.h"),
    ("torch", f"{SITE}/torch/include/torch/extension.h"),
    ("torch", f"{SITE}/torch/_inductor/codegen/cpp_prefix.h"),
    ("cuda-driver-dev", "targets/x86_64-linux/include/cuda.h"),
    ("r-base", "lib/R/include/R.h"),
    ("r-base", "lib/R/library/base/help/AnIndex"),
    ("openjdk", "lib/jvm/jmods/java.base.jmod"),
    ("gcc-runtime", "lib/gcc/x86_64-conda-linux-gnu/14.2.0/libgcc.a"),
    # not of this kind
    ("openssl", "share/doc/openssl/LICENSE.txt"),
    ("libx", "share/doc/libx/copyright"),
    ("cmake", "share/doc/cmake/Copyright.txt"),
    ("libx", "share/doc/libx/License.txt"),
    ("libx", "share/doc/libx/mpl-licence"),
    ("libx", "share/doc/libx/Licenses/MIT.txt"),
    ("libx", "share/doc/libx/Copying"),
    ("libx", "share/doc/libx/Notice.txt"),
    ("libx", "share/doc/libx/EULA.txt"),
    ("libx", "share/doc/libx/AUTHORS"),
    ("libx", "share/doc/libx/gpl-3.0.txt"),
    ("libx", "share/doc/libx/LGPLv2.1"),
    ("libx", "share/doc/libx/Third_Party.txt"),
    ("maxima", "share/info/maxima-index.lisp"),
    ("maxima", "share/info/maxima.info-1"),
    ("octave", "share/info/octave.info"),
    ("mkl", "share/doc/mkl/licensing/third-party-programs.txt"),
    ("x", f"{SITE}/x/doc/index.html"),
    ("x", f"{SITE}/x/man/__init__.py"),
    ("x", f"{SITE}/x/include/__init__.py"),
    ("x", "lib/docs/x"),
]


@pytest.mark.parametrize(("package", "path"), TRAPS)
def test_no_rule_falls_into_a_trap(package: str, path: str) -> None:
    assert taken_by(path, package=package, profile="slim") is None


@pytest.mark.parametrize(
    ("beside", "package", "path"),
    [
        pytest.param("gxx_linux-64", "zlib", "lib/libz.a", id="compiler"),
        pytest.param("cuda-nvcc_linux-64", "cudart", "lib/libcudart_static.a", id="nvcc"),
        pytest.param("go", "zlib", "lib/pkgconfig/zlib.pc", id="go"),
        pytest.param("cmake", "x", "share/cmake/X/XConfig.cmake", id="cmake"),
        pytest.param("cppyy", "zlib", "include/zlib.h", id="cling"),
        pytest.param("pytorch", "zlib", "include/zlib.h", id="pytorch"),
        pytest.param("torch", "zlib", "include/zlib.h", id="torch"),
        pytest.param("triton", "cuda", "targets/x86_64-linux/include/cuda_fp16.h", id="triton"),
        pytest.param("flashinfer_python", "x", f"{SITE}/flashinfer/data/csrc/a.cu", id="flash"),
        pytest.param("numba-cuda", "x", f"{SITE}/x/a.cuh", id="numba-cuda"),
        pytest.param("cffi", "python", "bin/python3.11-config", id="cffi"),
        pytest.param("pytensor-base", "x", f"{SITE}/pytensor/link/c/c_code/x.c", id="pytensor"),
        pytest.param("Cython", "numpy", f"{SITE}/numpy/__init__.pxd", id="cython"),
        pytest.param("lazy_loader", "scikit-image", f"{SITE}/skimage/__init__.pyi", id="lazy"),
        pytest.param("mypy", "numpy", f"{SITE}/numpy/__init__.pyi", id="mypy"),
        pytest.param("gtk4", "glib", "share/locale/de/LC_MESSAGES/glib20.mo", id="screen"),
        pytest.param("django", "x", f"{SITE}/x/static/x.js.map", id="collectstatic"),
        pytest.param("emscripten", "x", "lib/emscripten/system/libc.a", id="emscripten"),
        pytest.param("emscripten_emscripten-wasm32", "zlib", "lib/libz.a", id="wasm"),
        pytest.param("mlir", "libmlir21", "lib/libMLIR.a", id="mlir"),
        pytest.param("llvmdev", "x", "lib/libx.a", id="llvm"),
        pytest.param("ghdl-llvm", "x", "lib/ghdl/libgrt.a", id="ghdl"),
        pytest.param("crystal", "x", "lib/libx.a", id="crystal"),
        pytest.param("emacs", "x", "share/info/x.info", id="emacs"),
        pytest.param("man-db", "git", "share/man/man1/git.1", id="man"),
        pytest.param("nodejs", "jupyterlab", f"{SITE}/jupyterlab/staging/yarn.lock", id="nodejs"),
        pytest.param("petsc4py", "mkl", "lib/libmkl_scalapack_lp64.so.2", id="scalapack"),
    ],
)
def test_who_needs_it_puts_the_rule_out_of_force(beside: str, package: str, path: str) -> None:
    assert taken_by(path, package=package, profile="slim", beside="") is not None
    assert taken_by(path, package=package, profile="slim", beside=beside) is None


@pytest.mark.parametrize(
    "name",
    ["libgcc", "rustworkx", "gopy", "clarabel", "numbagg", "cffconvert", "llvmlite", "llvm-openmp"],
)
def test_similar_names_switch_nothing_off(name: str) -> None:
    assert not any(
        any_of(gate).fullmatch(name) for gate in (COMPILERS, JUST_IN_TIME, CYTHON, BUILD_TOOLS)
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_are_well_formed(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert rule.reason
    assert not rule.reason.endswith(".")
    assert rule.patterns or rule.marks
    for glob in (*rule.patterns, *rule.marks, *rule.but):
        assert path_glob(f"x:{glob}", "") == f"x:{glob}"
    for name in (*rule.packages, *rule.unless):
        assert canonical_name(name) == name


def test_byte_code_costs_time_at_every_start() -> None:
    (rule,) = (rule for rule in SLIM if rule.name == "byte-code")

    assert rule.risk == "medium"
    assert rule.reason.endswith("at every start")


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_what_no_rule_takes_is_well_formed() -> None:
    globs = [glob for never in NEVER for glob in (*never.patterns, *never.but)]

    assert [path_glob(f"x:{glob}", "") for glob in globs] == [f"x:{glob}" for glob in globs]
    assert all(never.reason and not never.reason.endswith(".") for never in NEVER)


@pytest.mark.parametrize(
    "gate", [COMPILERS, JUST_IN_TIME, CYTHON, BUILD_TOOLS, SCREENS, TYPING], ids=lambda g: g[0]
)
def test_gates_name_packages_as_rules_do(gate: tuple[str, ...]) -> None:
    assert [canonical_name(name) for name in gate] == list(gate)


def test_profiles_grow() -> None:
    assert rules_of("none") == ()
    assert rules_of("safe") == SAFE
    assert rules_of("slim") == (*SAFE, *SLIM)
    assert {(rule.profile, rule.risk == "medium") for rule in SAFE} == {("safe", False)}
    assert {rule.profile for rule in SLIM} == {"slim"}
