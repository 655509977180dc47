from __future__ import annotations

import pytest

from condabox.cli.console import LineReporter, QuietReporter, megabytes, reporting


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (2_345_678_901, "2.3 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_sizes_are_printed_with_three_digits(size: int, text: str) -> None:
    assert megabytes(size) == text


def test_without_a_terminal_progress_is_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=False) as reporter:
        assert isinstance(reporter, LineReporter)
        with reporter.task("Writing layers", total=2000) as task:
            task.advance(2000)
        reporter.message("hello")

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("Writing layers: 2.0 kB in ")
    assert err.splitlines()[1:] == ["hello"]


def test_quiet_shows_warnings_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=True) as reporter:
        assert isinstance(reporter, QuietReporter)
        with reporter.task("Writing layers", total=None) as task:
            task.advance(1)
        reporter.message("hello")
        reporter.warning("careful")

    assert capsys.readouterr().err == "condabox: warning: careful\n"
