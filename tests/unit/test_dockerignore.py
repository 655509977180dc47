"""Patterns mean what they mean to Docker."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from condabox.dockerignore import DockerIgnore, PatternError


def excluded(text: str, path: str) -> bool:
    """Judge ``path`` and the folders above it, as a walk does."""
    ignore = DockerIgnore.parse(text)
    verdict = ignore.root
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        verdict = ignore.judge("/".join(parts[:count]), parent=verdict)
    return verdict.excluded


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        # The table of Docker's documentation
        pytest.param("*/temp*", ["a/temporary.txt", "a/temp"], ["temp", "a/b/temp"], id="one"),
        pytest.param("*/*/temp*", ["a/b/temporary.txt"], ["a/temp", "a/b/c/temp"], id="two"),
        pytest.param("temp?", ["tempa", "tempb"], ["temp", "tempab", "a/tempa"], id="question"),
        pytest.param("**/*.go", ["x.go", "a/x.go", "a/b/x.go"], ["x.goo", "a/go"], id="any-depth"),
        # What its words and its matcher's own tests say besides
        pytest.param("foo/bar", ["foo/bar", "foo/bar/x"], ["bar", "x/foo/bar"], id="rooted"),
        pytest.param("/foo/bar", ["foo/bar"], ["x/foo/bar"], id="leading-slash"),
        pytest.param("foo/", ["foo", "foo/x"], ["x/foo", "foox"], id="trailing-slash"),
        pytest.param("./foo//bar/../baz", ["foo/baz"], ["foo/bar", "foo"], id="cleaned"),
        pytest.param("  foo \t\r", ["foo"], ["foo "], id="trimmed"),
        pytest.param("*", ["a", ".a", "a/b"], [], id="everything"),
        pytest.param("**", ["a", "a/b"], [], id="everything-deep"),
        pytest.param("**/**", ["a", "a/b"], [], id="everything-twice"),
        pytest.param("*.md", ["README.md", ".md", "docs.md/x"], ["docs/README.md"], id="star"),
        pytest.param("**/dir2/*", ["dir2/a", "x/dir2/a/b"], ["dir2", "dir2x/a"], id="middle"),
        pytest.param("**/dir2/**", ["dir/dir2/dir3/file"], ["dir/dir2", "dir/dir22/x"], id="both"),
        pytest.param("abc/**", ["abc/def", "abc/def/ghi"], ["abc", "abcd/x"], id="below"),
        pytest.param("ab**", ["ab", "abc", "ab/c"], ["a", "xab"], id="prefix"),
        pytest.param("**/foo", ["foo", "a/b/foo", "foo/x"], ["afoo", "foox"], id="anywhere"),
        pytest.param("**file", ["file", "dir/file", "myfile", "d/myfile"], ["files"], id="suffix"),
        pytest.param("**file*", ["file", "d/files"], ["myfile", "d/myfile"], id="no-suffix"),
        pytest.param("a**/*.txt", ["a/f.txt", "a/b/c/f.txt"], ["b/f.txt"], id="inner"),
        pytest.param("a/*.txt**", ["a/file.txt", "a/file.txtx/y"], ["a/b/file.txt"], id="tail"),
        pytest.param("a[b-d]e", ["ace"], ["ae", "aae", "abde"], id="range"),
        pytest.param("a[^b-d]e", ["aze"], ["abe", "ae"], id="negated"),
        pytest.param("a[!b]e", ["a!e", "abe"], ["ace"], id="no-exclamation-mark"),
        pytest.param("[\\]a\\-]", ["]", "a", "-"], ["b", "\\"], id="escapes-in-a-range"),
        pytest.param("a\\*b", ["a*b"], ["ab", "axb"], id="escaped"),
        pytest.param("\\#x", ["#x"], ["x"], id="escaped-hash"),
        pytest.param("a.|)$(}+{b^c", ["a.|)$(}+{b^c"], ["aX|)$(}+{b^c"], id="no-regex"),
        pytest.param("a?b", ["a☺b"], ["a/b", "a☺☺b"], id="not-ascii"),
        pytest.param("[a-ζ]*", ["β", "zoo"], ["A"], id="range-not-ascii"),
        pytest.param("..", [], ["a", ".a", "..a"], id="outside"),
        pytest.param(".", [], ["a", ".a"], id="itself"),
        pytest.param("/", [], ["a"], id="root"),
    ],
)
def test_a_pattern_matches_what_it_matches_for_docker(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    assert [path for path in matching + others if excluded(pattern, path)] == matching


@pytest.mark.parametrize(
    ("text", "left", "out"),
    [
        # The examples of Docker's documentation
        pytest.param("*.md\n!README.md", ["README.md", "a/b.md"], ["NEWS.md"], id="one-exception"),
        pytest.param(
            "*.md\n!README*.md\nREADME-secret.md",
            ["README.md", "README-x.md"],
            ["README-secret.md", "NEWS.md"],
            id="last-wins",
        ),
        pytest.param(
            "*.md\nREADME-secret.md\n!README*.md",
            ["README.md", "README-secret.md"],
            ["NEWS.md"],
            id="middle-line-has-no-effect",
        ),
        # An exclusion reaches all that is below, an exception too
        pytest.param("docs\n!docs/README.md", ["docs/README.md"], ["docs", "docs/x"], id="below"),
        pytest.param("**\n!web", ["web", "web/a/b"], ["a", "a/web"], id="folder-comes-back"),
        pytest.param("**\n!web\nweb/a", ["web", "web/b"], ["web/a", "web/a/x"], id="and-not-all"),
        pytest.param("a\n!a/b/c", ["a/b/c", "a/b/c/d"], ["a", "a/b", "a/b/d"], id="deep"),
        pytest.param("!a\na", [], ["a", "a/b"], id="exception-comes-first"),
        pytest.param("*\n! /a", ["a"], ["b"], id="blank-and-slash-behind-the-mark"),
        pytest.param("*\n!!a", ["!a"], ["a"], id="two-marks"),
        # A pattern that could not change a folder's fate does not count for what is in it
        pytest.param("a/b\n!a", ["a", "a/c"], ["a/b", "a/b/c"], id="exception-above"),
        pytest.param("a\n!a/b\na", ["a/b"], ["a", "a/c"], id="exclusion-repeated"),
        # Lines
        pytest.param("\ufeffa\r\n\r\n# b\r\nc", ["b", "# b"], ["a", "c"], id="bom-and-crlf"),
        pytest.param(" # a", ["a"], ["# a"], id="indented-hash-is-no-comment"),
        pytest.param("", ["a"], [], id="empty"),
    ],
)
def test_the_last_pattern_that_matches_wins(text: str, left: list[str], out: list[str]) -> None:
    assert [path for path in left + out if excluded(text, path)] == out


@pytest.mark.parametrize(
    "pattern",
    ["!", "! ", "[", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[^", "[^bc", "\\", "a/[b-a]"],
)
def test_what_docker_refuses_is_refused_with_its_line(pattern: str) -> None:
    with pytest.raises(PatternError) as raised:
        DockerIgnore.parse(f"# first\nfine\n{pattern}\n")

    assert raised.value.line == 3


def test_only_an_exception_brings_something_back() -> None:
    assert DockerIgnore.parse("a\n!b").has_exceptions
    assert not DockerIgnore.parse("a\nb").has_exceptions


def glob(pattern: str, path: str) -> bool:
    """Match by trying every way; ``**`` and its slash stand for any number of whole folders."""
    if not pattern:
        return not path
    if pattern in {"**", "**/"}:
        return True
    if pattern.startswith("**"):
        rest = pattern[3:] if pattern.startswith("**/") else pattern[2:]
        starts = [0, *(index + 1 for index, letter in enumerate(path) if letter == "/")]
        return any(glob(rest, path[start:]) for start in starts)
    if pattern[0] == "*":
        longest = path.find("/") if "/" in path else len(path)
        return any(glob(pattern[1:], path[used:]) for used in range(longest + 1))
    if pattern[0] == "?":
        return path[:1] not in {"", "/"} and glob(pattern[1:], path[1:])
    return path[:1] == pattern[0] and glob(pattern[1:], path[1:])


def matches(pattern: str, path: str) -> bool:
    """Match as Docker does, with its comparison of suffixes where there is no other wildcard."""
    rest = pattern.removeprefix("**")
    if rest != pattern and not set("*?") & set(rest) and not rest.startswith("/"):
        return path.endswith(rest)
    return glob(pattern, path)


def fate(lines: list[str], path: str) -> tuple[bool, list[bool]]:
    """Return whether ``path`` is excluded, and which lines reached it, by recursion to the top."""
    folder = path.rpartition("/")[0]
    reached = fate(lines, folder)[1] if folder else [False] * len(lines)
    out = False
    for index, line in enumerate(lines):
        exception = line.startswith("!")
        useful = exception == out
        if not reached[index] and useful:
            reached[index] = matches(line.removeprefix("!"), path)
        if reached[index]:
            out = not exception
    return out, reached


_NAMES = st.text(alphabet="ab.", min_size=1, max_size=3).filter(lambda name: set(name) != {"."})
_SEGMENTS = st.one_of(
    _NAMES,
    st.sampled_from(["*", "**", "?", "a*", "*b", "a?", "**b", "a**"]),
)
_PATTERNS = st.lists(_SEGMENTS, min_size=1, max_size=4).map("/".join)
_LINES = st.builds(str.__add__, st.sampled_from(["", "", "!"]), _PATTERNS)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)


@given(pattern=_PATTERNS, path=_PATHS)
@example(pattern="**", path="a")
@example(pattern="**b", path="ab")
@example(pattern="a/**", path="a")
def test_one_pattern_agrees_with_a_plain_matcher(pattern: str, path: str) -> None:
    found = DockerIgnore.parse(pattern).patterns[0].matches(path)

    assert found == matches(pattern, path)


@given(lines=st.lists(_LINES, max_size=5), path=_PATHS)
def test_many_patterns_agree_with_a_plain_reference(lines: list[str], path: str) -> None:
    assert excluded("\n".join(lines), path) == fate(lines, path)[0]


@given(text=st.text(max_size=60))
def test_no_text_raises_anything_but_a_pattern_error(text: str) -> None:
    try:
        ignore = DockerIgnore.parse(text)
    except PatternError as error:
        assert error.line >= 1  # noqa: PT017  (whether it raises depends on the text)
    else:
        ignore.judge("a", parent=ignore.root)
