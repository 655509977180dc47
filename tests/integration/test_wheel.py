"""What pip installs is what we link: pip's own wheel, from Python's `ensurepip`, proves it."""

from __future__ import annotations

import csv
import importlib.util
import platform
import sys
from pathlib import Path

import pytest

from condabox import process
from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.entry import FileEntry, Spool
from condabox.conda.packages.python import PythonInfo
from condabox.conda.packages.wheel import link_wheel

INTENDED = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}


def bundled_pip() -> Path | None:
    spec = importlib.util.find_spec("ensurepip")
    folder = Path(spec.origin).parent / "_bundled" if spec and spec.origin else Path("missing")
    return next(iter(folder.glob("pip-*.whl")), None)


PIP = bundled_pip()


@pytest.mark.skipif(PIP is None, reason="this Python comes without pip's wheel")
def test_a_wheel_is_linked_as_pip_installs_it(tmp_path: Path) -> None:
    assert PIP is not None
    prefix = tmp_path / "prefix"
    install = [
        "install",
        "--ignore-installed",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--no-warn-script-location",
    ]
    process.run([sys.executable, f"{PIP}/pip", *install, "--prefix", str(prefix), str(PIP)])
    python = PythonInfo(version=platform.python_version())
    package = LockedPackage(
        name="pip",
        version=PIP.name.split("-")[1],
        manager="pip",
        url=f"https://wheels.example/{PIP.name}",
        sha256="0" * 64,
        category="main",
        dependencies=(),
    )

    with Spool(tmp_path) as spool:
        entries = link_wheel(PIP, package, prefix="/opt/env", python=python, spool=spool)
        linked = {
            entry.path: (b"".join(entry.content.chunks()), entry.executable)
            for entry in entries
            if isinstance(entry, FileEntry)
        }

    installed = {
        path.relative_to(prefix).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o111))
        for path in sorted(prefix.rglob("*"))
        if path.is_file()
    }
    # Of itself pip installs the script of the running version, whatever its entry points say.
    assert {"bin/pip", "bin/pip3"} <= scripts(linked) & scripts(installed)
    assert unchanged(linked) == unchanged(installed)
    assert record(linked) == record(installed)


def scripts(files: dict[str, tuple[bytes, bool]]) -> set[str]:
    return {path for path in files if path.startswith("bin/")}


def unchanged(files: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    return {
        path: found
        for path, found in files.items()
        if path not in scripts(files) and path.rpartition("/")[2] not in INTENDED
    }


def record(files: dict[str, tuple[bytes, bool]]) -> set[tuple[str, ...]]:
    """Return the rows of RECORD about what the wheel brings."""
    path = next(path for path in files if path.endswith("/RECORD"))
    rows = {tuple(row) for row in csv.reader(files[path][0].decode().splitlines())}
    return {
        row for row in rows if "/bin/" not in row[0] and row[0].rpartition("/")[2] not in INTENDED
    }
