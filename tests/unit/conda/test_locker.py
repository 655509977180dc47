from __future__ import annotations

from pathlib import Path

import pytest

from condabox.conda.locker import lock_path


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("envs/ai.yml", "envs/ai.conda-lock.yml"),
        ("environment.yaml", "environment.conda-lock.yml"),
        ("a.b.yml", "a.b.conda-lock.yml"),
    ],
)
def test_the_lock_lies_beside_the_environment(environment: str, expected: str) -> None:
    assert lock_path(Path(environment)) == Path(expected)
