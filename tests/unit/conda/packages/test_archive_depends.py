from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockfile import LockedEnvironment
from condabox.conda.packages.archive_depends import with_dependencies
from condabox.errors import InstallError
from condabox.events import SilentReporter
from condabox.settings import Settings
from tests.fakes.packages import locked, make_package

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage


def at_home(archive: Path) -> LockedPackage:
    """Return the package of ``archive``, locked where it lies and without dependencies."""
    package = locked(archive)
    folder = archive.parent / package.subdir
    folder.mkdir(exist_ok=True)
    (folder / archive.name).write_bytes(archive.read_bytes())
    return replace(package, url=(folder / archive.name).as_uri(), dependencies=())


def complete(tmp_path: Path, *packages: LockedPackage) -> dict[str, tuple[str, ...]]:
    found = with_dependencies(
        LockedEnvironment(subdir="linux-64", channels=(), packages=packages),
        settings=Settings(cache_dir=tmp_path / "cache"),
        reporter=SilentReporter(),
    )
    return {package.name: package.dependencies for package in found.packages}


def test_archives_tell_what_the_lock_does_not(tmp_path: Path) -> None:
    needs = ["python >=3.12,<3.13.0a0", "__glibc >=2.17", "conda-forge::libblas", "python"]
    numpy = at_home(make_package(tmp_path, "numpy", depends=needs))
    libblas = at_home(make_package(tmp_path, "libblas"))

    assert complete(tmp_path, libblas, numpy) == {"libblas": (), "numpy": ("libblas", "python")}


def test_an_archive_is_read_once(tmp_path: Path) -> None:
    numpy = at_home(make_package(tmp_path, "numpy", depends=["python"]))
    before = complete(tmp_path, numpy)
    gone = replace(numpy, url="file:///nowhere/linux-64/numpy-1.0-0.conda")

    assert complete(tmp_path, gone) == before == {"numpy": ("python",)}


def test_a_lock_that_tells_any_is_left_as_it_is(tmp_path: Path) -> None:
    numpy = replace(at_home(make_package(tmp_path, "numpy", depends=["x"])), dependencies=("y",))
    other = replace(numpy, name="other", dependencies=(), sha256="00" * 32)

    assert complete(tmp_path, numpy, other) == {"numpy": ("y",), "other": ()}


def test_wheels_keep_what_they_have(tmp_path: Path) -> None:
    wheel = replace(locked(make_package(tmp_path, "tool")), name="wheel", manager="pip")

    assert complete(tmp_path, wheel) == {"wheel": wheel.dependencies}


def test_dependencies_of_another_shape_are_refused(tmp_path: Path) -> None:
    archive = make_package(tmp_path, "numpy", index={"depends": "python"})

    with pytest.raises(InstallError, match="depends: expected a list, got a string"):
        complete(tmp_path, at_home(archive))


def test_the_archive_is_verified_first(tmp_path: Path) -> None:
    numpy = at_home(make_package(tmp_path, "numpy"))

    with pytest.raises(InstallError, match="has sha256"):
        complete(tmp_path, replace(numpy, sha256=hashlib.sha256(b"").hexdigest()))
