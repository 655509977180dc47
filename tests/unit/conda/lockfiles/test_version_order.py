from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from rattler import Version
from rattler.exceptions import InvalidVersionError

from condabox.conda.lockfiles.version_order import compare_versions

# From the documentation of conda's VersionOrder; what stands in one line is equal.
DOCUMENTED = """\
0.4 0.4.0
0.4.1.rc 0.4.1.RC
0.4.1
0.5a1
0.5b3
0.5C1
0.5
0.9.6
0.960923
1.0
1.1dev1
1.1_
1.1a1
1.1.0dev1 1.1.dev1
1.1.a1
1.1.0rc1
1.1.0 1.1
1.1.0post1 1.1.post1
1.1post1
1996.07.12
1!0.4.1
1!3.1.1.6
2!0.4.1
"""
RANKED = [(rank, v) for rank, line in enumerate(DOCUMENTED.splitlines()) for v in line.split()]

words = st.sampled_from(["", "a", "b", "rc", "dev", "post", "alpha", "w", "RC"])
numbers = st.integers(min_value=0, max_value=2**31).map(str) | st.sampled_from(["0", "1", "01"])
components = st.builds("".join, st.lists(words | numbers, min_size=1, max_size=4))
versions = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "0!", "1!", "2!"]),
    st.lists(components, min_size=1, max_size=3).map(".".join),
    # after a word, as in "rc_", rattler takes the underscore for something else than conda does
    st.sampled_from(["", ".0", ".1", ".1_"]),
    st.sampled_from(["", "", "+1", "+cu128", "+1.2", "+g.dev"]),
)
texts = versions | st.text(max_size=8) | st.text("0123456789.!+_-adev", max_size=8)


@pytest.mark.parametrize(("one", "other"), [*combinations(RANKED, 2)])
def test_documented_order(one: tuple[int, str], other: tuple[int, str]) -> None:
    expected = 0 if one[0] == other[0] else -1

    assert compare_versions(one[1], other[1]) == expected
    assert compare_versions(other[1], one[1]) == -expected


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param("2024a", "2024b", id="tzdata"),
        pytest.param("9e", "9f", id="jpeg"),
        pytest.param("1.1.1v", "1.1.1w", id="openssl, letters"),
        pytest.param("1.1.1w", "3.0.0", id="openssl, numbers"),
        pytest.param("1.0.1_", "1.0.1a", id="openssl, as conda advises"),
        pytest.param("2026.1", "1!2.0", id="epoch"),
        pytest.param("2.9", "2.10", id="numbers are not text"),
        pytest.param("2.5.1", "2.5.1+1", id="local"),
        pytest.param("2.5.1+cu126", "2.5.1+cu128", id="local, with a word"),
        pytest.param("9" * 5000, "1" + "0" * 5000, id="numbers that Python would not read"),
    ],
)
def test_older_and_newer(older: str, newer: str) -> None:
    assert compare_versions(older, newer) == -1
    assert compare_versions(newer, older) == 1


@pytest.mark.parametrize("one", ["", ".", "!", "1!2!3", "1+2+3", "~1", "1..2", "+", "é\0"])
def test_what_conda_refuses_has_its_place_too(one: str) -> None:
    assert compare_versions(one, one) == 0
    assert compare_versions(one, "1.0") == -compare_versions("1.0", one) != 0


@given(texts, texts, texts)
def test_it_is_a_total_order(one: str, other: str, third: str) -> None:
    assert compare_versions(one, one) == 0
    assert compare_versions(one, other) == -compare_versions(other, one)
    first, second = compare_versions(one, other), compare_versions(other, third)
    if first >= 0 and second >= 0:
        assert compare_versions(one, third) == max(first, second)


@given(versions, versions)
@example("1.1_", "1.1dev1")
@example("1.1_", "1.1a1")
def test_rattler_has_the_same_order(one: str, other: str) -> None:
    try:
        mine, yours = Version(one), Version(other)
    except InvalidVersionError:
        assume(False)  # noqa: FBT003
        raise

    assert compare_versions(one, other) == (mine > yours) - (mine < yours)
