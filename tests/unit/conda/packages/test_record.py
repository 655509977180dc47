from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.conda.packages.entry import FileEntry, Spool
from condabox.conda.packages.link import link_conda_package
from condabox.conda.packages.python import PythonInfo
from tests.fakes.packages import PLACEHOLDER, TIMESTAMP, Directory, File, Link, locked, make_package

if TYPE_CHECKING:
    from pathlib import Path


def record_of(path: Path, *, noarch: bool = False) -> dict[str, object]:
    package = locked(path)
    if noarch:
        package = replace(package, url=package.url.replace("linux-64", "noarch"))
    python = PythonInfo(version="3.11.2")
    with Spool(path.parent) as spool:
        entries = link_conda_package(path, package, prefix="/p", python=python, spool=spool)
        (entry,) = (entry for entry in entries if entry.path.startswith("conda-meta/"))
        assert isinstance(entry, FileEntry)
        assert not entry.executable
        text = b"".join(entry.content.chunks())
    record = json.loads(text)
    assert text == json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    assert isinstance(record, dict)
    return record


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_record_of_a_package(tmp_path: Path) -> None:
    path = make_package(
        tmp_path,
        "tool",
        "1.2",
        build="h5_3",
        files={"a": "x"},
        depends=["python >=3.8", "__glibc >=2.17"],
        index={
            "arch": "x86_64",
            "build_number": 3,
            "constrains": ["other <2"],
            "license_family": "MIT",
            "platform": "linux",
            "unknown": "left out",
        },
    )
    row = {"_path": "a", "path_type": "hardlink", "sha256": sha256(b"x"), "size_in_bytes": 1}

    assert record_of(path) == {
        "arch": "x86_64",
        "build": "h5_3",
        "build_number": 3,
        "channel": "https://conda.anaconda.org/conda-forge",
        "constrains": ["other <2"],
        "depends": ["python >=3.8", "__glibc >=2.17"],
        "extracted_package_dir": "",
        "files": ["a"],
        "fn": "tool-1.2-h5_3.conda",
        "license": "MIT",
        "license_family": "MIT",
        "link": {"source": "", "type": 1},
        "name": "tool",
        "package_tarball_full_path": "",
        "paths_data": {"paths": [row], "paths_version": 1},
        "platform": "linux",
        "requested_specs": [],
        "sha256": sha256(path.read_bytes()),
        "size": path.stat().st_size,
        "subdir": "linux-64",
        "timestamp": TIMESTAMP,
        "url": "https://conda.anaconda.org/conda-forge/linux-64/tool-1.2-h5_3.conda",
        "version": "1.2",
    }


def test_a_license_that_only_about_knows_is_kept(tmp_path: Path) -> None:
    about = json.dumps({"license": "BSD-3-Clause", "license_family": "BSD"}).encode()
    path = make_package(tmp_path, "tool", index={"license": None}, info={"about.json": about})

    record = record_of(path)

    assert (record["license"], record["license_family"]) == ("BSD-3-Clause", "BSD")


def test_rows_tell_how_each_path_came_to_be(tmp_path: Path) -> None:
    text = f"{PLACEHOLDER}/x"
    path = make_package(
        tmp_path,
        "tool",
        noarch="python",
        files={
            "b/text": text,
            "b/binary": File(b"\0" + text.encode(), no_link=True),
            "b/link": Link("text"),
            "b/dir": Directory(),
            "site-packages/m.py": "m",
        },
        entry_points=["run = m:main"],
    )

    record = record_of(path, noarch=True)

    patched = {"path_type": "hardlink", "prefix_placeholder": PLACEHOLDER}
    binary = b"\0/p/x" + bytes(len(PLACEHOLDER) - 2)
    paths_data = record["paths_data"]
    assert isinstance(paths_data, dict)
    *rows, module = [row for row in paths_data["paths"] if row["_path"] != "bin/run"]
    assert rows == [
        {
            **patched,
            "_path": "b/binary",
            "file_mode": "binary",
            "no_link": True,
            "sha256": sha256(b"\0" + text.encode()),
            "sha256_in_prefix": sha256(binary),
            "size_in_bytes": len(binary),
        },
        {
            "_path": "b/dir",
            "path_type": "directory",
            "sha256_in_prefix": "0" * 64,
            "size_in_bytes": 0,
        },
        {
            "_path": "b/link",
            "path_type": "softlink",
            "sha256": sha256(text.encode()),
            "sha256_in_prefix": sha256(b"text"),
            "size_in_bytes": len(text),
        },
        {
            **patched,
            "_path": "b/text",
            "file_mode": "text",
            "sha256": sha256(text.encode()),
            "sha256_in_prefix": sha256(b"/p/x"),
            "size_in_bytes": 4,
        },
    ]
    assert module["_path"] == "lib/python3.11/site-packages/m.py"
    (script,) = (row for row in paths_data["paths"] if row["_path"] == "bin/run")
    assert script["path_type"] == "unix_python_entry_point"
    assert record["noarch"] == "python"


def test_files_without_a_listed_hash_are_hashed(tmp_path: Path) -> None:
    path = make_package(tmp_path, "old", files={"a": "x"}, old_style=True)

    paths_data = record_of(path)["paths_data"]

    assert paths_data == {
        "paths": [
            {
                "_path": "a",
                "path_type": "hardlink",
                "sha256_in_prefix": sha256(b"x"),
                "size_in_bytes": 1,
            }
        ],
        "paths_version": 1,
    }
