"""What the user asked a build for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.backends.docker.cache import CacheOptions

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.envfile.section import PruneProfile
    from condabox.oci.compress import Compression
    from condabox.platforms import Platform


class LockPolicy(StrEnum):
    """What a build may do about its lock file."""

    MAKE = "make"
    """Make a missing one; a stale one is an error."""
    LOCKED = "locked"
    """Neither may it be missing nor stale."""
    FROZEN = "frozen"
    """Use it as it is."""


class Backend(StrEnum):
    """What builds."""

    DIRECT = "direct"
    """Condabox itself."""
    DOCKER = "docker"
    """BuildKit, which runs a Dockerfile."""


class Variant(StrEnum):
    """Which of an environment's images."""

    PROD = "prod"
    DEV = "dev"
    """The same layers, and on top of them what is locked for development."""

    @property
    def categories(self) -> frozenset[str]:
        """The categories of the lock that the image gets."""
        return frozenset({"main"} if self is Variant.PROD else {"main", "dev"})

    @property
    def tag(self) -> str:
        """The tag of an image that nobody gave a name."""
        return "latest" if self is Variant.PROD else "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """The whole request.

    ``environment`` is an environment file, or else a lock file of any tool, which is then all that
    there is.  ``lock_file`` is a lock to use instead of the environment file's own;
    ``lock_environment`` is one of a pixi.lock's environments.
    """

    environment: Path
    lock_file: Path | None = None
    lock_environment: str | None = None
    names: tuple[str, ...]
    """References for the image; ``NAME:latest`` or ``NAME:dev`` where there are none."""
    platforms: tuple[Platform, ...]
    """The host's, or else the environment file's first, where there are none."""
    base: str | None
    cuda: str | None = None
    """What the image is to say of CUDA instead of the environment file: a version, or ``none``."""
    prune: PruneProfile | None = None
    """What to leave out instead of the environment file's profile."""
    output: Path | None
    load: bool
    unasked: bool = True
    """Whether a Docker that answers gets it, too, where nobody says a place."""
    push: bool = False
    """To the registries of ``names``."""
    lock_policy: LockPolicy
    variant: Variant = Variant.PROD
    backend: Backend = Backend.DIRECT
    cache: CacheOptions = field(default_factory=CacheOptions)
    """Of the backend `Backend.DOCKER`."""
    budget: int
    compression: Compression
    epoch: int | None
