"""The lock file: conda-lock's unified format, version 1, and what condabox keeps in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from condabox.errors import LockError
from condabox.platforms import PLATFORM_OF_SUBDIR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.inputs import LockInputs

FORMAT_VERSION = "1"
"""The version of conda-lock's format, and of the ``condabox`` entries in its custom metadata."""

FORMAT_KEY = "condabox"
BASE_KEY = "condabox-base"
DIGEST_KEY = "condabox-base-digest-"
"""Followed by a subdir."""
SIZES_KEY = "condabox-sizes-"
"""Followed by a subdir; the value is a JSON object of conda packages' names and sizes in bytes."""

PROD = "main"
"""The category of what is always installed."""

Manager = Literal["conda", "pip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package, pinned to a single archive.

    ``url`` is canonical: the channel's or index's own, without credentials.  ``dependencies`` are
    names, sorted, without virtual packages.  ``size`` is the archive's, in bytes, where the lock
    tells it.
    """

    name: str
    version: str
    manager: Manager
    url: str
    sha256: str
    category: str
    dependencies: tuple[str, ...]
    size: int | None = None

    @property
    def filename(self) -> str:
        """The archive's own name; never a path."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])

    @property
    def build(self) -> str:
        """The build string of a conda package, as its filename tells; nothing for a wheel."""
        if self.manager == "pip":
            return ""
        stem = self.filename.removesuffix(".conda").removesuffix(".tar.bz2")
        return stem.rpartition("-")[2]

    @property
    def subdir(self) -> str:
        """Where in its channel a conda package lies: ``linux-64``, ``noarch``; "" for a wheel."""
        if self.manager == "pip":
            return ""
        return urlsplit(self.url).path.rpartition("/")[0].rpartition("/")[2]

    @property
    def prod(self) -> bool:
        """Whether every variant of an image has it."""
        return self.category == PROD

    @property
    def channel(self) -> str:
        """The URL of a conda package's channel; "" for a wheel."""
        return self.url.rsplit("/", 2)[0] if self.manager == "conda" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedEnvironment:
    """Everything that is installed for one subdir, sorted by manager and name.

    ``channels`` are the subdir's own where the lock tells them, and else the whole file's.
    """

    subdir: str
    channels: tuple[str, ...]
    packages: tuple[LockedPackage, ...]

    @property
    def python(self) -> LockedPackage | None:
        """The environment's interpreter, where it has one."""
        return next((p for p in self.packages if (p.manager, p.name) == ("conda", "python")), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFile:
    """A lock file as it was read.

    ``inputs`` and ``base_digests`` are by subdir; they are empty, and ``base`` is None, in a file
    that conda-lock wrote for somebody else.  A package that is locked for several categories, none
    of them ``main``, is there once for each.  ``intact`` are the subdirs that have exactly the
    packages that condabox locked from their ``inputs``, and ``pinned`` are those whose base is the
    one that condabox locked.  ``channels`` are those of all subdirs.
    """

    path: Path
    digest: str
    """SHA-256 of the file, in hexadecimal."""
    channels: tuple[str, ...]
    subdirs: tuple[str, ...]
    packages: Mapping[str, tuple[LockedPackage, ...]]
    inputs: Mapping[str, LockInputs]
    base: str | None
    base_digests: Mapping[str, str]
    intact: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()

    @classmethod
    def empty(cls, path: Path) -> LockFile:
        """Return what stands for a lock file that is not there."""
        return cls(
            path=path,
            digest="",
            channels=(),
            subdirs=(),
            packages={},
            inputs={},
            base=None,
            base_digests={},
        )

    @property
    def environments(self) -> Mapping[str, LockedEnvironment]:
        """Every subdir's packages of all categories together."""
        return {subdir: self._environment(subdir, categories=None) for subdir in self.subdirs}

    @property
    def prod_of_images(self) -> tuple[LockedEnvironment, ...]:
        """What every image has, for each subdir that there are images of."""
        return tuple(
            self._environment(subdir, categories=frozenset({PROD}))
            for subdir in self.subdirs
            if subdir in PLATFORM_OF_SUBDIR
        )

    @property
    def categories(self) -> frozenset[str]:
        """The categories that any package has."""
        return frozenset(p.category for found in self.packages.values() for p in found)

    def environment(self, subdir: str, *, categories: frozenset[str]) -> LockedEnvironment:
        """Return the packages of ``categories``; raise LockError when ``subdir`` is not locked."""
        if subdir not in self.packages:
            known = ", ".join(self.subdirs)
            raise LockError(
                f"{self.path} has no packages for {subdir}, only for {known}",
                hint=f"add {subdir} to `platforms:` of the environment file "
                "and run `condabox lock`",
            )
        return self._environment(subdir, categories=categories)

    def _environment(self, subdir: str, *, categories: frozenset[str] | None) -> LockedEnvironment:
        # Of a package that is there for several categories, the first one counts.
        chosen: dict[tuple[str, str], LockedPackage] = {}
        for package in self.packages[subdir]:
            if categories is None or package.category in categories:
                chosen.setdefault((package.manager, package.name), package)
        made_from = self.inputs.get(subdir)
        return LockedEnvironment(
            subdir=subdir,
            channels=made_from.channels if made_from else self.channels,
            packages=tuple(chosen.values()),
        )


def lock_path(environment: Path) -> Path:
    """Return where the lock of an environment file is: ``envs/ai.conda-lock.yml``."""
    return environment.parent / f"{environment.stem}.conda-lock.yml"
