from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from condabox.layering import SMALLEST_OWN, Churn, LayerCandidate, group_packages

if TYPE_CHECKING:
    from collections.abc import Sequence

CANDIDATES = st.lists(
    st.builds(
        LayerCandidate,
        key=st.uuids().map(str),
        name=st.text("abc", min_size=1, max_size=3),
        size=st.integers(0, 3_000_000_000),
        churn=st.sampled_from(Churn),
    ),
    max_size=60,
    unique_by=lambda each: each.key,
)


def candidate(name: str, size: int, churn: Churn = Churn.COMPILED) -> LayerCandidate:
    return LayerCandidate(key=f"key-{name}", name=name, size=size, churn=churn)


def names(groups: Sequence[Sequence[LayerCandidate]]) -> list[tuple[str, ...]]:
    return [tuple(each.name for each in group) for group in groups]


@given(CANDIDATES, st.integers(0, 50))
def test_every_package_is_in_exactly_one_layer(
    candidates: list[LayerCandidate], budget: int
) -> None:
    groups = group_packages(candidates, budget=budget)

    grouped = [each.key for group in groups for each in group]
    assert sorted(grouped) == sorted(each.key for each in candidates)


@given(CANDIDATES, st.integers(0, 50))
def test_there_are_at_most_as_many_layers_as_the_budget_and_the_tails(
    candidates: list[LayerCandidate], budget: int
) -> None:
    groups = group_packages(candidates, budget=budget)

    assert len(groups) <= budget + len(Churn)


@given(CANDIDATES, st.integers(0, 50))
def test_the_order_of_packages_does_not_matter(
    candidates: list[LayerCandidate], budget: int
) -> None:
    shuffled = sorted(candidates, key=lambda each: each.key[::-1])

    assert group_packages(shuffled, budget=budget) == group_packages(candidates, budget=budget)


def test_the_largest_packages_get_their_own_layers() -> None:
    candidates = [
        candidate("a", 900_000_000),
        candidate("b", 2_000_000),
        candidate("c", 100_000_000),
    ]

    groups = group_packages(candidates, budget=2)

    assert names(groups) == [("a",), ("c",), ("b",)]


def test_a_package_too_small_for_its_own_layer_shares_one() -> None:
    groups = group_packages([candidate("a", SMALLEST_OWN - 1), candidate("b", 10)], budget=40)

    assert names(groups) == [("a", "b")]


def test_stable_packages_lie_below_those_that_change() -> None:
    candidates = [
        candidate("app", 50_000_000, Churn.PURE),
        candidate("libbig", 5_000_000, Churn.LIBRARY),
        candidate("numpy", 9_000_000, Churn.COMPILED),
    ]

    groups = group_packages(candidates, budget=40)

    assert names(groups) == [("libbig",), ("numpy",), ("app",)]


def test_a_version_of_nearly_the_same_size_leaves_every_layer_as_it_was() -> None:
    others = [candidate(f"p{index}", 3_000_000 + index) for index in range(10)]
    before = group_packages([candidate("p", 9_000_000), *others], budget=5)
    after = group_packages([candidate("p", 9_400_000), *others], budget=5)

    assert names(before) == names(after)
