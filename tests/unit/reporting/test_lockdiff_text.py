from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.reporting.lockcompare import compare_locks
from condabox.reporting.lockdiff_text import lock_diff_text
from tests.conftest import ROOT
from tests.fakes.lockfiles import conda, lock_file, wheel

if TYPE_CHECKING:
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.reporting.lockdiff import LockDiff


def table(before: list[LockedPackage], after: list[LockedPackage]) -> list[list[str]]:
    text = lock_diff_text(
        compare_locks(lock_file({"linux-64": before}), lock_file({"linux-64": after}))
    )
    return [line.split() for line in text.partition("\n\n")[2].splitlines()[1:]]


def test_everything_at_once(eventful: LockDiff) -> None:
    assert lock_diff_text(eventful) == (ROOT / "tests/golden/lockdiff.txt").read_text().rstrip()


def test_no_change_is_a_sentence() -> None:
    lock = lock_file({"linux-64": [conda("x")]})

    assert lock_diff_text(compare_locks(lock, lock)) == (
        "envs/ai.conda-lock.yml: nothing that is installed has changed"
    )


def test_another_base_alone_has_no_table() -> None:
    old = lock_file({"linux-64": [conda("x")]}, path="old.yml", base=None)
    new = lock_file({"linux-64": [conda("x")]}, path="new.yml")

    assert lock_diff_text(compare_locks(old, new)).splitlines() == [
        "old.yml -> new.yml: the same packages",
        "base: none -> ubuntu:24.04",
        "download for linux-64: 1.0 MB",
    ]


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        pytest.param([], "0 B", id="nothing to download"),
        pytest.param([1000, 2000], "3.0 kB", id="all known"),
        pytest.param([1000, None], "1.0 kB + 1 of unknown size", id="some known"),
        pytest.param([None, None], "unknown", id="none known"),
    ],
)
def test_what_is_not_known_is_not_counted_as_nothing(sizes: list[int | None], text: str) -> None:
    new = lock_file({"linux-64": [conda(f"x{n}", size=size) for n, size in enumerate(sizes)]})
    empty = lock_file({})

    first = lock_diff_text(compare_locks(empty, new)).splitlines()

    assert first[1] == f"download for linux-64 (added): {text}"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        pytest.param(1000, 2000, "1.0 kB -> 2.0 kB", id="known"),
        pytest.param(1000, 1001, "1.0 kB", id="they read the same"),
        pytest.param(None, 2000, "? -> 2.0 kB", id="unknown before"),
        pytest.param(None, None, "?", id="unknown"),
    ],
)
def test_the_size_of_a_package(before: int | None, after: int | None, shown: str) -> None:
    (cells,) = table([conda("x", "1", size=before)], [conda("x", "2", size=after)])

    assert " ".join(cells) == f"x up 1 2 linux-64 {shown}"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        pytest.param(
            conda("x", build="py312h1234567_0"),
            conda("x", build="py312h7654321_1"),
            "1.0 py312h…_0 1.0 py312h…_1",
            id="the number of the build",
        ),
        pytest.param(
            conda("x", build="py312h1234567_0"),
            conda("x", build="py312h7654321_0"),
            "1.0 py312h1234567_0 1.0 py312h7654321_0",
            id="the hash of the build",
        ),
        pytest.param(
            conda("x"),
            conda("x", suffix=".tar.bz2"),
            "1.0 x-1.0-0.conda 1.0 x-1.0-0.tar.bz2",
            id="the format of the archive",
        ),
        pytest.param(
            wheel("x", tags="py2.py3-none-any"),
            wheel("x", tags="py3-none-any"),
            "1.0 py2.py3-none-any 1.0 py3-none-any",
            id="the tags of a wheel",
        ),
    ],
)
def test_what_differs_is_shown(before: LockedPackage, after: LockedPackage, shown: str) -> None:
    (cells,) = table([before], [after])

    assert f" {shown} linux-64 " in " ".join(cells)


def test_a_wheel_and_a_conda_package_of_one_name_have_a_line_each() -> None:
    lines = table([conda("x", "1"), wheel("x", "1")], [conda("x", "2"), wheel("x", "2")])

    assert [line[:-1] for line in lines] == [
        ["x", "up", "1", "2", "linux-64", "1.0"],
        ["x", "(pip)", "up", "1", "2", "linux-64"],
    ]


def test_terminals_are_not_steered() -> None:
    new = lock_file(
        {"linux-64\x1b[2J": [conda("x\x1b]0;owned\x07", "1\n2")]}, path="a\x1b.yml", base="b\r"
    )

    text = lock_diff_text(compare_locks(lock_file({}), new))

    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count("\n") == len(text.splitlines()) - 1
