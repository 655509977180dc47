"""What conda-forge's recipes import to test their packages, and what other packages import of them.

The second kind is what looks like something for tests, and is not: `numpy.testing` and the like.
"""

from __future__ import annotations

from itertools import chain

_PYTHON = """
_bisect _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections _csv
_ctypes _curses _curses_panel _decimal _elementtree _functools _hashlib _heapq _io _json _locale
_lsprof _lzma _multibytecodec _multiprocessing _random _socket _sqlite3 _ssl _struct array binascii
bz2 cmath datetime fcntl grp itertools lzma math mmap operator pyexpat readline resource select ssl
syslog termios test test.support time unicodedata unittest.mock zlib
"""

_NUMPY = """
core.multiarray core.numeric core.umath ctypeslib dtypes exceptions f2py fft lib lib.array_utils
lib.format lib.introspect lib.mixins lib.npyio lib.recfunctions lib.scimath lib.stride_tricks linalg
linalg.lapack_lite ma ma.extras ma.mrecords polynomial polynomial.chebyshev polynomial.hermite
polynomial.hermite_e polynomial.laguerre polynomial.legendre polynomial.polynomial random
random.mtrand testing testing.overrides typing version
"""

_SCIPY = """
_lib.array_api_extra.testing cluster cluster.hierarchy cluster.vq constants datasets differentiate
fft fftpack integrate interpolate io io.arff io.matlab io.wavfile linalg linalg.blas
linalg.cython_blas linalg.cython_lapack linalg.interpolative linalg.lapack ndimage odr optimize
signal signal.windows sparse sparse.csgraph sparse.linalg spatial spatial.distance spatial.transform
special stats stats.contingency stats.distributions stats.mstats stats.qmc stats.sampling
"""

_SKLEARN = """
calibration cluster compose covariance cross_decomposition datasets decomposition dummy ensemble
externals.array_api_extra.testing feature_extraction feature_selection gaussian_process impute
inspection isotonic kernel_ridge linear_model manifold metrics mixture model_selection multiclass
naive_bayes neighbors neural_network pipeline preprocessing semi_supervised svm tree utils
utils._testing
"""

_NETWORKX = """
algorithms algorithms.approximation algorithms.assortativity algorithms.bipartite
algorithms.centrality algorithms.chordal algorithms.coloring algorithms.community
algorithms.components algorithms.connectivity algorithms.flow algorithms.isomorphism
algorithms.link_analysis algorithms.operators algorithms.shortest_paths algorithms.traversal
algorithms.tree classes drawing generators linalg readwrite readwrite.json_graph utils
"""

_OF_PACKAGES = {
    "": _PYTHON,
    "numpy": _NUMPY,
    "scipy": _SCIPY,
    "scikit-learn": _SKLEARN,
    "networkx": _NETWORKX,
    "fastapi": "applications testclient",
    "ipykernel": "inprocess kernelapp zmqshell",
    "ipython": "lib core core.interactiveshell testing",
    "jedi": "api inference.compiled plugins",
    "jinja2": "ext filters tests",
    "joblib": "externals externals.loky",
    "jupyterlab": "commands labapp",
    "lightgbm": "basic callback compat dask engine libpath plotting sklearn",
    "mpmath": "calculus functions libmp matrices tests",
    "pandas": "_libs.testing _testing api.types testing tseries.api util",
    "pytorch": "_C _dynamo nn.functional optim testing testing._internal.logging_tensor utils.data",
    "setuptools": "command.build_ext",
    "starlette": "testclient",
    "sympy": "core.random physics.units plotting polys stats testing testing.runtests",
    "tornado": "gen netutil platform test testing",
    "pyzmq": "backend.cython log",
}

_TOP = {"": "", "ipython": "IPython", "pytorch": "torch", "pyzmq": "zmq", "scikit-learn": "sklearn"}


def modules_of(packages: set[str]) -> tuple[str, ...]:
    """Return all modules that are imported to test ``packages``, setuptools' own ones first.

    It replaces `distutils`, and minds when somebody has imported that before.
    """
    names = sorted({"", *packages} & _OF_PACKAGES.keys(), key=lambda name: name != "setuptools")
    return tuple(chain.from_iterable(_modules(_TOP.get(name, name), name) for name in names))


def _modules(top: str, package: str) -> list[str]:
    inner = _OF_PACKAGES[package].split()
    return [top, *(f"{top}.{each}" for each in inner)] if top else inner
