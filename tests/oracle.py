"""The tree that condabox makes of conda packages, compared with the one that rattler installs.

``compare([as_shipped(archive), ...], prefix="/opt/env", scratch=tmp_path)`` is empty where both are
the same but for `INTENDED`.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.archive import PackageArchive
from condabox.conda.packages.conflicts import find_conflicts
from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry, Spool
from condabox.conda.packages.metadata import read_metadata
from condabox.conda.packages.order import in_link_order
from condabox.conda.packages.package import link_package, take_inventory
from condabox.conda.packages.python import PythonInfo
from tests.fakes.packages import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.conda.packages.entry import PrefixEntry


@dataclass(frozen=True, slots=True)
class Intended:
    """A difference that is meant to be, by the paths that it concerns."""

    paths: str
    reason: str


LEFT_OUT = (
    Intended("CACHEDIR.TAG", "it makes backup programs and tar skip the environment"),
    Intended("__clobbers__*", "the files of packages that lost a path are of no use in an image"),
    Intended("conda-meta/history", "the build writes one that tells the same on every day"),
)
"""What rattler installs and condabox does not."""

BLANK_IN_RECORDS = (
    Intended("extracted_package_dir", "the package cache is not in the image"),
    Intended("package_tarball_full_path", "neither are the archives"),
    Intended("link", "how rattler linked depends on the file system"),
    Intended("url", "the lock's canonical URL, instead of the mirror's or the file's"),
    Intended("channel", "the same"),
)
"""Parts of ``conda-meta`` records that say where and how, and so differ from machine to machine.

The paths of losers are ``__clobbers__/...`` in rattler's records, and what the package ships in
ours: which other packages are in the environment must not change a package's layer.
"""

NOT_COMPARED = (
    Intended("modes", "any x bit is 0755, none is 0644; records are readable by all, not 0600"),
    Intended("shebang that is not UTF-8", "keeps its bytes; rattler puts U+FFFD for them"),
    Intended("link with no_link", "stays a link, as with conda; rattler copies what it points to"),
    Intended("link with a placeholder", "stays a link; rattler makes it a patched copy"),
    Intended("link that leaves the prefix", "UnsafePathError; rattler warns and makes it"),
    Intended("link that is listed but missing", "InstallError; rattler leaves it out"),
    Intended("listed directory", "a directory, as with conda; rattler fails"),
    Intended("file below a link or file of another package", "InstallError; rattler: by chance"),
    Intended("entry point twice", "the later package's; rattler: by chance"),
)
"""Differences in what sound packages do not contain; each has a test of its own."""

Node = tuple[str, ...]
Tree = dict[str, Node]


def as_shipped(archive: Path) -> tuple[LockedPackage, Path]:
    """Return what a lock file would say of ``archive``, taken from its own metadata."""
    index = read_metadata(PackageArchive(path=archive, name=archive.name)).index
    depends: list[str] = list(index.get("depends", []))  # type: ignore[call-overload]
    package = LockedPackage(
        name=str(index["name"]),
        version=str(index["version"]),
        manager="conda",
        url=f"{CHANNEL}/{index['subdir']}/{archive.name}",
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        category="main",
        dependencies=tuple(sorted({spec.split()[0] for spec in depends})),
    )
    return package, archive


def compare(
    shipped: Sequence[tuple[LockedPackage, Path]], *, prefix: str, scratch: Path
) -> list[str]:
    """Return one line for every path at which rattler's tree and ours differ without intent.

    ``scratch`` is a directory on a disk that has room for the packages twice.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as temporary:
        expected = rattler_tree(shipped, prefix=prefix, scratch=Path(temporary))
        actual = condabox_tree(shipped, prefix=prefix, scratch=Path(temporary))
    return [
        f"{path}: rattler has {expected.get(path)}, condabox has {actual.get(path)}"
        for path in sorted({*expected, *actual})
        if expected.get(path) != actual.get(path)
    ]


def rattler_tree(
    shipped: Sequence[tuple[LockedPackage, Path]], *, prefix: str, scratch: Path
) -> Tree:
    target = scratch / "rattler"
    subdirs = {package.subdir for package, _ in shipped} - {"noarch"}
    request = {
        "archives": [str(archive) for _, archive in shipped],
        "target": str(target),
        "cache": str(scratch / "cache"),
        "prefix": prefix,
        "platform": min(subdirs, default="linux-64"),
    }
    script = Path(__file__).with_name("rattler_install.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        path: node
        for path, node in _nodes_on_disk(target)
        if not any(fnmatch.fnmatchcase(path, intended.paths) for intended in LEFT_OUT)
    }


def condabox_tree(
    shipped: Sequence[tuple[LockedPackage, Path]], *, prefix: str, scratch: Path
) -> Tree:
    archives = {package.sha256: archive for package, archive in shipped}
    python = python_info(shipped)
    ordered = in_link_order(package for package, _ in shipped)
    inventories = {
        package.sha256: take_inventory(archives[package.sha256], package, python=python)
        for package in ordered
    }
    lost = find_conflicts(ordered, inventories).lost
    tree: Tree = {}
    for package in ordered:
        with Spool(scratch) as spool:
            entries = link_package(
                archives[package.sha256], package, prefix=prefix, python=python, spool=spool
            )
            paths = tuple(entry.path for entry in entries)
            assert paths == inventories[package.sha256].paths, f"inventory of {package.name}"
            for entry in entries:
                if entry.path not in lost.get(package.sha256, frozenset()):
                    _add(tree, entry)
    return tree


def python_info(shipped: Sequence[tuple[LockedPackage, Path]]) -> PythonInfo | None:
    for package, archive in shipped:
        if package.name == "python":
            inventory = take_inventory(archive, package, python=None)
            return PythonInfo(version=package.version, site_packages=inventory.site_packages or "")
    return None


def _nodes_on_disk(root: Path) -> Iterator[tuple[str, Node]]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if path.is_symlink():
                yield relative, ("link", str(path.readlink()))
            elif path.is_dir():
                yield relative, ("directory",)
            else:
                executable = bool(path.stat().st_mode & 0o111)
                yield from _file(relative, path.read_bytes(), executable=executable)


def _add(tree: Tree, entry: PrefixEntry) -> None:
    parent = entry.path.rpartition("/")[0]
    while parent:
        tree[parent] = ("directory",)
        parent = parent.rpartition("/")[0]
    match entry:
        case FileEntry():
            data = b"".join(entry.content.chunks())
            assert len(data) == entry.content.size
            tree.update(_file(entry.path, data, executable=entry.executable))
        case LinkEntry():
            tree[entry.path] = ("link", entry.target)
        case DirectoryEntry():
            tree[entry.path] = ("directory",)


def _file(path: str, data: bytes, *, executable: bool) -> Iterator[tuple[str, Node]]:
    if fnmatch.fnmatchcase(path, "conda-meta/*.json"):
        yield path, ("record",)
        yield from _record(path, json.loads(data))
    else:
        kind = "executable" if executable else "file"
        yield path, (kind, str(len(data)), hashlib.sha256(data).hexdigest())


def _record(path: str, record: dict[str, Any]) -> Iterator[tuple[str, Node]]:
    """Yield what has to be the same in both records, each part on its own."""
    blank = {intended.paths for intended in BLANK_IN_RECORDS}
    for key in record.keys() - blank - {"files", "paths_data"}:
        yield f"{path}: {key}", (json.dumps(record[key], sort_keys=True),)
    for file in record["files"]:
        yield f"{path}: files: {_unclobbered(file, record)}", ("listed",)
    for row in record["paths_data"]["paths"]:
        original = _unclobbered(row.pop("_path"), record)
        assert row.pop("original_path", original) == original
        yield f"{path}: {original}", (json.dumps(row, sort_keys=True),)


def _unclobbered(path: str, record: dict[str, Any]) -> str:
    return path.removeprefix(f"__clobbers__/{record['name']}/")
