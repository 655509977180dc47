from __future__ import annotations

import pytest

from condabox.reporting.formats import arrow, counted, format_range, format_size, printable


@pytest.mark.parametrize(
    ("size", "text"),
    [
        pytest.param(0, "0 B", id="nothing"),
        pytest.param(999, "999 B", id="bytes"),
        pytest.param(1000, "1.0 kB", id="a thousand"),
        pytest.param(99_949, "99.9 kB", id="three digits"),
        pytest.param(99_950, "100 kB", id="rounded up"),
        pytest.param(999_500, "1.0 MB", id="rounded to the next unit"),
        pytest.param(12e15, "12000 TB", id="no larger unit"),
    ],
)
def test_format_size(size: float, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        pytest.param(5, 5, "5 B", id="equal"),
        pytest.param(1_500_000, 1_500_001, "1.5 MB", id="they read the same"),
        pytest.param(1_500_000, 2_500_000, "1.5 to 2.5 MB", id="one unit"),
        pytest.param(999, 1000, "999 B to 1.0 kB", id="two units"),
    ],
)
def test_format_range(low: int, high: int, text: str) -> None:
    assert format_range(low, high) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [("a", "b", "a -> b"), ("a", "a", "a"), ("", "b", "b"), ("a", "", "a"), ("", "", "")],
)
def test_arrow(before: str, after: str, text: str) -> None:
    assert arrow(before, after) == text


def test_counted() -> None:
    assert [counted(number, "change") for number in (0, 1, 2)] == [
        "0 changes",
        "1 change",
        "2 changes",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("grün, 1.0_β", "grün, 1.0_β", id="letters of all kinds"),
        pytest.param("a\x1b[31m\nb\0", r"a\x1b[31m\nb\x00", id="control characters"),
        pytest.param("a\u202eb\u200b", r"a\u202eb\u200b", id="direction and zero width"),
        pytest.param("a\udcff", r"a\udcff", id="bytes of a path that are no UTF-8"),
        pytest.param("x" * 1000, "x" * 199 + "…", id="cut"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
