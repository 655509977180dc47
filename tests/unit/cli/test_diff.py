from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.reporting.lockcompare import compare_locks
from condabox.workflows import diff as workflow
from tests.fakes.lockfiles import conda, lock_file

if TYPE_CHECKING:
    from condabox.events import Reporter
    from condabox.reporting.lockdiff import LockDiff
    from condabox.workflows.diff import DiffRequest


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[DiffRequest]:
    """Stand in for the workflow: numpy went up; return what was asked for."""
    requests: list[DiffRequest] = []

    def diff_locks(request: DiffRequest, *, reporter: Reporter) -> LockDiff:
        requests.append(request)
        reporter.message("a message")
        return compare_locks(
            lock_file({"linux-64": [conda("numpy", "1")]}, path=request.old),
            lock_file({"linux-64": [conda("numpy", "2")]}, path=request.new),
        )

    monkeypatch.setattr(workflow, "diff_locks", diff_locks)
    return requests


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "diff", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        pytest.param([], "a.yml -> b.yml: 1 up\ndownload for linux-64: 1.0 MB\n", id="default"),
        pytest.param(["--format", "text"], "a.yml -> b.yml: 1 up\n", id="text"),
        pytest.param(
            ["--format", "markdown"], "**`b.yml`**: 1 up; download 1.0 MB\n", id="markdown"
        ),
    ],
)
def test_the_result_is_on_stdout_and_what_was_found_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[DiffRequest],
    arguments: list[str],
    start: str,
) -> None:
    code = run(monkeypatch, "a.yml", "b.yml", *arguments)

    out, err = capsys.readouterr()
    assert (code, err) == (0, "a message\n")
    assert out.startswith(start)
    assert len(asked) == 1


def test_json_is_for_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: list[DiffRequest]
) -> None:
    code = run(monkeypatch, "a.yml", "b.yml", "--format", "json", "--environment", "gpu")

    found = json.loads(capsys.readouterr().out)
    assert (code, found["counts"]) == (0, {"up": 1})
    assert asked == [workflow.DiffRequest(old="a.yml", new="b.yml", environment="gpu")]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["a.yml"], id="one file"),
        pytest.param(["a.yml", "b.yml", "c.yml"], id="three files"),
        pytest.param(["a.yml", "b.yml", "--format", "html"], id="unknown format"),
    ],
)
def test_wrong_usage_is_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_a_lock_that_cannot_be_read_is_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, "no-such.conda-lock.yml", "b.yml")

    out, err = capsys.readouterr()
    assert (code, out) == (4, "")
    assert err.startswith("condabox: error: no-such.conda-lock.yml does not exist\n  hint: name a")
