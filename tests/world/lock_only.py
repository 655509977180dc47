"""Packages of platforms that the world locks for and builds nothing for: true metadata, no files.

Developers on a Mac or on Windows install what the same lock file says.  To solve for them takes
what the packages say of themselves, and wheels of one version say the same on every platform.  The
word `lockonly` in their build strings tells these packages from real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.world.archive import Metadata
from tests.world.wheel_recipes import conda_name
from tests.world.wheels import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.world.wheels import Wheel

_TIMESTAMP = 1_700_000_000
_SUMMARY = "Metadata without files, to lock for {subdir}: {summary}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOnlyPlatform:
    """A platform as conda's solver and the markers of PEP 508 see it."""

    subdir: str
    virtual_package: str
    markers: Mapping[str, str]


LOCK_ONLY = {
    "osx-arm64": LockOnlyPlatform(
        subdir="osx-arm64",
        virtual_package="__osx >=11.0",
        markers={
            "os_name": "posix",
            "platform_machine": "arm64",
            "platform_system": "Darwin",
            "sys_platform": "darwin",
        },
    ),
    "win-64": LockOnlyPlatform(
        subdir="win-64",
        virtual_package="__win",
        markers={
            "os_name": "nt",
            "platform_machine": "AMD64",
            "platform_system": "Windows",
            "sys_platform": "win32",
        },
    ),
}


def describe_python(platform: LockOnlyPlatform, *, version: str) -> Metadata:
    """Describe an interpreter that only a solver takes for one."""
    return Metadata(
        name="python",
        version=version,
        build="lockonly_0_cpython",
        subdir=platform.subdir,
        license="Python-2.0",
        summary=_SUMMARY.format(subdir=platform.subdir, summary="no interpreter is in it"),
        timestamp=_TIMESTAMP,
        depends=(platform.virtual_package, "ca-certificates", "tzdata"),
        constrains=("python_abi 3.11.* *_cp311",),
    )


def describe_wheel(
    wheel: Wheel, platform: LockOnlyPlatform, *, projects: Mapping[str, Wheel]
) -> Metadata:
    """Describe what a platform's build of ``wheel``, another platform's, would say of itself."""
    needs = requirements(wheel, markers=platform.markers, wheels=projects)
    return Metadata(
        name=conda_name(wheel.project),
        version=wheel.version,
        build="py311lockonly_0",
        subdir=platform.subdir,
        license=wheel.license,
        summary=_SUMMARY.format(subdir=platform.subdir, summary=wheel.summary),
        timestamp=wheel.timestamp,
        depends=tuple(sorted({*needs, "python >=3.11,<3.12.0a0", "python_abi 3.11.* *_cp311"})),
    )
