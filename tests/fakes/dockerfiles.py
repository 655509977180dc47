"""Images that are decided on and made of packages that exist in name only.

context = context_of([surveyed({conda("zlib"): ["lib/libz.so"]}, folder=tmp_path)])
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.backends.dockerfile.assembly import docker_context
from condabox.backends.dockerfile.context import ContextFile
from condabox.backends.dockerfile.surveyed import Development, Surveyed
from condabox.backends.survey import Survey
from condabox.base import Base
from condabox.conda.envfile.section import ImageSection
from condabox.conda.lockfiles.lockfile import LockedEnvironment
from condabox.conda.packages.conflicts import find_conflicts
from condabox.conda.packages.inventory import PackageInventory
from condabox.conda.packages.python import PythonInfo
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.plan import BuildPlan
from condabox.platforms import platform_of_subdir
from condabox.pruning.decision import Decision, Removal
from tests.fakes.images import make_image
from tests.fakes.lockfiles import lock_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.appfiles import AppEntry
    from condabox.backends.dockerfile.context import DockerContext
    from condabox.conda.lockfiles.lockfile import LockedPackage

UBUNTU = ContainerConfig(
    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    cmd=("/bin/bash",),
    labels={"org.opencontainers.image.version": "24.04"},
)
TIMESTAMP = 1_700_000_000


def surveyed(
    packages: Mapping[LockedPackage, Sequence[str]],
    *,
    folder: Path,
    name: str = "serving",
    subdir: str = "linux-64",
    section: ImageSection | None = None,
    base: str = "ubuntu:24.04",
    activation: Mapping[str, str] | None = None,
    removed: Mapping[str, str] | None = None,
    application: tuple[AppEntry, ...] = (),
    config: ContainerConfig = UBUNTU,
    asked: Sequence[str] = (),
) -> Surveyed:
    """Decide that ``packages``, in link order, become an image that has not the paths ``removed``.

    These are by path, with the name of the rule, of whatever package has them; ``activation`` is
    what the first package has of scripts, and ``asked`` what the environment file asks for.
    """
    first = next(iter(packages)).sha256
    inventories = {
        package.sha256: PackageInventory(
            paths=tuple(sorted(paths, key=str.encode)),
            archive_size=1,
            timestamp=TIMESTAMP,
            link_scripts=(),
            activation=activation or {} if package.sha256 == first else {},
        )
        for package, paths in packages.items()
    }
    image = make_image(
        folder / subdir, {"bin/sh": b""}, platform=platform_of_subdir(subdir), config=config
    )
    python = next((package for package in packages if package.name == "python"), None)
    return Surveyed(
        plan=BuildPlan(
            name=name,
            source=Path(f"envs/{name}.yml"),
            platform=platform_of_subdir(subdir),
            locked=LockedEnvironment(subdir=subdir, channels=(), packages=tuple(packages)),
            lock=lock_file({subdir: packages}, asked=asked),
            base=base,
            base_digest=str(image.digest),
            image=section or ImageSection(),
            variables={},
            budget=40,
            compression=Compression.GZIP,
            epoch=None,
        ),
        known=Survey(
            base=Base(image=image, name="docker.io/library/ubuntu:24.04"),
            packages=tuple(packages),
            python=None if python is None else PythonInfo(version=python.version),
            inventories=inventories,
            conflicts=find_conflicts(tuple(packages), inventories),
            application=application,
            decision=Decision(
                removed={
                    package.sha256: {
                        path: Removal(rule=rule, size=1)
                        for path, rule in (removed or {}).items()
                        if path in paths
                    }
                    for package, paths in packages.items()
                },
                kept={},
            ),
        ),
    )


def developed(dev: Surveyed, tools: Surveyed, *, login_shell: str = "/bin/bash") -> Surveyed:
    """Return ``dev`` with ``tools``, on a base where users log in with ``login_shell``."""
    return replace(
        dev,
        plan=replace(dev.plan, tools=tools.plan),
        development=Development(tools=tools, shell=login_shell),
    )


def context_of(
    prod: Sequence[Surveyed],
    dev: Sequence[Surveyed] = (),
    *,
    mirrors: Mapping[str, tuple[str, ...]] | None = None,
    project: Path | None = None,
) -> DockerContext:
    return docker_context(prod, dev, mirrors=mirrors or {}, project=project)


def text(context: DockerContext, path: str = "Dockerfile") -> str:
    entry = context.entries[path]
    assert isinstance(entry, ContextFile)
    return b"".join(entry.content.chunks()).decode()
