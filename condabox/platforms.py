"""The one table where conda's subdirs meet OCI's platforms."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from condabox.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An OCI platform, as in image-spec image-index.md."""

    os: str
    architecture: str
    variant: str | None = None

    def __str__(self) -> str:
        """Print as ``os/architecture[/variant]``."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``os/architecture[/variant]``; raise SpecError when it is not one."""
        match text.split("/"):
            case [os, architecture] if os and architecture:
                return cls(os=os, architecture=architecture)
            case [os, architecture, variant] if os and architecture and variant:
                return cls(os=os, architecture=architecture, variant=variant)
        raise SpecError(
            f"{text!r} is not a platform", hint="write it like linux/amd64 or linux/arm64"
        )


PLATFORM_OF_SUBDIR = {
    "linux-64": Platform(os="linux", architecture="amd64"),
    "linux-aarch64": Platform(os="linux", architecture="arm64"),
    "linux-ppc64le": Platform(os="linux", architecture="ppc64le"),
}
"""The subdirs that images can be made for."""

SUBDIRS = (*PLATFORM_OF_SUBDIR, "osx-64", "osx-arm64", "win-64")
"""The subdirs that can be locked."""

_SUBDIR_OF_HOST = {
    ("linux", "x86_64"): "linux-64",
    ("linux", "aarch64"): "linux-aarch64",
    ("linux", "ppc64le"): "linux-ppc64le",
    ("darwin", "x86_64"): "osx-64",
    ("darwin", "arm64"): "osx-arm64",
    ("win32", "AMD64"): "win-64",
}


def platform_of_subdir(subdir: str) -> Platform:
    """Return the platform of images made from ``subdir``; raise SpecError when there is none."""
    try:
        return PLATFORM_OF_SUBDIR[subdir]
    except KeyError:
        raise SpecError(
            f"no image can be made for {subdir}", hint=f"one of {', '.join(PLATFORM_OF_SUBDIR)}"
        ) from None


def subdir_of_platform(image_platform: Platform) -> str:
    """Return the subdir whose packages run on ``image_platform``; raise SpecError for none."""
    for subdir, candidate in PLATFORM_OF_SUBDIR.items():
        if (candidate.os, candidate.architecture) == (
            image_platform.os,
            image_platform.architecture,
        ):
            return subdir
    known = ", ".join(map(str, PLATFORM_OF_SUBDIR.values()))
    raise SpecError(f"conda has no packages for {image_platform}", hint=f"one of {known}")


def subdir_of(text: str) -> str:
    """Return the subdir that ``text`` names, itself or by the platform of its images."""
    name = text.strip()
    return name if name in SUBDIRS else subdir_of_platform(Platform.parse(name))


def host_subdir() -> str:
    """Return the subdir of the machine that condabox runs on."""
    try:
        return _SUBDIR_OF_HOST[sys.platform, platform.machine()]
    except KeyError:
        raise SpecError(f"conda has no packages for {sys.platform} {platform.machine()}") from None
