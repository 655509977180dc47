"""What is said of prod where development moves it, and how packages are named to solvers."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

with warnings.catch_warnings():
    # the conda that comes along in conda-lock is older than Python's warnings
    warnings.simplefilter("ignore")
    from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency

    from condabox.conda.locking import staged_solve

CHANNEL = "https://conda.example/forge/linux-64"


def conda(name: str, version: str, build: str = "0", *, category: str = "main") -> Any:
    return LockedDependency(
        name=name,
        version=version,
        manager="conda",
        platform="linux-64",
        dependencies={},
        url=f"{CHANNEL}/{name}-{version}-{build}.conda",
        hash=HashModel(md5="0" * 32),
        categories={category},
    )


def wheel(name: str, version: str) -> Any:
    found = conda(name, version)
    url = f"https://files.example/{name}-{version}-py3-none-any.whl"
    return found.model_copy(update={"manager": "pip", "url": url})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([conda("a", "1")], [conda("a", "1")], [], id="the same"),
        pytest.param([conda("a", "1")], [conda("a", "2")], ["a 1 0 -> 2 0"], id="version"),
        pytest.param([conda("a", "1")], [conda("a", "1", "1")], ["a 1 0 -> 1 1"], id="build"),
        pytest.param([wheel("a", "1")], [wheel("a", "2")], ["a 1 of pip -> 2 of pip"], id="wheel"),
        pytest.param(
            [wheel("a", "1")], [conda("a", "1")], ["a 1 of pip -> 1 0"], id="wheel to conda"
        ),
        pytest.param([conda("a", "1")], [], ["a 1 0 leaves"], id="leaves"),
        pytest.param([], [wheel("a", "1")], ["a 1 of pip comes"], id="comes"),
        pytest.param([], [conda("a", "1", category="dev")], [], id="development"),
        pytest.param(
            [conda("a", "1")], [conda("a", "1", category="dev")], ["a 1 0 leaves"], id="only dev"
        ),
        pytest.param(
            [conda("z", "1"), conda("a", "1"), wheel("a", "1")],
            [wheel("a", "2"), conda("z", "2"), conda("a", "2")],
            ["a 1 0 -> 2 0", "z 1 0 -> 2 0", "a 1 of pip -> 2 of pip"],
            id="sorted",
        ),
    ],
)
def test_what_moves_in_prod_is_said(
    before: list[Any], after: list[Any], expected: list[str]
) -> None:
    assert list(staged_solve._moved(before, after)) == expected


def test_one_package_is_named_for_every_solver() -> None:
    package = conda("python-dateutil", "2.9.0.post0", "pyhe01879c_2")

    assert staged_solve._exactly(package) == "python-dateutil ==2.9.0.post0 pyhe01879c_2"
