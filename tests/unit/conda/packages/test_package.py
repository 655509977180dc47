from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.entry import FileEntry, Spool
from condabox.conda.packages.package import link_package, take_inventory
from condabox.conda.packages.python import PythonInfo
from tests.fakes.packages import File, HardLink, Link, locked, make_package

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


def wheel(folder: Path) -> tuple[Path, LockedPackage]:
    path = folder / "tool-1.0-py3-none-any.whl"
    files = {
        "tool.py": "",
        "tool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
        "tool-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
        "tool-1.0.dist-info/entry_points.txt": "[console_scripts]\ntool = tool:main\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, "tool-1.0.dist-info/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "tool-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return path, LockedPackage(
        name="tool",
        version="1.0",
        manager="pip",
        url=f"https://files.example/{path.name}",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        category="main",
        dependencies=(),
    )


def test_wheels(tmp_path: Path) -> None:
    assert f"{SITE_PACKAGES}/tool.py" in paths_of(*wheel(tmp_path))


def texts(path: Path, package: LockedPackage, *, without: set[str]) -> dict[str, str]:
    with Spool(path.parent) as spool:
        entries = link_package(
            path, package, prefix="/p", python=PYTHON, spool=spool, without=without
        )
        return {
            entry.path: b"".join(entry.content.chunks()).decode()
            if isinstance(entry, FileEntry)
            else ""
            for entry in entries
        }


def test_what_is_left_out_of_conda_packages_is_not_recorded(tmp_path: Path) -> None:
    path = make_package(
        tmp_path,
        "tool",
        noarch="python",
        files={
            "site-packages/tool.py": "kept",
            "site-packages/tests/test_tool.py": "gone",
            "site-packages/link": Link("tests/test_tool.py"),
            "site-packages/name.py": HardLink("site-packages/tests/test_tool.py"),
            "share/doc": File("gone"),
        },
        entry_points=["tool = tool:main", "gone = tool:main"],
    )
    gone = {f"{SITE_PACKAGES}/tests/test_tool.py", f"{SITE_PACKAGES}/link", "share/doc", "bin/gone"}
    everything = texts(path, locked(path), without=set())

    found = texts(path, locked(path), without=gone)

    record = "conda-meta/tool-1.0-0.json"
    assert found.keys() == everything.keys() - gone
    assert found[f"{SITE_PACKAGES}/name.py"] == "gone"
    document = json.loads(found[record])
    assert document["files"] == sorted(found.keys() - {record})
    assert [row["_path"] for row in document["paths_data"]["paths"]] == document["files"]


def test_what_is_left_out_of_wheels_is_not_recorded(tmp_path: Path) -> None:
    path, package = wheel(tmp_path)
    gone = {"bin/tool", f"{SITE_PACKAGES}/tool-1.0.dist-info/INSTALLER"}
    everything = texts(path, package, without=set())

    found = texts(path, package, without=gone)

    assert found.keys() == everything.keys() - gone
    rows = found[f"{SITE_PACKAGES}/tool-1.0.dist-info/RECORD"].splitlines()
    recorded = {f"{SITE_PACKAGES}/{row.split(',')[0]}" for row in rows}
    assert recorded == found.keys()


def test_records_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    conda = make_package(tmp_path, "tool", files={"share/tool": ""})
    path, package = wheel(tmp_path)
    record = f"{SITE_PACKAGES}/tool-1.0.dist-info/RECORD"

    assert texts(conda, locked(conda), without={"conda-meta/tool-1.0-0.json"}) == {"share/tool": ""}
    assert record not in texts(path, package, without={record})
