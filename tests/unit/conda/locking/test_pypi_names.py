"""condabox's own table of names is one that conda-lock can use, in both directions."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

from condabox.conda.locking.pypi_names import CONDA_NAME_OF, lookup_table

if TYPE_CHECKING:
    from pathlib import Path

with warnings.catch_warnings():
    # the conda that comes along in it is older than Python's warnings
    warnings.simplefilter("ignore")
    from conda_lock.lookup import conda_name_to_pypi_name, pypi_name_to_conda_name


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "names.json"
    path.write_text(lookup_table())
    return str(path)


def test_every_name_is_normalized_and_another_than_conda_s() -> None:
    for pypi_name, conda_name in CONDA_NAME_OF.items():
        assert pypi_name == canonicalize_name(pypi_name)
        assert conda_name == canonicalize_name(conda_name)
        assert pypi_name != conda_name


def test_names_are_sorted_and_lead_back() -> None:
    assert list(CONDA_NAME_OF) == sorted(CONDA_NAME_OF)
    assert len(set(CONDA_NAME_OF.values())) == len(CONDA_NAME_OF)
    # else one conda package would stand for two projects, and one of them would be installed again
    assert not set(CONDA_NAME_OF.values()) & set(CONDA_NAME_OF)


@pytest.mark.parametrize(
    ("conda_name", "pypi_name"),
    [
        ("pytorch", "torch"),
        ("pytorch_geometric", "torch-geometric"),
        ("redis-py", "redis"),
        ("msgpack-python", "msgpack"),
        ("typing_extensions", "typing-extensions"),
        ("numpy", "numpy"),
    ],
)
def test_conda_lock_finds_what_a_package_is_for_pip(
    table: str, conda_name: str, pypi_name: str
) -> None:
    assert conda_name_to_pypi_name(conda_name, mapping_url=table) == pypi_name


def test_conda_lock_finds_every_entry(table: str) -> None:
    for pypi_name, conda_name in CONDA_NAME_OF.items():
        assert pypi_name_to_conda_name(pypi_name, mapping_url=table) == conda_name
        assert conda_name_to_pypi_name(conda_name, mapping_url=table) == pypi_name


def test_the_table_is_the_same_on_every_call() -> None:
    assert lookup_table() == lookup_table()
    assert list(json.loads(lookup_table())) == sorted(CONDA_NAME_OF)
