"""The solver, asked the way that conda-lock asks it, with a cache that is looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.solver import solve
from condabox.errors import SolveError
from condabox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.channels.solver import PackageRecord

USER, PASSWORD, TOKEN = "visible-user", "visible-p@ss", "tk-visible-token"
BASIC = f"{USER}:visible-p%40ss"


class Solving:
    """Solves for linux-64, with ``mirrors`` by the channels' canonical URLs."""

    def __init__(self, root: Path) -> None:
        self.cache = root / "cache"
        self.mirrors: dict[str, tuple[str, ...]] = {}

    def __call__(self, *specs: str, channels: tuple[str, ...]) -> dict[str, PackageRecord]:
        settings = Settings(cache_dir=self.cache, channel_mirrors=self.mirrors)
        virtual_packages = {"__glibc": "2.39"}
        found = solve(
            specs,
            channels=channels,
            subdir="linux-64",
            virtual_packages=virtual_packages,
            settings=settings,
        )
        return {record.name: record for record in found}

    def refused(self, *specs: str, channels: tuple[str, ...]) -> SolveError:
        with pytest.raises(SolveError) as caught:
            self(*specs, channels=channels)
        return caught.value

    def secrets_kept(self, found: Mapping[str, PackageRecord]) -> bool:
        """Tell whether neither the records nor the cache tell who asked."""
        files = [path for path in self.cache.rglob("*") if path.is_file()]
        texts = [repr(found), *map(str, files), *(path.read_text("latin-1") for path in files)]
        assert files
        return not any(word in text for text in texts for word in ("visible", "dmlzaWJsZ"))
