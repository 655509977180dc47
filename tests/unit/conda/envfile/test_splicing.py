"""Where values stand in a YAML text, which is what an edit relies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from condabox.conda.envfile.document import parse_document
from condabox.conda.envfile.splicing import TextList
from condabox.errors import SpecError


def written(text: str) -> dict[str, str]:
    spans = parse_document(text, path=Path("x.yml")).spans
    return {at: text[span.start : span.end] for at, span in spans.items()}


def test_a_value_ends_before_the_comment_behind_it() -> None:
    found = written(
        "\ufeff---\r\na: 'ü😀'  # c\r\nb:\r\n- x # 😀\r\n- y: [1,\r\n   2] # c\r\n# c\r\n"
    )

    assert found == {
        "": found[""],
        "a": "'ü😀'",
        "b": "- x # 😀\r\n- y: [1,\r\n   2]",
        "b[0]": "x",
        "b[1]": "y: [1,\r\n   2]",
        "b[1].y": "[1,\r\n   2]",
        "b[1].y[0]": "1",
        "b[1].y[1]": "2",
    }


@pytest.mark.parametrize(
    ("text", "nowhere"),
    [
        pytest.param("a: &x b\nc: *x\n", {"", "a", "c"}, id="anchor"),
        pytest.param("a: [&x b, *x]\n", {"a[0]", "a[1]"}, id="inside"),
        pytest.param("a: |\n  b\n\n# c\n", {"", "a"}, id="literal"),
        pytest.param("a:\n- b\n- >-\n  c\n", {"", "a", "a[1]"}, id="folded"),
    ],
)
def test_what_stands_in_two_places_or_ends_nowhere_has_no_span(
    text: str, nowhere: set[str]
) -> None:
    document = parse_document(text, path=Path("x.yml"))

    assert set(document.lines) - set(document.spans) == nowhere


def listing(text: str) -> TextList:
    document = parse_document(text, path=Path("x.yml"))
    assert isinstance(document.value, list)
    return TextList.find(text, document, at="", size=len(document.value))


@pytest.mark.parametrize(
    ("text", "index", "result"),
    [
        ("- a\n- b\n", 0, "- new\n  - more\n- a\n- b\n"),
        ("- a\n- b", 2, "- a\n- b\n- new\n  - more"),
        (" -  a # c\r\n -  b", 1, " -  a # c\r\n -  new\r\n   - more\r\n -  b"),
        ("[a, b]", 0, "[new   - more, a, b]"),
    ],
)
def test_lines_are_put_into_a_list(text: str, index: int, result: str) -> None:
    assert listing(text).inserted(index, "new", "  - more") == result


def test_a_list_without_its_last_line_ends_as_it_ended() -> None:
    assert listing("- a\r\n- b").without(1) == "- a"
    assert listing("- a\r\n- b\r\n").without(1) == "- a\r\n"


def test_a_document_that_is_none_is_refused_with_its_path() -> None:
    with pytest.raises(SpecError, match=r"^x\.yml: is empty"):
        written("")
