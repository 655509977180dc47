"""Facts of real packages are what Python's own parser and readelf say of the same files."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import warnings
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from condabox.conda.packages.archive import MemberKind, PackageArchive
from condabox.pruning.elf import MAGIC, read_elf
from condabox.pruning.sources import read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.world.world import World

LARGEST = 64 << 20
EVERY_SOURCE, EVERY_LIBRARY = 20, 4
"""Only one of so many is looked at; all of them take minutes."""


@pytest.mark.world
def test_sources_import_what_python_finds_in_them(world: World) -> None:
    checked = 0
    for name, data in islice(
        files(world, lambda path, _: path.endswith(".py")), 0, None, EVERY_SOURCE
    ):
        try:
            expected = imported(data)
        except (SyntaxError, ValueError):
            continue
        found = read_source([data]).imports
        lost = {
            each
            for each in expected - found
            if not any(other.startswith(f"{each.rstrip('.')}.") for other in found)
        }
        assert (name, lost) == (name, set())
        checked += 1
    assert checked


@pytest.mark.world
@pytest.mark.tool("readelf")
def test_libraries_need_what_readelf_finds_in_them(world: World, tmp_path: Path) -> None:
    checked = 0
    libraries = files(world, lambda _, data: data.startswith(MAGIC))
    for name, data in islice(libraries, 0, None, EVERY_LIBRARY):
        path = tmp_path / "library"
        path.write_bytes(data)
        command = ["readelf", "-dW", str(path)]
        text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        folders = said(text, "RUNPATH") or said(text, "RPATH")

        found = read_elf(io.BytesIO(data))

        assert found is not None, name
        assert (name, found.needed) == (name, said(text, "NEEDED"))
        assert (name, found.soname) == (name, next(iter(said(text, "SONAME")), None))
        assert (name, ":".join(found.runpath)) == (name, ":".join(folders))
        checked += 1
    assert checked


def files(world: World, wanted: Callable[[str, bytes], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of all packages whose path and first bytes are ``wanted``."""
    for archive in sorted(world.channel.glob("*/*.conda")):
        for member in PackageArchive(path=archive, name=archive.name).members():
            chunks = member.chunks() if member.kind is MemberKind.FILE else iter(())
            first = next(chunks, b"")
            if wanted(member.path, first):
                data = first + b"".join(islice(chunks, LARGEST >> 20))
                if len(data) < LARGEST:
                    yield f"{archive.name}: {member.path}", data


def imported(data: bytes) -> set[str]:
    """Return what Python imports, as `read_source` names it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(data)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            inner = f"{origin}." if node.module else origin
            names.update(origin if each.name == "*" else inner + each.name for each in node.names)
    return names


def said(text: str, tag: str) -> tuple[str, ...]:
    return tuple(re.findall(rf"\({tag}\).*\[(.*)\]", text))
