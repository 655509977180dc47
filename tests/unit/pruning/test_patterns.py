"""Globs mean the same one by one, all together, and by the book."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from condabox.conda.envfile.reading import FieldError
from condabox.conda.envfile.values import path_glob
from condabox.pruning.patterns import GlobTable, alternatives, any_case, any_of, glob_regex


def matches(glob: str, path: str) -> bool:
    found = glob_regex(glob).fullmatch(path) is not None
    assert (any_of(("no", glob)).fullmatch(path) is not None) is (found or path == "no")
    assert GlobTable([(glob, "x")]).matching(path) == (("x",) if found else ())
    return found


def test_case_counts_where_nobody_says_otherwise() -> None:
    glob = any_case("x-1*")

    assert [matches(glob, path) for path in ("x-1", "X-1.txt", "y-1")] == [True, True, False]
    assert not matches("x-1*", "X-1")


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        pytest.param("a/b", ["a/b"], ["a", "b", "a/b/c", "x/a/b", "a/B"], id="spelled-out"),
        pytest.param("*", ["a", ".a", "a.b"], ["a/b"], id="star"),
        pytest.param("a/*", ["a/b", "a/.b"], ["a", "a/b/c", "b/a/b"], id="star-in-folder"),
        pytest.param("*.a", ["x.a", ".a", "x.b.a"], ["a", "xa", "y/x.a", "x.ab"], id="ending"),
        pytest.param("a?c", ["abc", "a.c", "aéc"], ["ac", "abbc", "a/c"], id="one"),
        pytest.param("**", ["a", "a/b", ".a/b"], [], id="everything"),
        pytest.param("**/**", ["a", "a/b"], [], id="everything-twice"),
        pytest.param("a/**", ["a/b", "a/b/c", "a/."], ["a", "ab", "b/a/c"], id="below"),
        pytest.param("**/a", ["a", "b/a", "b/c/a"], ["ba", "b/ba", "a/b"], id="anywhere"),
        pytest.param("**/*.a", ["x.a", "b/x.a", "b/c/.a"], ["a", "x.a/b"], id="ending-anywhere"),
        pytest.param("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/c"], id="middle"),
        pytest.param("**/a/**", ["a/b", "x/a/b", "x/a/a/b/c"], ["a", "x/a", "xa/b"], id="folder"),
        pytest.param("**/a/**/*.b", ["a/x.b", "y/a/z/x.b"], ["a.b", "y/x.b", "a/b"], id="both"),
        pytest.param("a/*/**", ["a/b/c", "a/b/c/d"], ["a/b", "a"], id="two-levels"),
        pytest.param("**/a/*/b", ["a/x/b", "a/a/a/b", "y/a/x/b"], ["a/b", "a/x/y/b"], id="again"),
        pytest.param("[a-c]x", ["ax", "cx"], ["dx", "x", "-x"], id="range"),
        pytest.param("[!a-c]x", ["dx", "-x"], ["ax", "x", "/x"], id="no-range"),
        pytest.param("[^a]x", ["bx", "^x"], ["ax"], id="no-range-as-in-other-shells"),
        pytest.param("[*][?][[]x", ["*?[x"], ["a?[x", "**?[x"], id="quoted"),
        pytest.param("*[.]a", ["x.a"], ["x.b", "a"], id="quoted-dot"),
        pytest.param("x[a.]b", ["x.b", "xab"], ["xb"], id="dot-in-a-range"),
        pytest.param("a[-_]b[^-a-c]", ["a-bx", "a_b_"], ["axb-", "a-b-", "a-bb"], id="dash"),
        pytest.param("[+--]", ["+", ",", "-"], ["."], id="range-of-signs"),
        pytest.param("[a&&b||~]", ["&", "|", "~", "a"], ["c"], id="no-set-operations"),
        pytest.param("(a|b)+{1}$.", ["(a|b)+{1}$."], ["a", "aa"], id="no-regex"),
        pytest.param("[]", ["[]"], ["a", ""], id="no-range-at-all"),
        pytest.param("a[b", ["a[b"], ["ab"], id="unbalanced"),
        pytest.param("*a*b*", ["ab", "xaybz", "aab", "abb"], ["ba", "a/b"], id="several-stars"),
        pytest.param("*ab*ab", ["abab", "aabxab", "ababab"], ["ab", "aba"], id="overlapping"),
        pytest.param("a\nb/*", ["a\nb/\n"], ["ab/c"], id="line-breaks"),
    ],
)
def test_what_a_glob_means(glob: str, matching: list[str], others: list[str]) -> None:
    assert [path for path in matching if not matches(glob, path)] == []
    assert [path for path in others if matches(glob, path)] == []


def test_alternatives_are_written_out() -> None:
    assert alternatives("a") == ("a",)
    assert alternatives("{a,b}/{c,d}*") == ("a/c*", "a/d*", "b/c*", "b/d*")
    assert alternatives("a{,-b}") == ("a", "a-b")
    assert sorted(alternatives("{a,b{c,d}}")) == ["a", "bc", "bd"]


def test_no_globs_match_nothing() -> None:
    assert any_of(()).fullmatch("") is None
    assert not GlobTable[str]([])
    assert GlobTable[str]([]).matching("a") == ()


def test_a_table_tells_all_that_match() -> None:
    table = GlobTable([("a/*", 1), ("**/x", 2), ("a/**", 3), ("*/x.y", 4), ("b/**", 5)])

    assert table
    assert sorted(table.matching("a/x")) == [1, 2, 3]
    assert sorted(table.matching("a/x.y")) == [1, 3, 4]
    assert sorted(table.matching("a/b/x")) == [2, 3]


PARTS = st.text("ab.*?", min_size=1, max_size=4).filter(lambda part: "**" not in part)
GLOBS = st.lists(st.just("**") | PARTS | st.sampled_from(["[a.]", "[!a]*", "a", "b.a"])).map(
    "/".join
)
PATHS = st.lists(st.text("ab.", min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)


def by_the_book(parts: list[str], path: list[str]) -> bool:
    """Match part by part, with nothing clever in it."""
    if not parts:
        return not path
    if parts[0] == "**":
        if len(parts) == 1:
            return bool(path)
        return any(by_the_book(parts[1:], path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and one_part(parts[0], path[0]) and by_the_book(parts[1:], path[1:])


def one_part(glob: str, name: str) -> bool:
    pieces = re.findall(r"\[.*?\]|.", glob)
    regex = "".join(
        {"*": ".*", "?": "."}.get(piece, piece.replace("!", "^") if piece[1:] else re.escape(piece))
        for piece in pieces
    )
    return re.fullmatch(regex, name) is not None


@given(GLOBS.filter(bool), PATHS)
@example("**/a/b/**/a", "a/a/b/a/b/a")
@example("**/**", "a")
def test_the_law(glob: str, path: str) -> None:
    assert matches(glob, path) is by_the_book(glob.split("/"), path.split("/"))


@given(st.text("a-z[]!^*?/.-", min_size=1, max_size=12) | GLOBS)
def test_what_an_environment_file_may_say_can_be_matched(glob: str) -> None:
    try:
        glob = path_glob(glob, "keep")
    except FieldError:
        return

    assert isinstance(matches(glob, "a/b"), bool)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        pytest.param("*a" * 40 + "b", "a" * 4000, id="stars"),
        pytest.param("**/a/" * 40 + "b", "a/" * 1200 + "a", id="folders"),
        pytest.param("**/*a*a*a*a*/" * 20 + "b", "aaaaa/" * 600 + "a", id="all-together"),
    ],
)
def test_no_glob_takes_for_ever(glob: str, path: str) -> None:
    assert not matches(glob, path)  # a matcher that tries everything would need years
