"""Lock files as values, of packages that exist in name only.

old = lock_file({"linux-64": [conda("numpy", "1.0"), wheel("six")]}, asked=["numpy"])
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.inputs import LockInputs
from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORGE = "https://conda.anaconda.org/conda-forge"


def conda(
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    channel: str = FORGE,
    subdir: str = "linux-64",
    suffix: str = ".conda",
    category: str = "main",
    sha256: str | None = None,
    size: int | None = 1_000_000,
) -> LockedPackage:
    filename = f"{name}-{version}-{build}{suffix}"
    return LockedPackage(
        name=name,
        version=version,
        manager="conda",
        url=f"{channel}/{subdir}/{filename}",
        sha256=hashlib.sha256(filename.encode()).hexdigest() if sha256 is None else sha256,
        category=category,
        dependencies=(),
        size=size,
    )


def wheel(
    name: str,
    version: str = "1.0",
    *,
    tags: str = "py3-none-any",
    host: str = "https://files.example",
    category: str = "main",
) -> LockedPackage:
    filename = f"{name.replace('-', '_')}-{version}-{tags}.whl"
    return LockedPackage(
        name=name,
        version=version,
        manager="pip",
        url=f"{host}/packages/{filename}",
        sha256=hashlib.sha256(filename.encode()).hexdigest(),
        category=category,
        dependencies=(),
    )


def lock_file(
    packages: Mapping[str, Iterable[LockedPackage]],
    *,
    path: str = "envs/ai.conda-lock.yml",
    asked: Iterable[str] = (),
    asked_of_pip: Iterable[str] = (),
    base: str | None = "ubuntu:24.04",
    base_digests: Mapping[str, str] | None = None,
) -> LockFile:
    """Return a lock whose packages are by subdir; ``asked`` are match specs of category main."""
    inputs = LockInputs(
        channels=(FORGE,),
        conda={"main": tuple(asked)},
        pip={"main": tuple(asked_of_pip)},
        virtual_packages={},
    )
    return LockFile(
        path=Path(path),
        digest="00" * 32,
        channels=(FORGE,),
        subdirs=tuple(sorted(packages)),
        packages={subdir: tuple(found) for subdir, found in packages.items()},
        inputs=dict.fromkeys(packages, inputs),
        base=base,
        base_digests=base_digests or {},
    )
