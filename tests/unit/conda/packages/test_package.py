from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.entry import Spool
from condabox.conda.packages.package import link_package, take_inventory
from condabox.conda.packages.python import PythonInfo
from tests.fakes.packages import locked, make_package

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = PythonInfo(version="3.11.2")
SITE_PACKAGES = "lib/python3.11/site-packages"


def paths_of(path: Path, package: LockedPackage) -> list[str]:
    with Spool(path.parent) as spool:
        entries = link_package(path, package, prefix="/p", python=PYTHON, spool=spool)
        linked = [entry.path for entry in entries]
    assert linked == list(take_inventory(path, package, python=PYTHON).paths)
    return linked


def test_conda_packages(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", noarch="python", files={"site-packages/tool.py": ""})

    assert paths_of(path, locked(path)) == [
        "conda-meta/tool-1.0-0.json",
        f"{SITE_PACKAGES}/tool.py",
    ]


def test_wheels(tmp_path: Path) -> None:
    path = tmp_path / "tool-1.0-py3-none-any.whl"
    files = {
        "tool.py": "",
        "tool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
        "tool-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, "tool-1.0.dist-info/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "tool-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    package = LockedPackage(
        name="tool",
        version="1.0",
        manager="pip",
        url=f"https://files.example/{path.name}",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        category="main",
        dependencies=(),
    )

    assert f"{SITE_PACKAGES}/tool.py" in paths_of(path, package)
