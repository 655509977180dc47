"""A PATH that a test fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.programs import Programs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "bin", monkeypatch)
