"""Whatever development brings, asks for or depends on, prod's layers are the same bytes."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

import pytest

from condabox.oci.layout import ImageLayout
from tests.fakes.devtools import development_packages, write_tools
from tests.fakes.elf import make_library
from tests.fakes.images import make_image
from tests.fakes.packages import File, make_package
from tests.fakes.project import make_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.packages import Shipped
    from tests.fakes.project import Project

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
PYTHON: dict[str, Shipped] = {
    f"{LIBRARY}/site-packages/README.txt": "",
    f"bin/{LIBRARY.removeprefix('lib/')}": File(
        f'#!/bin/sh\nexec {sys.executable} "$@"\n', executable=True
    ),
}


def project_of(folder: Path, *archives: Path, specs: list[str], section: str) -> Project:
    """Return a project of ``archives`` and of what development always has."""
    every = [
        *archives,
        make_package(folder, "python", platform.python_version(), files=PYTHON),
        *development_packages(folder),
    ]
    project = make_project(folder / "project", archives=every, specs=specs, section=section)
    write_tools(project.root)
    return project


def with_prod_below(project: Project, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build both, and return them, prod's layers being the first of development's."""
    prod: dict[str, Any] = project.build(*arguments)
    dev: dict[str, Any] = project.build("--dev", *arguments)
    (first,), (second,) = prod["images"], dev["images"]
    layers = [[layer["digest"] for layer in image["layers"]] for image in (first, second)]
    assert layers[1][: len(layers[0])] == layers[0]
    return first, second


@pytest.mark.parametrize(
    ("needed", "gamma"),
    [
        pytest.param(
            ["libshared.so.1"],
            {"lib/libgamma.so": make_library(needed=["libGL.so.1"])},
            id="development-alone-asks-the-base",
        ),
        pytest.param(
            ["libshared.so.1", "libGL.so.1"],
            {"lib/libGL.so.1": make_library(soname="libGL.so.1")},
            id="development-brings-what-prod-lacks",
        ),
    ],
)
def test_what_prod_finds_in_the_base_is_the_same(
    tmp_path: Path, needed: list[str], gamma: dict[str, Shipped]
) -> None:
    """Whether the base is asked decides which copy of a library may go."""
    alpha: dict[str, Shipped] = {
        "lib/libalpha.so": make_library(needed=needed),
        "opt/private/libshared.so.1": make_library(soname="libshared.so.1"),
    }
    there = ("bin/sh", "etc/passwd", "lib64/ld-linux-x86-64.so.2")
    libraries = ("usr/lib/libshared.so.1", "usr/lib/libGL.so.1")
    base = make_image(tmp_path / "made", dict.fromkeys((*there, *libraries), b""))
    ImageLayout.create(tmp_path / "base").add([base], name="base")
    project = project_of(
        tmp_path,
        make_package(tmp_path, "alpha", files=alpha),
        make_package(tmp_path, "gamma", files=gamma),
        specs=["alpha"],
        section=f"  base: oci:{tmp_path / 'base'}\n  prune: {{drop: ['opt/private/**']}}\n"
        "  dev: {dependencies: [gamma]}\n",
    )

    prod, dev = with_prod_below(project)

    assert (prod["warnings"], dev["warnings"]) == ([], [])
    asked_by_prod = "libGL.so.1" in needed
    assert ("drop" in prod["pruned"]) is asked_by_prod


def test_the_package_of_prod_that_has_a_path_is_the_same(tmp_path: Path) -> None:
    """Who comes last among packages that do not need each other depends on who needs them."""
    project = project_of(
        tmp_path,
        *(
            make_package(tmp_path, name, noarch="generic", files={"share/x": name})
            for name in ("alpha", "beta")
        ),
        make_package(tmp_path, "gamma", noarch="generic", depends=["alpha"]),
        specs=["alpha", "beta"],
        section="  dev: {dependencies: [gamma]}\n",
    )

    prod, dev = with_prod_below(project)

    assert dev["warnings"] == prod["warnings"] != []


@pytest.mark.parametrize("profile", ["safe", "slim"])
def test_development_s_python_compiles_nothing_of_prod(tmp_path: Path, profile: str) -> None:
    """Prod may have sources, and no Python."""
    folder = f"{LIBRARY}/site-packages"
    files: dict[str, Shipped] = {f"{folder}/a.py": "x = 1\n", f"{folder}/a.js.map": "{}"}
    project = project_of(
        tmp_path,
        make_package(tmp_path, "alpha", noarch="generic", files=files),
        specs=["alpha"],
        section="  dev: {dependencies: [python]}\n",
    )

    with_prod_below(project, "--prune", profile)


@pytest.mark.parametrize("profile", ["none", "safe"])
@pytest.mark.parametrize("variant", [(), ("--dev",)], ids=["prod", "dev"])
def test_what_prod_has_no_python_for_is_refused_with_development_s(
    tmp_path: Path, profile: str, variant: tuple[str, ...]
) -> None:
    project = project_of(
        tmp_path,
        make_package(tmp_path, "alpha", noarch="python", files={"site-packages/a.txt": "a"}),
        specs=["alpha"],
        section="  dev: {dependencies: [python]}\n",
    )

    done = project.run("build", *variant, "environment.yml", "-o", "image", "--prune", profile)

    assert done.returncode == 6, done.stderr
    assert "the environment has none" in done.stderr
