"""Lay packages out as a conda channel and index it."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.world.archive import Built, JsonObject


def write_channel(channel: Path, packages: Iterable[Built], *, subdirs: Iterable[str]) -> None:
    """Link ``packages`` into the new directory ``channel`` and write every ``repodata.json``."""
    by_subdir: defaultdict[str, dict[str, Built]] = defaultdict(dict)
    for package in packages:
        by_subdir[package.subdir][package.path.name] = package
    for subdir in ("noarch", *subdirs):
        directory = channel / subdir
        directory.mkdir(parents=True)
        for name, package in by_subdir[subdir].items():
            os.link(package.path, directory / name)
        repodata = _repodata(subdir, by_subdir[subdir])
        (directory / "repodata.json").write_text(json.dumps(repodata, indent=1, sort_keys=True))


def _repodata(subdir: str, packages: dict[str, Built]) -> JsonObject:
    formats: dict[str, JsonObject] = {"packages": {}, "packages.conda": {}}
    for name in sorted(packages):
        key = "packages.conda" if name.endswith(".conda") else "packages"
        formats[key][name] = packages[name].record
    return {"info": {"subdir": subdir}, **formats, "removed": [], "repodata_version": 1}
