"""Checks run side by side: none holds up or fails the others, and none tells a secret."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from condabox import files
from condabox.errors import RegistryError, ToolMissingError
from condabox.reporting.findings import Finding, Group, State
from condabox.workflows.checks.running import Check, run_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


def check(run: Callable[[], Iterable[Finding]], *, name: str = "x", place: str = "") -> Check:
    return Check(group=Group.DISK, name=name, run=run, late="be patient", place=place)


def ok(name: str) -> Finding:
    return Finding.ok(Group.DISK, name, "seen")


def failing(error: Exception) -> Callable[[], Iterator[Finding]]:
    def run() -> Iterator[Finding]:
        yield ok("never told")
        raise error

    return run


def test_findings_come_in_the_order_of_their_checks() -> None:
    first = threading.Event()

    def slow() -> Iterator[Finding]:
        assert first.wait(60)
        yield ok("a")
        yield ok("b")

    def quick() -> list[Finding]:
        first.set()
        return [ok("c")]

    found = run_checks([check(slow), check(quick), check(list)], seconds=60)

    assert [each.name for each in found] == ["a", "b", "c"]


def test_who_gives_no_answer_is_a_problem_and_not_waited_for() -> None:
    never = threading.Event()
    try:
        found = run_checks(
            [
                check(lambda: [ok("slow")] if never.wait(60) else []),
                check(lambda: [ok("late")] if never.wait(60) else [], place="10.0.0.1:5000"),
                check(lambda: [ok("quick")]),
            ],
            seconds=0.2,
        )
    finally:
        never.set()

    assert [(each.state, each.detail, each.hint) for each in found] == [
        (State.PROBLEM, "gave no answer in 0 seconds", "be patient"),
        (State.PROBLEM, "10.0.0.1:5000 gave no answer in 0 seconds", "be patient"),
        (State.OK, "seen", None),
    ]


@pytest.mark.parametrize(
    ("error", "detail", "hint"),
    [
        (RegistryError("no", hint="do this"), "no", "do this"),
        (ToolMissingError("not there"), "not there", "be patient"),
        (OSError(28, "No space left on device", "/x"), "/x: No space left on device", "be patient"),
        (TimeoutError(), "TimeoutError", "be patient"),
    ],
)
def test_an_error_is_a_finding(error: Exception, detail: str, hint: str) -> None:
    (found,) = run_checks([check(failing(error))], seconds=60)

    assert (found.state, found.detail, found.hint) == (State.PROBLEM, detail, hint)


def test_a_surprise_is_a_finding_that_quotes_nothing(tmp_path: Path) -> None:
    def surprised() -> Iterator[Finding]:
        files.write_atomically(tmp_path / "x", "open-sesame")  # type: ignore[arg-type]
        yield ok("never told")

    surprise, other = run_checks(
        [check(surprised), check(failing(ValueError("open-sesame")))], seconds=60
    )

    assert surprise.state is State.PROBLEM
    assert surprise.detail.startswith("the check failed with TypeError, at condabox/files.py:")
    assert "report it" in str(surprise.hint)
    assert "ValueError" in other.detail
    assert "open-sesame" not in f"{surprise}{other}"


def test_credentials_in_addresses_are_taken_out() -> None:
    address = "https://me:open-sesame@host/t/open-sesame/x?signature=open-sesame"
    told = Finding.note(Group.DISK, address, f"{address} is gone", hint=f"see {address}")

    (found,) = run_checks([check(lambda: [told])], seconds=60)

    assert (found.name, found.detail) == ("https://host/x", "https://host/x is gone")
    assert found.hint == "see https://host/x"
