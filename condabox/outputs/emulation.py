"""Can this machine run programs of another architecture?  Linux's binfmt_misc says it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.platforms import Platform

HANDLERS = Path("/proc/sys/fs/binfmt_misc")

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le"}
"""The kernel's names and the images'."""
_ELF_MACHINES = {"amd64": 62, "arm64": 183, "ppc64le": 21}
"""e_machine of elf(5)."""
_MACHINE_FIELD = slice(18, 20)


def check_runnable(platform: Platform, *, machine: str, handlers: Path = HANDLERS) -> None:
    """Raise BackendError, which says what to install, where images for ``platform`` do not run.

    ``machine`` is the kernel's name of this machine's architecture.
    """
    if platform.os != "linux":
        raise BackendError(f"the image is for {platform}: only Linux images can be run")
    if platform.architecture == _MACHINES.get(machine, machine):
        return
    wanted = _ELF_MACHINES.get(platform.architecture)
    found = [flags for number, flags in _enabled(handlers) if number == wanted]
    if not found:
        raise BackendError(
            f"the image is for {platform}, and this machine, {machine}, has no emulator for it",
            hint="install qemu-user-static and register it with binfmt_misc "
            "(Debian's package does both), or build with --platform for this machine",
        )
    # Without F the kernel looks for the emulator inside of the image.
    if not any("F" in flags for flags in found):
        raise BackendError(
            f"the emulator for {platform} cannot be used in a container",
            hint="register qemu-user-static with the flag F, as Debian's package does",
        )


def _enabled(handlers: Path) -> Iterator[tuple[int, str]]:
    """Yield e_machine and flags of every handler of ELF programs that is switched on."""
    try:
        files = sorted(handlers.iterdir())
    except OSError:
        return
    for path in files:
        if path.name in {"register", "status"}:
            continue
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if "enabled" not in lines:
            continue
        fields = {name.rstrip(":"): value for name, _, value in (x.partition(" ") for x in lines)}
        try:
            magic = bytes.fromhex(fields.get("magic", ""))
        except ValueError:
            continue
        if magic.startswith(b"\x7fELF") and len(magic) >= _MACHINE_FIELD.stop:
            yield int.from_bytes(magic[_MACHINE_FIELD], "little"), fields.get("flags", "")
