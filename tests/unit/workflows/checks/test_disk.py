"""Whether there is room, and whether it may be taken."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from condabox.reporting.findings import State
from condabox.settings import Settings
from condabox.workflows.checks import disk
from tests.fakes.checking import found

if TYPE_CHECKING:
    from condabox.reporting.findings import Finding

GB = 10**9


def look(cache: Path) -> dict[str, Finding]:
    return {each.name: each for each in found(disk.disk_checks(Settings(cache_dir=cache)))}


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list whose one number is what the disk has free."""
    amount = [100 * GB]
    usage = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=amount[0]))
    monkeypatch.setattr(disk, "shutil", usage)
    return amount


def test_the_cache_with_what_is_in_it(tmp_path: Path, free: list[int]) -> None:
    (tmp_path / "store" / "blobs").mkdir(parents=True)
    (tmp_path / "store" / "blobs" / "a").write_bytes(bytes(2_500_000))
    (tmp_path / "b").write_bytes(bytes(500_000))
    (tmp_path / "c").symlink_to("/nowhere")

    said = look(tmp_path)

    assert free == [100 * GB]
    assert (said["cache"].state, said["cache"].detail) == (
        State.OK,
        f"{tmp_path}: 100 GB free, 3.0 MB in use",
    )
    assert said["temporary"].detail == f"{tempfile.gettempdir()}: 100 GB free"


def test_a_cache_that_is_still_to_be_made_is_not_made(tmp_path: Path, free: list[int]) -> None:
    said = look(tmp_path / "a" / "b")

    assert free
    assert said["cache"].state is State.OK
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(100 * GB, State.OK), (9 * GB, State.NOTE), (GB // 2, State.PROBLEM), (0, State.PROBLEM)],
)
def test_room(tmp_path: Path, free: list[int], amount: int, expected: State) -> None:
    free[0] = amount

    said = look(tmp_path)["cache"]

    assert said.state is expected
    assert (said.hint is None) == (expected is State.OK)


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "tempfile", SimpleNamespace(TemporaryFile=full, gettempdir=str))

    said = look(tmp_path)["cache"]

    assert (said.state, said.detail) == (
        State.PROBLEM,
        f"{tmp_path}: cannot be written: No space left on device",
    )


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="only Linux has it")
def test_a_folder_that_nobody_may_write_to_is_a_problem() -> None:
    said = look(Path("/proc/condabox"))["cache"]

    assert said.state is State.PROBLEM
    assert "cannot be written" in said.detail
    assert "`cache-dir`" in str(said.hint)


def test_a_file_in_place_of_the_cache_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()

    assert look(tmp_path / "cache")["cache"].state is State.PROBLEM


def test_a_cache_of_very_many_files_is_not_counted_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "x").write_bytes(bytes(1000))
    monkeypatch.setattr(disk, "PATIENCE", -1.0)

    assert "more than " in look(tmp_path)["cache"].detail
