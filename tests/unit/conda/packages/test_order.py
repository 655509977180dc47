from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.packages.order import in_link_order
from tests.fakes.packages import locked_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random


def ordered(graph: Mapping[str, Iterable[str]], *, noarch: str = "") -> str:
    packages = [
        locked_named(name, needs, subdir="noarch" if name in noarch else "linux-64")
        for name, needs in graph.items()
    ]
    return "".join(found.name for found in in_link_order(packages))


@pytest.mark.parametrize(
    ("graph", "noarch", "expected"),
    [
        pytest.param({}, "", "", id="nothing"),
        pytest.param({"a": "", "b": "", "c": ""}, "", "cba", id="ties"),
        pytest.param({"a": "b", "b": ""}, "", "ba", id="needed first"),
        pytest.param({"a": "bc", "b": "d", "c": "d", "d": ""}, "", "dcba", id="diamond"),
        pytest.param({"a": "bx", "b": ""}, "", "ba", id="virtual package"),
        pytest.param({"a": "a", "b": "a"}, "", "ab", id="needs itself"),
        pytest.param({"a": "b", "b": "a"}, "", "ab", id="cycle"),
        pytest.param({"a": "b", "b": "a"}, "a", "ba", id="cycle, noarch later"),
        pytest.param({"a": "b", "b": "a"}, "b", "ab", id="cycle, the other noarch later"),
        pytest.param({"a": "b", "b": "c", "c": "b"}, "c", "bca", id="cycle that a root needs"),
        pytest.param({"a": "ab", "b": "abd", "d": "a"}, "a", "bad", id="no root at all"),
    ],
)
def test_order(graph: Mapping[str, str], noarch: str, expected: str) -> None:
    assert ordered(graph, noarch=noarch) == expected


def test_pip_comes_after_python() -> None:
    packages = [locked_named("pip", ["python"], subdir="noarch"), locked_named("python", ["pip"])]

    assert [found.name for found in in_link_order(packages)] == ["python", "pip"]


def test_wheels_come_last_by_name() -> None:
    packages = [
        locked_named("b", manager="pip"),
        locked_named("z"),
        locked_named("a", ["b"], manager="pip"),
        locked_named("a"),
    ]

    found = [(each.manager, each.name) for each in in_link_order(packages)]

    assert found == [("conda", "z"), ("conda", "a"), ("pip", "a"), ("pip", "b")]


def test_deep_graphs_are_no_problem() -> None:
    packages = [locked_named(f"p{number:05}", [f"p{number + 1:05}"]) for number in range(5000)]

    names = [found.name for found in in_link_order(packages)]

    assert names == sorted(names, reverse=True)


graphs = st.dictionaries(
    st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefgx"), unique=True), max_size=7
)


@given(graphs, st.sets(st.sampled_from("abcdefg")), st.randoms())
def test_the_order_is_that_of_no_input(
    graph: dict[str, list[str]], noarch: set[str], random: Random
) -> None:
    shuffled = list(graph.items())
    random.shuffle(shuffled)

    order = ordered(graph, noarch="".join(noarch))

    assert order == ordered(dict(shuffled), noarch="".join(noarch))
    assert sorted(order) == sorted(graph)


@given(graphs)
def test_without_cycles_what_is_needed_comes_first(graph: dict[str, list[str]]) -> None:
    acyclic = {name: [need for need in needs if need > name] for name, needs in graph.items()}

    order = ordered(acyclic)

    for name, needs in acyclic.items():
        assert all(order.index(need) < order.index(name) for need in needs if need in acyclic)
