"""Match specs are taken where all tools read them alike, and explained where they are not."""

from __future__ import annotations

import importlib
import logging
import warnings
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rattler import MatchSpec

from condabox.conda.envfile.match_spec import package_name
from condabox.conda.envfile.reading import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = [
    "python",
    "python=3.12",
    "python 3.12.*",
    "python >=3.11,<3.14",
    "python>3.10,<3.13,!=3.11.*",
    "numpy = 1.2",
    "numpy >= 1.2, < 2",
    "numpy~=1.2",
    "numpy =1.2|=1.3",
    "numpy=1.26=py311*_0",
    "numpy==1.26=py311",
    "numpy 1.26 py311_0",
    "numpy>1.2=py_0",
    "numpy=*",
    "numpy 1!2.0",
    "numpy=1.2+local",
    "lz4 >=4",
    "libblas=*=*openblas",
    "blas * mkl",
    "_libgcc_mutex=0.1=conda_forge",
    "jupyter-lab.x=1",
    "pytorch::pytorch=2.1",
    "conda-forge/label/rc::numpy",
    "https://conda.anaconda.org/conda-forge::numpy",
    "numpy[version='>=1.2,<2',build=py*]",
    'numpy [version="1", channel=conda-forge]',
]


@cache
def conda_lock_reader() -> Callable[[str], object]:
    """Return the class that conda-lock reads match specs with, its copy of conda's."""
    logging.getLogger("conda_lock").setLevel(logging.ERROR)  # it warns of `>=1.*`
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own import
        module = importlib.import_module("conda_lock._vendor.conda.models.match_spec")
    reader: Callable[[str], object] = module.MatchSpec
    return reader


def name_for_others(spec: str) -> tuple[str, str]:
    """Return the name that conda-lock reads, and the solver."""
    name = MatchSpec(spec).name
    assert name is not None
    return getattr(conda_lock_reader()(spec), "name", ""), name.normalized


@pytest.mark.parametrize("spec", GOOD)
def test_conda_lock_and_the_solver_read_what_is_taken(spec: str) -> None:
    name = package_name(spec, at="x")

    assert name_for_others(spec) == (name, name)


def test_names_are_compared_in_lower_case() -> None:
    assert package_name(" PyYAML >=6 ", at="x") == "pyyaml"


@pytest.mark.parametrize(
    ("spec", "problem", "hint"),
    [
        pytest.param(
            "numpy>=1.2 <2",
            "'numpy>=1.2 <2' joins two limits by a space",
            "join them by a comma: numpy>=2,<3",
            id="blank-for-comma",
        ),
        pytest.param(
            "numpy=>1.2",
            "'numpy=>1.2' has its operator reversed",
            "write >= or <=",
            id="reversed",
        ),
        pytest.param(
            "numpy===1.2",
            "'numpy===1.2': '===1.2' is not a version or a limit",
            "write it like numpy=2.1, numpy>=2,<3 or numpy!=2.0.1",
            id="three-equals",
        ),
        pytest.param(
            "numpy>=1.2,",
            "'numpy>=1.2,': '' is not a version or a limit",
            "write it like numpy=2.1, numpy>=2,<3 or numpy!=2.0.1",
            id="open-end",
        ),
        pytest.param(
            "numpy (>=1.2)",
            "'numpy (>=1.2)' has parentheses",
            "conda-lock does not read them: write numpy>=2,<3",
            id="parentheses",
        ),
        pytest.param(
            "python -numpy",
            "'python -numpy' is not a match spec",
            "put a space after each dash: `- numpy`",
            id="no-space-after-dash",
        ),
        pytest.param(
            "-numpy",
            "'-numpy' is not a match spec",
            "put a space after each dash: `- numpy`",
            id="no-space-after-first-dash",
        ),
        pytest.param(
            "uvicorn[standard]",
            "'uvicorn[standard]': [standard] is not a list of key=value",
            "extras are pip's; in conda they are packages, such as uvicorn-standard",
            id="extra",
        ),
        pytest.param(
            "foo; sys_platform == 'linux'",
            "\"foo; sys_platform == 'linux'\" has a marker",
            "conda has none; put a selector behind the entry: `# [linux64]`",
            id="marker",
        ),
        pytest.param(
            "foo @ https://x.example/foo.whl",
            "'foo @ https://x.example/foo.whl' is a pip requirement",
            "move it below `- pip:`",
            id="pip-url",
        ),
        pytest.param(
            "-e .", "'-e .' is a pip requirement", "move it below `- pip:`", id="pip-editable"
        ),
        pytest.param(
            "./numpy-1.0-0.conda",
            "'./numpy-1.0-0.conda' is a package file",
            "name the package and its channel: conda-forge::numpy=2.1",
            id="file",
        ),
        pytest.param(
            "conda-forge/linux-64::numpy",
            "'conda-forge/linux-64::numpy' names a subdir, which conda-lock does not lock by",
            "use `platforms:` and selectors such as `# [linux64]`",
            id="subdir",
        ),
        pytest.param(
            "numpy[version='1', build_number=3]",
            "\"numpy[version='1', build_number=3]\": conda-lock cannot lock by build_number",
            "it knows version, build, channel",
            id="unlockable-key",
        ),
        pytest.param(
            "https://ann:secret@c.example/x::numpy",
            "holds credentials",
            "keep them out of the file, for example in ~/.netrc",
            id="credentials",
        ),
        pytest.param(
            "numpy " + "x" * 1000,
            "'numpy " + "x" * 494 + "' is too long for a match spec",
            "one package to a line: `- numpy`",
            id="long",
        ),
    ],
)
def test_a_mistake_is_explained(spec: str, problem: str, hint: str) -> None:
    with pytest.raises(FieldError) as raised:
        package_name(spec, at="dependencies[0]")

    assert str(raised.value) == f"dependencies[0]: {problem}"
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    "spec", ["*", "py*", "", "=1.2", "numpy>=1..2", "numpy=1.*.3", "numpy[]", "numpy]", "a=1=2=3"]
)
def test_what_is_no_match_spec_is_refused(spec: str) -> None:
    with pytest.raises(FieldError):
        package_name(spec, at="x")


_VERSIONS = st.sampled_from(
    ["1", "2.0", "1.26.4", "3.*", "*", "1!2", "2.0a1", "1.2+l", "1-2", "a", "1..2", "1.*.3", "_",
     "1_2", "-1", "1.", "*1", "2b*", "!1", ""]
)  # fmt: skip
_OPERATORS = st.sampled_from(
    ["", "=", "==", ">=", "<=", "<", ">", "!=", "~=", "===", "<>", " ", " = ", " >= ", " >="]
)
_LIMITS = st.builds(str.__add__, _OPERATORS, _VERSIONS)
_SPECS = st.builds(
    "{0}{1}{2}{3}{4}".format,
    st.sampled_from(["", "", "pytorch::", "conda-forge/label/x::", "https://c.example/x::"]),
    st.sampled_from(["numpy", "_x", "a-b.c", "lz4"]),
    st.lists(_LIMITS, max_size=3).flatmap(
        lambda limits: st.sampled_from([",", "|", ", ", " ,"]).map(lambda mark: mark.join(limits))
    ),
    st.sampled_from(["", "", "=py3*", " 0", " *mkl", "=h1_0", " a b"]),
    st.sampled_from(["", "", "[version='>=1,<2']", "[build=py*]", "[ version = '1' ]", "[a]"]),
)


@settings(max_examples=1000)
@given(spec=_SPECS)
@example(spec="numpy=1, =1")
@example(spec="numpy=1,  1")
def test_nothing_is_taken_that_one_of_the_tools_refuses(spec: str) -> None:
    try:
        name = package_name(spec, at="x")
    except FieldError:
        return

    assert name_for_others(spec) == (name, name)


@given(spec=st.text(alphabet="ab1=<>[]'\",|* .:-#@/\n", max_size=40))
def test_no_text_raises_anything_but_a_field_error(spec: str) -> None:
    try:
        package_name(spec, at="x")
    except FieldError as error:
        assert str(error).startswith("x: ")  # noqa: PT017  (whether it raises depends on the text)
