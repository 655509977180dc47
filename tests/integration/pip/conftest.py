"""An environment with a pip section and an index nearby, and none of this machine's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fakes.pip_index import PipIndex
from tests.fakes.pip_project import PipProject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_pip_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this machine's configuration of pip out of the tests."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def index() -> Iterator[PipIndex]:
    with PipIndex() as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, index: PipIndex) -> PipProject:
    project = PipProject(tmp_path)
    project.use(index)
    return project
