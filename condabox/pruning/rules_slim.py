"""The rules of ``slim``, beside those of ``safe``: what programs in production seldom miss."""

from __future__ import annotations

from condabox.pruning.gates import COMPILERS, CYTHON, JUST_IN_TIME, TYPING
from condabox.pruning.patterns import alternatives
from condabox.pruning.rule import Rule

_PYTHON = "lib/python3.*"
_SITE = f"{_PYTHON}/site-packages"

SLIM = (
    Rule(
        name="byte-code",
        reason="Python compiles its sources, which takes a second or two more at every start",
        risk="medium",
        profile="slim",
        patterns=(f"{_PYTHON}/**/__pycache__/*.pyc",),
    ),
    Rule(
        name="self-tests",
        reason="the tests of Crypto and Cryptodome, which their recipes import",
        risk="low",
        profile="slim",
        packages=("pycryptodome", "pycryptodomex"),
        patterns=alternatives(f"{_SITE}/{{Crypto,Cryptodome}}/SelfTest/**"),
    ),
    Rule(
        name="headers",
        reason="only a compiler reads them",
        risk="medium",
        profile="slim",
        patterns=(
            *alternatives("{include,targets/*/include}/**"),
            *alternatives(f"{_SITE}/**/*.{{h,hh,hpp,hxx,cuh}}"),
        ),
        unless=(*COMPILERS, *JUST_IN_TIME),
    ),
    Rule(
        name="sources",
        reason="the sources of modules that are compiled",
        risk="medium",
        profile="slim",
        patterns=alternatives(f"{_SITE}/**/*.{{c,cc,cpp,cxx,cu,f,f90}}"),
        unless=(*COMPILERS, *JUST_IN_TIME),
    ),
    Rule(
        name="cython-sources",
        reason="the sources and declarations of modules that are compiled",
        risk="low",
        profile="slim",
        patterns=alternatives(f"{_SITE}/**/*.{{pyx,pxd,pxi,pyx.tp,pxd.tp,pyx.in,pxd.in}}"),
        unless=(*COMPILERS, *CYTHON),
    ),
    Rule(
        name="type-stubs",
        reason="editors and type checkers read them, and lazy_loader where it is there",
        risk="medium",
        profile="slim",
        patterns=(f"{_SITE}/**/*.pyi",),
        unless=TYPING,
    ),
    Rule(
        name="typescript",
        reason="what Bokeh compiles extensions with, and its pages for developers",
        risk="low",
        profile="slim",
        packages=("bokeh",),
        patterns=(
            f"{_SITE}/bokeh/server/static/**/*.d.ts",
            *alternatives(f"{_SITE}/bokeh/server/static/js/{{bokeh,bokeh-*,compiler}}.js"),
        ),
        but=(f"{_SITE}/bokeh/server/static/js/*.min.js",),
        unless=("nodejs",),
    ),
    Rule(
        name="jupyterlab-core-mode",
        reason="a second copy of share/jupyter/lab, for `jupyter lab --core-mode`",
        risk="low",
        profile="slim",
        packages=("jupyterlab",),
        patterns=alternatives(f"{_SITE}/jupyterlab/{{static,schemas,themes}}/**"),
    ),
    Rule(
        name="all-test-suites",
        reason="packages of Python that are called tests, of whatever package",
        risk="medium",
        profile="slim",
        marks=alternatives(f"{_SITE}/**/{{tests,test}}/__init__.py"),
    ),
    Rule(
        name="python-ide",
        reason="IDLE and the demos of turtle graphics",
        risk="low",
        profile="slim",
        packages=("python",),
        patterns=(*alternatives(f"{_PYTHON}/{{idlelib,turtledemo}}/**"), "bin/idle3*"),
    ),
    Rule(
        name="python-config",
        reason="how programs that embed Python are built",
        risk="medium",
        profile="slim",
        packages=("python",),
        patterns=(f"{_PYTHON}/config-3*/**", "bin/python3*-config"),
        unless=(*COMPILERS, *JUST_IN_TIME),
    ),
    Rule(
        name="ensurepip",
        reason="the pip that `python -m venv` installs",
        risk="medium",
        profile="slim",
        packages=("python",),
        patterns=(f"{_PYTHON}/ensurepip/_bundled/**",),
    ),
    Rule(
        name="terminals",
        reason="descriptions of terminals that nobody attaches to a container",
        risk="low",
        profile="slim",
        packages=("ncurses",),
        patterns=("share/terminfo/*/*",),
        but=(
            *alternatives("share/terminfo/*/{ansi,dumb,linux,vt52,vt100,vt102,vt220,cygwin,sun}"),
            *alternatives("share/terminfo/*/{xterm,screen,tmux,rxvt,alacritty,kitty,foot,st}*"),
            *alternatives("share/terminfo/*/{wezterm,ghostty,konsole,gnome,vte,iterm,putty}*"),
        ),
    ),
    Rule(
        name="tcl-demos",
        reason="demos of Tcl and Tk",
        risk="none",
        profile="slim",
        packages=("tk", "tcl"),
        patterns=alternatives("lib/{tcl8*,tk8*,tcl9*,tk9*}/demos/**"),
    ),
    Rule(
        name="perl-manuals",
        reason="documentation for people; what `use diagnostics` reads stays",
        risk="low",
        profile="slim",
        packages=("perl", "perl-*"),
        patterns=("lib/perl5/**/*.pod",),
        but=("**/perldiag.pod",),
    ),
    Rule(
        name="java-sources",
        reason="only debuggers read the sources of Java",
        risk="low",
        profile="slim",
        packages=("openjdk",),
        patterns=("**/src.zip",),
    ),
    Rule(
        name="cuda-samples",
        reason="samples and documentation of CUDA's tools",
        risk="low",
        profile="slim",
        patterns=(
            "nvvm/libnvvm-samples/**",
            *alternatives("extras/{demo_suite,CUPTI/samples,CUPTI/doc}/**"),
        ),
    ),
    Rule(
        name="mkl-clusters",
        reason="MKL for clusters, for 64-bit indices and for other kinds of threads",
        risk="medium",
        profile="slim",
        packages=("mkl",),
        patterns=(
            *alternatives("lib/libmkl_{blacs,scalapack,cdft_core,sycl}*"),
            *alternatives("lib/libmkl_{pgi_thread,tbb_thread,*_ilp64}.so*"),
        ),
        unless=(
            *alternatives("{mpi4py,petsc*,slepc*,mumps*,scalapack*,elpa,superlu-dist,julia}"),
            *alternatives("{dpctl,dpnp,dal,daal4py,scikit-learn-intelex,onemkl-*,*ilp64*}"),
        ),
    ),
)
