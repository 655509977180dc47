"""What conda-lock is told about a target before it resolves for it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from packaging.markers import Marker

from condabox.platforms import SUBDIRS

with warnings.catch_warnings():
    # the conda that comes along in conda-lock is older than Python's warnings
    warnings.simplefilter("ignore")
    from conda_lock.interfaces.vendored_poetry import PoetryDependency, PoetryPackage, Pool
    from conda_lock.interfaces.vendored_poetry_markers import parse_marker

    from condabox.conda.locking.condalock_worker import PoolAroundConda, Target, parse_requirement

MARKERS = (
    "platform_machine == 'x86_64'",
    "platform_machine == 'aarch64' or platform_machine == 'arm64'",
    "platform_machine in 'ppc64le AMD64'",
    "implementation_name == 'cpython' and python_version >= '3.12'",
    "platform_python_implementation != 'CPython'",
    "sys_platform == 'linux' and platform_machine != 'x86_64'",
    "python_full_version < '3.12.4' or implementation_version >= '3.13'",
)


def parse(requirement: str, manager: str = "pip") -> Any:
    return parse_requirement(requirement, mapping_url="", manager=manager)


@pytest.mark.parametrize("subdir", SUBDIRS)
@pytest.mark.parametrize("marker", MARKERS)
def test_a_target_reads_markers_as_pip_would_there(subdir: str, marker: str) -> None:
    known = Target(platform=subdir, python_version="3.12.4").get_marker_env()

    found = parse_marker(marker).validate(known)

    assert found == Marker(marker).evaluate({**known, "extra": ""})


def test_a_requirement_with_an_address_keeps_its_parts() -> None:
    address = "http://files.example/my_app-1.0-py3-none-any.whl#sha256=0a"
    found = parse(f"My_App[fast] @ {address} ; os_name == 'nt'")

    assert (found.name, found.url, found.hashes, found.extras, found.markers) == (
        "my-app",
        "http://files.example/my_app-1.0-py3-none-any.whl",
        ["sha256:0a"],
        ["fast"],
        'os_name == "nt"',
    )


@pytest.mark.parametrize("fragment", ["", "#", "#md5=00", "#egg=app"])
def test_an_address_without_sha256_has_none(fragment: str) -> None:
    assert parse(f"app @ https://files.example/app-1.0-py3-none-any.whl{fragment}").hashes == [""]


def test_other_requirements_are_read_by_conda_lock() -> None:
    found = parse("App[fast]>=1,<2; os_name == 'nt'")

    assert (found.name, found.version, found.extras, found.markers) == (
        "app",
        "<2,>=1",
        ["fast"],
        "os_name == 'nt'",
    )


def test_only_conda_s_own_version_goes_by_the_name_of_a_conda_package() -> None:
    numpy = PoetryPackage("numpy", version="1.26.0")
    pool = PoolAroundConda(Pool(), installed=[numpy])

    assert pool.find_packages(PoetryDependency("numpy", ">=1")) == [numpy]
    assert pool.find_packages(PoetryDependency("numpy", ">=2")) == []
    assert pool.find_packages(PoetryDependency("app", "*")) == []
    assert pool.package("NumPy", numpy.version) is numpy
