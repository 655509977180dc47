from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.backends.notes import Notes
from condabox.conda.packages.python import PythonInfo
from condabox.decode import strings
from condabox.files import write_atomically
from tests.fakes.packages import locked, make_package

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = PythonInfo(version="3.12.1")


@pytest.fixture
def notes(tmp_path: Path) -> Notes[tuple[str, ...]]:
    return Notes(folder=tmp_path / "notes", read=lambda value: strings(value, at=""))


def test_what_was_noted_is_found_for_the_same_python(
    notes: Notes[tuple[str, ...]], tmp_path: Path
) -> None:
    package = locked(make_package(tmp_path, "tool"))
    assert notes.get(package, PYTHON) is None
    write_atomically(notes.path(package, PYTHON), b'["a"]')

    assert notes.get(package, PYTHON) == ("a",)
    assert notes.get(package, PythonInfo(version="3.12.9")) == ("a",)
    assert notes.get(package, PythonInfo(version="3.13.0")) is None
    assert notes.get(package, None) is None


@pytest.mark.parametrize("text", ["", "[", '{"a": 1}', "[" * 100_000, "\xff"])
def test_damaged_notes_count_for_nothing(
    notes: Notes[tuple[str, ...]], tmp_path: Path, text: str
) -> None:
    package = locked(make_package(tmp_path, "tool"))
    write_atomically(notes.path(package, None), text.encode("latin-1"))

    assert notes.get(package, None) is None
