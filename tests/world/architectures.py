"""What Debian, pip, ELF and Python call the two architectures of the test world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PYTHON = "3.11"
"""The Python of Debian 12, which the world's packages are made for."""

SITE_PACKAGES = f"lib/python{PYTHON}/site-packages"

# The oldest and the newest glibc that a wheel may ask for: manylinux2014's, and Debian 12's.
_OLDEST_GLIBC, _NEWEST_GLIBC = 17, 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One architecture under all its names."""

    subdir: str
    debian: str
    machine: str
    elf_machine: int
    legacy_wheels: tuple[str, ...]

    @property
    def triple(self) -> str:
        """Debian's multiarch directory."""
        return f"{self.machine}-linux-gnu"

    @property
    def markers(self) -> Mapping[str, str]:
        """What PEP 508 calls the platform."""
        return {
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_system": "Linux",
            "sys_platform": "linux",
        }

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """Every platform tag that runs on Debian 12's glibc, best first."""
        perennial = (
            f"manylinux_2_{minor}_{self.machine}"
            for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)
        )
        return (*perennial, *(f"{tag}_{self.machine}" for tag in self.legacy_wheels))


ARCHITECTURES = {
    "linux-64": Architecture(
        subdir="linux-64",
        debian="amd64",
        machine="x86_64",
        elf_machine=62,
        legacy_wheels=(
            "manylinux2014",
            "manylinux_2_12",
            "manylinux2010",
            "manylinux_2_5",
            "manylinux1",
        ),
    ),
    "linux-aarch64": Architecture(
        subdir="linux-aarch64",
        debian="arm64",
        machine="aarch64",
        elf_machine=183,
        legacy_wheels=("manylinux2014",),
    ),
}
