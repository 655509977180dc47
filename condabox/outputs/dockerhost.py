"""Where the Docker daemon is: what the docker command would find in variables and contexts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_HOST = "unix:///var/run/docker.sock"


def docker_host(env: Mapping[str, str]) -> str:
    """Return the daemon's address: that of the variable, the context, or the default one."""
    if host := env.get("DOCKER_HOST"):
        return host
    home = env.get("HOME") or env.get("USERPROFILE") or ""
    folder = Path(env.get("DOCKER_CONFIG") or Path(home, ".docker"))
    name = env.get("DOCKER_CONTEXT") or _string(_json(folder / "config.json"), "currentContext")
    if name and name != "default":
        key = hashlib.sha256(name.encode()).hexdigest()
        meta = _json(folder / "contexts" / "meta" / key / "meta.json")
        for part in ("Endpoints", "docker"):
            inner = meta.get(part)
            meta = inner if isinstance(inner, dict) else {}
        if host := _string(meta, "Host"):
            return host
    return _DEFAULT_HOST


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _string(obj: Mapping[str, object], key: str) -> str:
    value = obj.get(key)
    return value if isinstance(value, str) else ""
