"""Programs of one line or two, which stand in for those that this machine has or has not."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

NVIDIA_570 = """\
Tue Mar 11 10:12:01 2025
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 570.124.06             Driver Version: 570.124.06     CUDA Version: 12.8     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
"""
"""What nvidia-smi begins with."""

NVIDIA_610 = """\
Sun Jun  7 08:16:57 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 610.43.02              KMD Version: 610.43.02     CUDA UMD Version: 13.3     |
+-----------------------------------------+------------------------+----------------------+
"""
"""What newer ones begin with."""

MISMATCH = """\
Failed to initialize NVML: Driver/library version mismatch
NVML library version: 535.161
"""
"""What it says, with status 18, after the driver was updated."""


class Programs:
    """A folder that is all of PATH, with what shell scripts need."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.folder.mkdir()
        for name in ("cat", "sleep"):
            (folder / name).symlink_to(Path(shutil.which(name) or name).resolve())
        monkeypatch.setenv("PATH", str(folder))

    def add(self, name: str, script: str) -> None:
        """Put a shell script on PATH."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def say(self, name: str, text: str, *, status: int = 0, error: str = "") -> None:
        """Put a program on PATH that prints ``text``, whatever it is asked."""
        said = f"printf %s {shlex.quote(text)}\nprintf %s {shlex.quote(error)} >&2"
        self.add(name, f"{said}\nexit {status}")

    def nvidia_smi(self, header: str, *rows: str) -> None:
        """Put nvidia-smi on PATH, which prints ``rows`` when it is asked for names and versions."""
        listed = shlex.quote("".join(f"{row}\n" for row in rows))
        query = "--query-gpu=name,driver_version --format=csv,noheader"
        self.add(
            "nvidia-smi",
            f'case "$*" in\n"{query}") printf %s {listed};;\n'
            f'"") printf %s {shlex.quote(header)};;\n*) exit 2;;\nesac',
        )
