"""What is where in a container, and what it is called.

`condabox.development.places` says the same to whoever makes the image, which that is not in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = "/opt/tools"
OWN = f"{TOOLS}/condabox"
WORKSPACE = "/workspace"
ACCOUNT = "dev"
KEYS = "AUTHORIZED_KEYS"
TOKEN = "JUPYTER_TOKEN"  # noqa: S105  (its name)

SECRETS = "/run/secrets"
"""Where engines and clusters mount what is secret."""


def _mount_namespace() -> int:
    return Path("/proc/self/ns/mnt").stat().st_ino


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The container that a process finds itself in: its files, and who the process is."""

    root: Path = Path("/")
    mount_namespace: int = field(default_factory=_mount_namespace)
    """Its number, which all processes of a container share, and no other one that runs."""
    uid: int = field(default_factory=os.getuid)
    gid: int = field(default_factory=os.getgid)

    def at(self, path: str) -> Path:
        """Return where the absolute ``path`` is."""
        return self.root / path.lstrip("/")

    def tool(self, name: str) -> str:
        """Return the path of one of the tools' programs."""
        return str(self.at(f"{TOOLS}/bin/{name}"))
