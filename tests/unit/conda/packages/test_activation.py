from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from condabox import process
from condabox.conda.packages.activation import Activation, compile_activation

if TYPE_CHECKING:
    from pathlib import Path

BASIC = {"CONDA_PREFIX": "/opt/env", "CONDA_DEFAULT_ENV": "ai", "CONDA_SHLVL": "1"}

# The shapes of conda-forge's scripts: what is saved first, where they look, how they quote.
GDAL = """\
#!/bin/sh

# Keep what was there.
if [ -n "${GDAL_DATA:-}" ]; then
    export _CONDA_SET_GDAL_DATA="$GDAL_DATA"
fi
if [ -d "${CONDA_PREFIX}/share/gdal" ]; then
    export GDAL_DATA="$CONDA_PREFIX/share/gdal"
    export GDAL_DRIVER_PATH="$CONDA_PREFIX/lib/gdalplugins"
elif [ -d "$CONDA_PREFIX/Library/share/gdal" ]; then
    export GDAL_DATA="$CONDA_PREFIX/Library/share/gdal"
fi
if [ ! -d "$GDAL_DRIVER_PATH" ]; then
    unset GDAL_DRIVER_PATH
fi
export CPL_ZIP_ENCODING=UTF-8

if [ -n "${BASH_VERSION:-}" ]; then
    if [ -f "${CONDA_PREFIX}/share/bash-completion/completions/gdalinfo" ]; then
        source "${CONDA_PREFIX}/share/bash-completion/completions/gdalinfo"
    fi
fi
"""

PROJ = """\
if [ -d "${CONDA_PREFIX}/share/proj" ]; then
  export "PROJ_DATA=${CONDA_PREFIX}/share/proj"
fi
if [ -f "${CONDA_PREFIX}/share/proj/licenses.csv" ]; then
  export PROJ_NETWORK="OFF"
else
  export PROJ_NETWORK="ON"
fi
"""

LIBXML2 = """\
if test -n "${XML_CATALOG_FILES:-}"; then
    saved_files="${XML_CATALOG_FILES}"
    XML_CATALOG_FILES="${XML_CATALOG_FILES} "
else
    saved_files=""
    XML_CATALOG_FILES=""
fi
# Spaces of the prefix become %20.
own=""
saved_ifs="${IFS}"
IFS=" "
rest="${CONDA_PREFIX}"
for part in ${rest}; do
    while test "${rest#"${part}"}" = "${rest}"; do
\town="${own}%20"
\trest=${rest#" "}
    done
    own="${own}${part}"
    rest=${rest#"${part}"}
done
IFS="${saved_ifs}"
own="file://${own}/etc/xml/catalog file:///etc/xml/catalog"
export XML_CATALOG_FILES="${XML_CATALOG_FILES}${own}"
unset own saved_ifs rest
"""

ARROW = """\
_log() {
    if [ "${ARROW_LOGGING:-}" = "1" ]; then
        printf '%s\\n' "$*" | while IFS= read -r line
        do
            echo "DEBUG: $line"
        done
    fi
}
if [ -n "${CONDA_BUILD:-}" ] && [ "${CONDA_BUILD_STATE:-0}" != "TEST" ]; then
    return 0
fi
_log "it begins"
_gdb="$CONDA_PREFIX/share/gdb/auto-load"
if [ ! -w "$_gdb" ]; then
    _log 'No rights to modify $_gdb!'
    return
fi
_log "$(ls -al "$_gdb" | sed 's/^/  /')"
for _target in "$_gdb/"*.py; do
    ln -sf "$_target" "$_gdb/$(basename "$_target")" || true
done
"""

NVCC = """\
ERROR=false
[[ "linux-64" == "linux-64" ]] && targets="targets/x86_64-linux"
[[ "linux-64" == "linux-aarch64" ]] && targets="targets/sbsa-linux"
CUDA_CFLAGS=""
if [ "${CONDA_BUILD:-0}" = "1" ]; then
    CUDA_CFLAGS="${CUDA_CFLAGS} -I${PREFIX}/${targets}/include"
    export CMAKE_ARGS="${CMAKE_ARGS} -DROOT=$PREFIX;$BUILD_PREFIX/sysroot"
else
    CUDA_CFLAGS="${CUDA_CFLAGS} -I${CONDA_PREFIX}/${targets}/include"
fi
export CFLAGS="${CFLAGS} ${CUDA_CFLAGS}"
if [ -z "${CXX+x}" ]; then
    echo 'Please add the `compiler("cxx")` package.'
    ERROR=true
else
    if [[ ! -z "${NVCC_PREPEND_FLAGS+x}" ]]
    then
        export NVCC_PREPEND_FLAGS_BACKUP="${NVCC_PREPEND_FLAGS}"
    fi
    NVCC_PREPEND_FLAGS="${NVCC_PREPEND_FLAGS} -ccbin=${CXX}"
    export NVCC_PREPEND_FLAGS
fi
! $ERROR
"""

GCC = """\
function _sourced() {
    if [ -n "${BASH_SOURCE[0]}" ]; then
        basename "${BASH_SOURCE[0]}"
    elif [ -n "${(%):-%x}" ]; then
        basename "${(%):-%x}"
    fi
}
function _activation() {
  local nature=$1; shift
  local thing
  for thing in "$@"; do
    case "${thing}" in
      *,*)
        value=$(echo "${thing}" | sed "s,^[^\\,]*\\,\\(.*\\),\\1,")
        ;;
      *)
        thing=$(echo ${thing} | tr 'a-z+-' 'A-ZX_')
        ;;
    esac
    eval oldval="\\$${from}$thing"
  done
}
_activation \\
  activate gcc gcc-ar \\
  "CFLAGS,${CFLAGS:--O2}"
"""

OPENJDK = """\
export JAVA_HOME_CONDA_BACKUP=${JAVA_HOME:-}
export JAVA_HOME=$CONDA_PREFIX/lib/jvm
export JAVA_LD_LIBRARY_PATH_BACKUP=${JAVA_LD_LIBRARY_PATH:-}
export JAVA_LD_LIBRARY_PATH=$JAVA_HOME/lib/server
"""

R_BASE = """\
R CMD javareconf > /dev/null 2>&1 || true
export RSTUDIO_WHICH_R="${CONDA_PREFIX}/bin/R"
"""

RUST = """\
export CARGO_HOME=${CARGO_HOME:-${CONDA_PREFIX}/.cargo}
export CARGO_CONFIG=${CARGO_CONFIG:-${CARGO_HOME}/config}
[[ -d ${CARGO_HOME} ]] || mkdir -p ${CARGO_HOME}
export CARGO_BUILD_RUSTFLAGS="-C link-arg=-Wl,-rpath,${PREFIX:-${CONDA_PREFIX}}/lib"
if [[ "linux-64" == linux*  ]]; then
  export PATH=${CARGO_HOME}/bin:${PATH}
fi
"""

GO = """\
export CGO_ENABLED=1
export GOOS=linux
export GOARCH=amd64
export CONDA_GO_COMPILER=1
export GOFLAGS="${GOFLAGS} -modcacherw"
"""

GLIB = """\
export GSETTINGS_SCHEMA_DIR_CONDA_BACKUP="${GSETTINGS_SCHEMA_DIR:-}"
export GSETTINGS_SCHEMA_DIR="$CONDA_PREFIX/share/glib-2.0/schemas"
"""

CERTIFICATES = """\
if [[ "${SSL_CERT_FILE:-}" == "" ]]; then
    export SSL_CERT_FILE="${CONDA_PREFIX}/ssl/cacert.pem"
    export __CONDA_OPENSSL_CERT_FILE_SET="1"
fi
"""

OLD_JDK = """\
os=$(uname -s | tr '[:upper:]' '[:lower:]')
export JAVA_HOME=$CONDA_PREFIX
"""


def activation(
    scripts: dict[str, str],
    *,
    paths: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    prefix: str = "/opt/env",
) -> Activation:
    return compile_activation(
        {
            name if "/" in name else f"etc/conda/activate.d/{name}": text
            for name, text in scripts.items()
        },
        prefix=prefix,
        paths=paths,
        variables=variables or {},
        name="ai",
    )


def added(found: Activation) -> dict[str, str]:
    assert found.variables.keys() >= BASIC.keys()
    return {name: value for name, value in found.variables.items() if name not in BASIC}


def test_without_scripts_the_environment_itself_is_active() -> None:
    assert activation({}) == Activation(variables=BASIC, path=("/opt/env/bin",), problems=())


@pytest.mark.parametrize(
    ("script", "paths", "expected"),
    [
        pytest.param(
            GDAL,
            ("share/gdal/x.csv", "share/bash-completion/completions/gdalinfo"),
            {"GDAL_DATA": "/opt/env/share/gdal", "CPL_ZIP_ENCODING": "UTF-8"},
            id="gdal",
        ),
        pytest.param(
            GDAL,
            ("share/gdal/x.csv", "lib/gdalplugins/gdal_x.so"),
            {
                "GDAL_DATA": "/opt/env/share/gdal",
                "GDAL_DRIVER_PATH": "/opt/env/lib/gdalplugins",
                "CPL_ZIP_ENCODING": "UTF-8",
            },
            id="gdal with plugins",
        ),
        pytest.param(
            PROJ,
            ("share/proj/proj.db",),
            {"PROJ_DATA": "/opt/env/share/proj", "PROJ_NETWORK": "ON"},
            id="proj",
        ),
        pytest.param(
            PROJ,
            ("share/proj/proj.db", "share/proj/licenses.csv"),
            {"PROJ_DATA": "/opt/env/share/proj", "PROJ_NETWORK": "OFF"},
            id="proj with data",
        ),
        pytest.param(
            LIBXML2,
            (),
            {"XML_CATALOG_FILES": "file:///opt/env/etc/xml/catalog file:///etc/xml/catalog"},
            id="libxml2",
        ),
        pytest.param(ARROW, ("share/gdb/auto-load/x/a.py",), {}, id="arrow"),
        pytest.param(NVCC, (), {"CFLAGS": "  -I/opt/env/targets/x86_64-linux/include"}, id="nvcc"),
        pytest.param(
            OPENJDK,
            (),
            {
                "JAVA_HOME": "/opt/env/lib/jvm",
                "JAVA_LD_LIBRARY_PATH": "/opt/env/lib/jvm/lib/server",
            },
            id="openjdk",
        ),
        pytest.param(
            GO,
            (),
            {
                "CGO_ENABLED": "1",
                "GOOS": "linux",
                "GOARCH": "amd64",
                "CONDA_GO_COMPILER": "1",
                "GOFLAGS": " -modcacherw",
            },
            id="go",
        ),
        pytest.param(
            GLIB, (), {"GSETTINGS_SCHEMA_DIR": "/opt/env/share/glib-2.0/schemas"}, id="libglib"
        ),
        pytest.param(
            CERTIFICATES,
            (),
            {"SSL_CERT_FILE": "/opt/env/ssl/cacert.pem", "__CONDA_OPENSSL_CERT_FILE_SET": "1"},
            id="ca-certificates",
        ),
    ],
)
def test_what_packages_do_becomes_variables(
    script: str, paths: tuple[str, ...], expected: dict[str, str]
) -> None:
    found = activation({"x.sh": script}, paths=paths)

    assert added(found) == expected
    assert found.problems == ()


@pytest.mark.parametrize(
    ("script", "line", "reason"),
    [
        pytest.param(GCC, 17, "it needs a command substitution", id="gcc"),
        pytest.param(R_BASE, 1, "it runs the command R", id="r-base"),
        pytest.param(RUST, 3, "it runs the command mkdir", id="rust"),
        pytest.param(OLD_JDK, 1, "it needs a command substitution", id="old openjdk"),
    ],
)
def test_what_cannot_become_variables_is_reported_and_left_out(
    script: str, line: int, reason: str
) -> None:
    found = activation({"x.sh": script, "a.sh": "export A=1", "z.sh": "export Z=$A"})

    assert added(found) == {"A": "1", "Z": "1"}
    assert found.problems == (
        f"etc/conda/activate.d/x.sh:{line}: cannot be compiled into image variables: {reason}",
    )


@pytest.mark.tool("bash")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(GDAL, id="gdal"),
        pytest.param(PROJ, id="proj"),
        pytest.param(LIBXML2, id="libxml2"),
        pytest.param(NVCC, id="nvcc"),
        pytest.param(OPENJDK, id="openjdk"),
        pytest.param(GO, id="go"),
        pytest.param(GLIB, id="libglib"),
        pytest.param(CERTIFICATES, id="ca-certificates"),
    ],
)
@pytest.mark.parametrize("folder", ["plain", "with  spaces"])
def test_bash_sets_the_same(tmp_path: Path, script: str, folder: str) -> None:
    prefix = tmp_path / folder
    paths = ("share/gdal/a.csv", "share/proj/proj.db", "lib/x.so")
    for path in paths:
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).touch()

    command = [
        str(shutil.which("bash")),
        "-c",
        "unset BASH_VERSION; . /dev/stdin > /dev/null; env -0",
    ]
    done = process.run(
        command, env={"CONDA_PREFIX": str(prefix), "PATH": "/usr/bin:/bin"}, stdin=script.encode()
    )
    by_bash = dict(line.partition("=")[::2] for line in done.stdout.decode().split("\0") if line)

    shells_own = {*BASIC, "PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    assert added(activation({"x.sh": script}, paths=paths, prefix=str(prefix))) == {
        name: value
        for name, value in by_bash.items()
        if name not in shells_own and (value or "BACKUP" not in name)
    }


def test_a_prefix_with_a_space_is_no_trouble() -> None:
    found = activation({"x.sh": LIBXML2}, prefix="/opt/my  env")

    assert found.variables["XML_CATALOG_FILES"] == (
        "file:///opt/my%20%20env/etc/xml/catalog file:///etc/xml/catalog"
    )


def test_scripts_run_in_the_order_of_their_names() -> None:
    found = activation({"b.sh": "export A=${A}b", "a.sh": "export A=${A}a", "~c.sh": "A=${A}c"})

    assert added(found) == {"A": "abc"}


def test_scripts_of_other_shells_are_ignored() -> None:
    found = activation({"x.csh": "setenv A 1", "x.fish": "set -gx A 1", "x.ps1": "$Env:A = 1"})

    assert added(found) == {}
    assert found.problems == ()


def test_package_variables_then_the_files_own_then_scripts() -> None:
    found = activation(
        {
            "etc/conda/env_vars.d/b.json": json.dumps({"A": "b", "B": "b"}),
            "etc/conda/env_vars.d/a.json": json.dumps({"A": "a", "C": "a", "D": "a"}),
            "x.sh": 'export D="$D and script" E="$F"',
        },
        variables={"C": "file", "F": "file"},
    )

    assert added(found) == {
        "A": "b",
        "B": "b",
        "C": "file",
        "D": "a and script",
        "E": "file",
        "F": "file",
    }


def test_variables_that_conda_has_unset_are_left_out() -> None:
    assert added(activation({}, variables={"A": "***unset***", "B": ""})) == {"B": ""}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "expected a mapping"),
        ('{"A": 1}', "A: expected a string"),
        ('{"A B": "1"}', "'A B' is not a variable"),
        ('{"A": "\\u0000"}', "'A' is not a variable"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_broken_package_variables_are_reported(text: str, reason: str) -> None:
    found = activation({"etc/conda/env_vars.d/x.json": text})

    assert added(found) == {}
    (problem,) = found.problems
    assert problem.startswith("etc/conda/env_vars.d/x.json: cannot be compiled")
    assert reason in problem


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("export PATH=$CONDA_PREFIX/lib/bin:$PATH", ("/opt/env/lib/bin", "/opt/env/bin")),
        ('PATH="/a:${PATH}"', ("/a", "/opt/env/bin")),
        ("PATH=$CONDA_PREFIX/bin:$PATH", ("/opt/env/bin",)),
    ],
)
def test_directories_before_path_are_kept_apart(script: str, path: tuple[str, ...]) -> None:
    found = activation({"x.sh": script})

    assert found.path == path
    assert (added(found), found.problems) == ({}, ())


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("PATH=$PATH:/x", "PATH: cannot be compiled into image variables: a script adds /x behind"),
        ("PATH=/x", "PATH: cannot be compiled into image variables: a script sets it without"),
        ("export A=$PATH", "A: cannot be compiled into image variables: it contains the PATH"),
    ],
)
def test_what_depends_on_the_base_images_path_is_reported(script: str, problem: str) -> None:
    found = activation({"x.sh": script})

    assert added(found) == {}
    assert found.problems[0].startswith(problem)


def test_what_was_saved_of_nothing_is_dropped() -> None:
    script = "export CONDA_BACKUP_CC= CC_CONDA_BACKUP= _CONDA_SET_X= X_BACKUP= X_PREV= KEPT="

    assert added(activation({"x.sh": script})) == {"KEPT": ""}


def test_the_same_input_gives_the_same_output() -> None:
    scripts = {"b.sh": GDAL, "a.sh": LIBXML2}

    first = activation(scripts, paths=("share/gdal/a", "share/gdal/b"))
    second = activation(dict(reversed(scripts.items())), paths=("share/gdal/b", "share/gdal/a"))

    assert first == second
    assert list(first.variables) == sorted(first.variables)
