"""The packages that development images ask for, by name alone: nothing of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.elf import make_library
from tests.fakes.packages import File, make_package
from tests.fakes.project import make_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.packages import Shipped
    from tests.fakes.project import Project

PYTHON = "3.12.4"
ENVIRONMENT = ("ipykernel", "pip")
"""What the environment itself gets."""
TOOLS = ("curl", "git", "jupyterlab", "nss_wrapper", "openssh", "procps-ng", "rsync", "tini")
"""What the example of a tools file names."""


def python_package(folder: Path) -> Path:
    """Write a package that is called like Python."""
    program = File("#!/bin/sh\n", executable=True)
    return make_package(folder, "python", PYTHON, noarch="generic", files={"bin/python": program})


def development_packages(folder: Path) -> Iterator[Path]:
    """Write all but `python_package`, on which Jupyter depends; each has a program."""
    for name in (*ENVIRONMENT, *TOOLS):
        program = File(f"#!/bin/sh\necho {name}\n", executable=True)
        depends = ["python"] if name == "jupyterlab" else []
        yield make_package(
            folder, name, noarch="generic", files={f"bin/{name}": program}, depends=depends
        )


def write_tools(folder: Path, *, more: str = "") -> Path:
    """Write a tools file with the least that there can be, for one platform; ``more`` is YAML."""
    path = folder / "dev-tools.yml"
    path.write_text(
        "name: dev-tools\nchannels: [conda-forge]\nplatforms: [linux-64]\n"
        f"dependencies: [git, jupyterlab, openssh, tini]\n{more}"
    )
    return path


def development_project(folder: Path) -> Project:
    """Return a project below ``folder`` of an environment that names alpha, and not beta.

    Each of both needs a library that may be the base's.
    """
    packages = folder / "packages"
    archives = [
        python_package(packages),
        *development_packages(packages),
        *(
            make_package(packages, name, noarch="generic", files=_files(name))
            for name in ("alpha", "beta")
        ),
    ]
    return make_project(
        folder / "project", archives=archives, specs=["alpha"], section="  dev: {}\n"
    )


def configure(project: Project, section: str, *, spec: str = "alpha") -> None:
    """Let the environment file of ``project`` have ``section``, indented by two, and ``spec``."""
    text = project.environment.read_text().partition("condabox:")[0].replace("alpha", spec)
    project.environment.write_text(f"{text}condabox:\n{section}")


def _files(name: str) -> dict[str, Shipped]:
    return {f"share/{name}": name, f"lib/lib{name}.so": make_library(needed=["libz.so.1"])}
