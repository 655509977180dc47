"""An environment with a pip section, a channel with little more than Python, and an index."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.events import SilentReporter
from condabox.settings import Settings
from condabox.workflows.lock import LockRequest, lock
from tests.fakes.channel import FakePackage, write_channel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile
    from tests.fakes.pip_index import PipIndex

FORGE = "https://conda.anaconda.org/conda-forge"
EVERY_SUBDIR = ("linux-64", "linux-aarch64", "osx-arm64", "win-64")


def python_package(name: str, version: str, *depends: str) -> FakePackage:
    """Make a conda package of a Python project, for every platform."""
    return FakePackage(name=name, version=version, subdir="noarch", depends=("python", *depends))


def names(wheels: Mapping[str, LockedPackage]) -> list[str]:
    """Return the names of ``wheels``, which are by filename, sorted."""
    return sorted(wheel.name for wheel in wheels.values())


class PipProject:
    """A folder with an environment file.

    It asks for Python and ``conda``; the channel has ``more`` besides.  ``names`` maps conda's
    names to pip's; ``settings`` name no index: pip's own configuration counts, which is empty.
    """

    def __init__(
        self,
        folder: Path,
        *,
        conda: Sequence[FakePackage] = (),
        more: Sequence[FakePackage] = (),
        names: Mapping[str, str] = {},
    ) -> None:
        self.path = folder / "env.yml"
        self.lock_path = folder / "env.conda-lock.yml"
        self.warnings: list[str] = []
        self.messages: list[str] = []
        self._conda = [package.name for package in conda]
        python = FakePackage(name="python", version="3.12.4", subdir="noarch")
        write_channel(folder / "channel", [python, python_package("pip", "24.0"), *conda, *more])
        table = {pip: {"conda_name": name, "pypi_name": pip} for name, pip in names.items()}
        mapping = folder / "names.json"
        mapping.write_text(json.dumps(table))
        self.settings = Settings(
            cache_dir=folder / "cache",
            channel_mirrors={FORGE: ((folder / "channel").as_uri(),)},
            pypi_mapping=mapping.as_uri(),
        )

    def use(self, index: PipIndex) -> None:
        """Name ``index`` in condabox's settings."""
        self.settings = replace(self.settings, pip_index_url=index.url)

    @property
    def locked(self) -> LockFile:
        return read_lock_file(self.lock_path)

    def lock(
        self,
        *pip: str,
        subdirs: Sequence[str] = ("linux-64",),
        base: str = "ubuntu:24.04",
        dev: Sequence[str] | None = None,
        solver: str | None = None,
    ) -> dict[str, dict[str, LockedPackage]]:
        """Lock ``pip`` anew, and return the wheels by subdir and filename."""
        self.lock_path.unlink(missing_ok=True)
        return self.lock_again(*pip, subdirs=subdirs, base=base, dev=dev, solver=solver)

    def lock_again(
        self,
        *pip: str,
        subdirs: Sequence[str] = ("linux-64",),
        base: str = "ubuntu:24.04",
        dev: Sequence[str] | None = None,
        solver: str | None = None,
    ) -> dict[str, dict[str, LockedPackage]]:
        """Lock ``pip``, around what is locked already, and return the wheels as `lock` does.

        ``base`` only tells the C library by its name: no image is looked for.  Without ``dev``
        there is no such section.
        """
        conda = "".join(f"  - {name}\n" for name in ("python", *self._conda))
        wheels = "".join(f"    - {json.dumps(requirement)}\n" for requirement in pip)
        section = {"base": f"oci:/nowhere/{base}"}
        development = {} if dev is None else {"dev": {"dependencies": list(dev)}}
        self.path.write_text(
            f"name: env\nchannels: [conda-forge]\nplatforms: [{', '.join(subdirs)}]\n"
            f"dependencies:\n{conda}  - pip:\n{wheels}"
            f"condabox: {json.dumps(section | development)}\n"
        )
        lock(
            LockRequest(environments=(self.path,), solver=solver),
            settings=self.settings,
            env={"HOME": str(self.path.parent)},
            reporter=_Notes(self),
        )
        packages = self.locked.packages
        return {
            subdir: {p.filename: p for p in packages[subdir] if p.manager == "pip"}
            for subdir in subdirs
        }


class _Notes(SilentReporter):
    def __init__(self, project: PipProject) -> None:
        self._project = project

    def message(self, text: str) -> None:
        self._project.messages.append(text)

    def warning(self, text: str) -> None:
        self._project.warnings.append(text)
