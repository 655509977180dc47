"""Let foreign binaries find their libraries in the prefix, as conda's own do."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox import process
from tests.world.elf import read_dynamic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What a command line may hold of file names.
_FILES_PER_CALL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The conda package that a library comes from."""

    name: str
    version: str

    def requirement(self) -> str:
        """Ask for this version or newer, below the next major one: conda-forge's usual pin."""
        major = int(self.version.partition(".")[0])
        return f"{self.name} >={self.version},<{major + 1}.0a0"


def set_search_paths(
    staging: Path, *, providers: Mapping[str, Provider], patchelf: Path
) -> frozenset[Provider]:
    """Give every ELF file that needs a library of the world an RPATH to the prefix's ``lib``.

    Returns the packages that those libraries come from.  ``providers`` maps library names.
    """
    changes: defaultdict[str, list[Path]] = defaultdict(list)
    needed: set[Provider] = set()
    for path in _regular_files(staging):
        dynamic = read_dynamic(path)
        if dynamic is None:
            continue
        own = {providers[name] for name in dynamic.needed if name in providers}
        needed |= own
        directory = path.parent.relative_to(staging)
        known = [entry for entry in dynamic.search_path.split(":") if entry.startswith("$ORIGIN")]
        wanted = list(known)
        # A wheel's own libraries; those that others load first often lack a way to each other.
        if any((path.parent / name).exists() for name in dynamic.needed):
            wanted.append("$ORIGIN")
        if own or directory.name == "bin":
            wanted.append(f"$ORIGIN/{os.path.relpath('lib', directory)}")
        wanted = list(dict.fromkeys(entry.removesuffix("/.") for entry in wanted))
        if wanted != known:
            changes[":".join(wanted)].append(path)
    for search_path, paths in sorted(changes.items()):
        for start in range(0, len(paths), _FILES_PER_CALL):
            _patch(paths[start : start + _FILES_PER_CALL], search_path, patchelf=patchelf)
    return frozenset(needed)


def _patch(paths: list[Path], search_path: str, *, patchelf: Path) -> None:
    # An RPATH also serves the libraries that the file loads, a RUNPATH does not: conda-forge
    # links with --disable-new-dtags for that reason.
    process.run([str(patchelf), "--force-rpath", "--set-rpath", search_path, *map(str, paths)])


def _regular_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
