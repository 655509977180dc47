"""Efficiency, computed by hand as dive's source does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.inspection.report import WasteReport
from condabox.inspection.stack import stacked
from condabox.inspection.waste import Waste, waste_of
from tests.fakes.contents import contents
from tests.fakes.tars import symlink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.tars import Entry

FILES = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 50), max_size=4)
REMOVED = st.sets(st.sampled_from("abcd"), max_size=2)


def waste(*layers: Sequence[Entry]) -> Waste:
    return waste_of(stacked(contents(*each) for each in layers))


def file(path: str, size: int) -> tuple[str, bytes]:
    return path, bytes(size)


def test_an_image_without_bytes_is_efficient() -> None:
    assert waste([]) == Waste(efficiency=1.0, bytes=0, paths=())


def test_what_stands_in_one_layer_wastes_nothing() -> None:
    assert waste([file("a", 10)], [file("b", 20)]).efficiency == 1.0


def test_the_same_file_twice_is_wasted_once() -> None:
    """a: 10 + 10, of which 10 are needed; b: 80.  dive: (10 + 80) / (20 + 80)."""
    assert waste([file("a", 10), file("b", 80)], [file("a", 10)]) == Waste(
        efficiency=0.9, bytes=10, paths=(WasteReport(path="/a", bytes=10, layers=(0, 1)),)
    )


def test_the_smallest_of_all_copies_is_the_one_that_is_needed() -> None:
    """a: 10 + 30 + 60.  dive: 10 / 100."""
    found = waste([file("a", 30)], [file("a", 10)], [file("a", 60)])

    assert found.efficiency == pytest.approx(0.1)
    assert found.bytes == 90


def test_what_is_removed_is_wasted_whole() -> None:
    """a: 25 + 0, of which nothing is needed; b: 75.  dive: (0 + 75) / (25 + 75)."""
    assert waste([file("a", 25), file("b", 75)], [".wh.a"]) == Waste(
        efficiency=0.75, bytes=25, paths=(WasteReport(path="/a", bytes=25, layers=(0, 1)),)
    )


def test_a_directory_that_is_removed_is_all_the_files_in_it() -> None:
    found = waste([file("d/a", 20), file("d/e/b", 30), file("c", 50)], [".wh.d"])

    assert (found.efficiency, found.bytes) == (0.5, 50)
    assert [each.path for each in found.paths] == ["/d/e/b", "/d/a"]


def test_what_a_link_replaces_is_wasted() -> None:
    assert waste([file("a", 25), file("b", 75)], [symlink("a", "b")]).efficiency == 0.75


def test_what_comes_again_after_it_was_removed_is_wasted() -> None:
    """a: 40 + 0 + 60.  dive: 0 / 100."""
    assert waste([file("a", 40)], [".wh.a"], [file("a", 60)]).efficiency == 0.0


@given(layers=st.lists(st.tuples(FILES, REMOVED), max_size=4))
def test_both_numbers_say_the_same(layers: list[tuple[dict[str, int], set[str]]]) -> None:
    entries: list[list[Entry]] = []
    for files, removed in layers:
        entries.append([file(path, size) for path, size in files.items()])
        entries[-1].extend(f".wh.{path}" for path in removed)

    found = waste(*entries)

    total = sum(sum(files.values()) for files, _ in layers)
    assert 0 <= found.efficiency <= 1
    assert found.bytes == sum(each.bytes for each in found.paths)
    assert found.efficiency == pytest.approx(1 - found.bytes / total if total else 1)
