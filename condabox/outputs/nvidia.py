"""NVIDIA's driver on this machine, which CUDA it runs, and how containers get at it."""

from __future__ import annotations

import ctypes
import re
import shutil
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEVICE = "nvidia.com/gpu"
"""What NVIDIA's devices are called in the Container Device Interface (CDI)."""

_LIBRARY = "libcuda.so.1"
_MODULE = Path("/sys/module/nvidia/version")
_CDI_FOLDERS = (Path("/etc/cdi"), Path("/var/run/cdi"))
_LARGEST_SPEC = 1 << 20

# since driver 610 it is that of the user-mode driver, UMD
_CUDA = re.compile(r"CUDA (?:UMD )?Version: *(\d+\.\d+)")
_VERSION = re.compile(r"version (\d\S*)")

# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
_OLDEST_DRIVERS = {11: "450.80.02", 12: "525.60.13", 13: "580"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The driver; ``cuda`` is the newest CUDA that it has all features of.

    What cannot be found out is empty.
    """

    version: str
    cuda: str
    gpus: tuple[str, ...]


class Support(Enum):
    """Whether a driver runs programs made with a version of CUDA."""

    FULL = auto()
    MINOR = auto()
    """By minor version compatibility: without what is new in the version."""
    NONE = auto()
    UNKNOWN = auto()


def find_driver(*, seconds: float) -> Driver | None:
    """Return this machine's driver; None where there is none.

    Raise ToolFailedError, with what to do, where there is one that does not work, or that does not
    answer each of two questions in ``seconds``.
    """
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return _of_library()
    found = _ask(smi, "--query-gpu=name,driver_version", "--format=csv,noheader", seconds=seconds)
    rows = [row for line in found.splitlines() if "," in (row := line.strip())]
    header = _CUDA.search(_ask(smi, seconds=seconds))
    return Driver(
        version=rows[0].rpartition(",")[2].strip() if rows else "",
        cuda=header[1] if header else "",
        gpus=tuple(row.rpartition(",")[0].strip() for row in rows),
    )


def support(cuda: str, driver: Driver) -> Support:
    """Say whether ``driver`` runs what was made with ``cuda``, ``MAJOR.MINOR``."""
    wanted = _numbers(cuda)
    if driver.cuda:
        if _numbers(driver.cuda) >= wanted:
            return Support.FULL
        same = _numbers(driver.cuda)[0] == wanted[0] and wanted[0] >= min(_OLDEST_DRIVERS)
        return Support.MINOR if same else Support.NONE
    oldest = _OLDEST_DRIVERS.get(wanted[0])
    if not driver.version or oldest is None:
        return Support.UNKNOWN
    return Support.MINOR if _numbers(driver.version) >= _numbers(oldest) else Support.NONE


def oldest_driver(cuda: str) -> str:
    """Say in words which driver ``cuda`` needs at least."""
    major = _numbers(cuda)[0]
    oldest = _OLDEST_DRIVERS.get(major)
    return (
        f"a driver for CUDA {major}, {oldest} or newer" if oldest else f"a driver for CUDA {cuda}"
    )


def toolkit_version(*, seconds: float) -> str | None:
    """Return the version of NVIDIA's container toolkit; None where there is none.

    Raise ToolFailedError where it does not tell that, or takes more than ``seconds``.
    """
    tool = shutil.which("nvidia-ctk")
    if tool is None:
        return None
    said = process.run([tool, "--version"], seconds=seconds).stdout
    found = _VERSION.search(said.decode(errors="replace"))
    return found[1] if found else "of unknown version"


def cdi_specifications(folders: Iterable[Path] = _CDI_FOLDERS) -> tuple[Path, ...]:
    """Return the files that tell container engines of NVIDIA's devices."""
    return tuple(
        path
        for folder in folders
        for path in sorted(folder.glob("*"))
        if path.suffix in {".yaml", ".yml", ".json"} and _names_device(path)
    )


def _names_device(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return DEVICE.encode() in file.read(_LARGEST_SPEC)
    except OSError:
        return False


def _ask(smi: str, *options: str, seconds: float) -> str:
    """Return what nvidia-smi prints; it tells errors there, too."""
    done = process.attempt([smi, *options], seconds=seconds)
    said = done.stdout.decode(errors="replace")
    if done.returncode == 0:
        return said
    reason = next(filter(None, map(str.strip, (*said.splitlines(), *done.stderr.splitlines()))), "")
    hint = "see what `nvidia-smi` says, and whether the kernel has the driver's module"
    if "version mismatch" in reason:
        hint = "the driver was updated and the old one still runs: restart the machine"
    raise ToolFailedError(
        reason or f"nvidia-smi ended with status {done.returncode}",
        hint=hint,
    )


def _of_library() -> Driver | None:
    """Ask the driver's own library, as programs do."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        version = ctypes.c_int()
        status = library.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return None
    major, minor = divmod(version.value, 1000)
    cuda = f"{major}.{minor // 10}" if status == 0 and version.value else ""
    try:
        module = _MODULE.read_text().strip()
    except OSError:
        module = ""
    return Driver(version=module, cuda=cuda, gpus=())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)) or (0,)
