"""Which pip requirements are for a platform, by their markers."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from condabox.conda.envfile.markers import marker_environment, may_hold
from condabox.conda.envfile.spec import parse_environment
from condabox.errors import SpecError
from condabox.platforms import SUBDIRS

with warnings.catch_warnings():
    # the conda that comes along in conda-lock is older than Python's warnings
    warnings.simplefilter("ignore")
    from conda_lock.interfaces.vendored_poetry_markers import parse_marker

    from condabox.conda.locking.condalock_worker import Target

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec

PYTHONS = ("3.11.9", "3.12.4", "3.14.0")
OF_THE_PLATFORM = (
    "sys_platform == 'linux'",
    "sys_platform != 'darwin'",
    "platform_system == 'Windows'",
    "os_name == 'nt'",
    "platform_machine == 'x86_64'",
    "platform_machine in 'aarch64 arm64'",
    "implementation_name == 'pypy'",
)
OF_PYTHON = (
    "python_version < '3.12'",
    "python_full_version >= '3.12.4'",
    "implementation_version >= '3.9'",
)
OF_PYTHON_AND_TRUE = re.compile(r"(python|implementation)_\w*version [<>=]+ '[\d.]+'")
OF_EXTRAS = ("extra == 'all'", "extra != 'all'")


def joined(atoms: tuple[str, ...]) -> st.SearchStrategy[str]:
    pairs = st.sampled_from(["({} and {})", "({} or {})"])
    return st.recursive(
        st.sampled_from(atoms),
        lambda some: st.builds(str.format, pairs, some, some),
        max_leaves=4,
    )


def environment(folder: Path, *requirements: str) -> EnvironmentSpec:
    lines = "".join(f'    - "{requirement}"\n' for requirement in requirements)
    text = f"name: e\nchannels: [c]\ndependencies:\n  - pip:\n{lines}"
    return parse_environment(text, path=folder / "environment.yml")


@pytest.mark.parametrize("subdir", SUBDIRS)
def test_a_platform_is_here_what_it_is_in_conda_lock(subdir: str) -> None:
    target = Target(platform=subdir, python_version="3.12.4").get_marker_env()

    assert marker_environment(subdir).items() <= target.items()


@given(marker=joined(OF_THE_PLATFORM), subdir=st.sampled_from(SUBDIRS))
def test_a_marker_of_the_platform_holds_where_it_holds_in_conda_lock(
    marker: str, subdir: str
) -> None:
    target = Target(platform=subdir, python_version="3.12.4").get_marker_env()

    found = may_hold(Marker(marker), marker_environment(subdir))
    assert found == parse_marker(marker).validate(target)


@given(marker=joined((*OF_THE_PLATFORM, *OF_PYTHON)), subdir=st.sampled_from(SUBDIRS))
def test_a_marker_may_hold_where_it_does_with_some_python(marker: str, subdir: str) -> None:
    """What nothing but Python decides is true with one of these and false with another."""
    known = marker_environment(subdir)
    possible = may_hold(Marker(marker), known)
    always = Marker(OF_PYTHON_AND_TRUE.sub("os_name != 'x'", marker))

    assert possible == always.evaluate(dict(known))


@given(
    marker=joined((*OF_THE_PLATFORM, *OF_PYTHON, *OF_EXTRAS)),
    subdir=st.sampled_from(SUBDIRS),
    python=st.sampled_from(PYTHONS),
)
def test_a_marker_holds_as_pip_has_it_where_all_is_known(
    marker: str, subdir: str, python: str
) -> None:
    target = Target(platform=subdir, python_version=python).get_marker_env()
    holds = Marker(marker).evaluate({**target, "extra": ""})

    assert may_hold(Marker(marker), target) == holds
    assert may_hold(Marker(marker), marker_environment(subdir)) or not holds


@pytest.mark.parametrize(
    "marker",
    [
        "sys_platform ~= 'linux'",
        "os_name === 'posix'",
        "'a' == 'b'",
        "platform_release >= '6'",
        "os_name == 'nt' or platform_version == '6'",
        "'3.12' <= python_version and (os_name == 'nt' or os_name == 'posix')",
        "os_name == '(' or os_name  not   in 'nt and os_name'",
    ],
)
def test_what_is_not_known_may_hold(marker: str) -> None:
    assert may_hold(Marker(marker), marker_environment("linux-64"))


@pytest.mark.parametrize(
    "marker",
    [
        "os_name == 'nt' and platform_release >= '6'",
        "os_name == 'nt' and python_version >= '3'",
        "os_name == 'posix' and extra == 'all'",
        "os_name == 'nt' or extra == 'all'",
        "os_name == \"nt' or python_version == '3\"",
    ],
)
def test_what_cannot_hold_whatever_else_is_known_does_not(marker: str) -> None:
    assert not may_hold(Marker(marker), marker_environment("linux-64"))


def test_a_name_may_be_asked_for_once_on_each_platform(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        "foo==1; sys_platform == 'linux' and platform_machine == 'x86_64'",
        "foo==2; platform_machine == 'aarch64'",
        "Foo==3; sys_platform == 'win32'",
        "bar; python_version < '3.12'",
    )

    assert [len(found.pip_requirements(subdir)) for subdir in ("linux-64", "osx-64")] == [2, 1]
    assert found.pip_requirements("linux-aarch64") == (
        "foo==2; platform_machine == 'aarch64'",
        "bar; python_version < '3.12'",
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("foo==1; sys_platform == 'linux'", "foo==2; platform_machine == 'x86_64'"),
        ("foo==1; sys_platform == 'linux'", "foo==2"),
        ("foo==1; python_version < '3.12'", "foo==2; python_version >= '3.12'"),
    ],
    ids=["both", "everywhere", "python"],
)
def test_markers_that_do_not_exclude_each_other_by_the_platform_are_refused(
    tmp_path: Path, first: str, second: str
) -> None:
    with pytest.raises(SpecError, match="foo is asked for on line 5 and again on line 6") as caught:
        environment(tmp_path, first, second)

    assert "markers of the platform" in str(caught.value.hint)
    of_python = "python" in first and "python" in second
    assert str(caught.value.hint).startswith("Python's version is only known") == of_python


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rich<13; sys_platform == 'win32' and python_version >= '3.8'", "rich; os_name != 'nt'"),
        (
            "rich<13; python_version < '3.12' and sys_platform == 'linux'",
            "rich; python_version >= '3.12' and sys_platform != 'linux'",
        ),
    ],
    ids=["one", "both"],
)
def test_markers_that_exclude_each_other_may_ask_for_a_python_too(
    tmp_path: Path, first: str, second: str
) -> None:
    found = environment(tmp_path, first, second)

    assert {len(found.pip_requirements(subdir)) for subdir in SUBDIRS} == {1}
