"""``condabox doctor``: its exit code, its two forms, and that nothing stops it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.reporting.findings import Finding, Group

if TYPE_CHECKING:
    from collections.abc import Sequence

OK = Finding.ok(Group.DISK, "cache", "1 GB free")
NOTE = Finding.note(Group.DOCKER, "command", "docker is not on PATH", hint="install it")
PROBLEM = Finding.problem(Group.GPU, "driver", "broken", hint="restart")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "doctor", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Return what the doctor finds."""
    told: list[Finding] = []
    monkeypatch.setattr("condabox.workflows.doctor.diagnose", lambda *_, **__: tuple(told))
    return told


@pytest.mark.parametrize(("seen", "status"), [([OK], 0), ([OK, NOTE], 0), ([NOTE, PROBLEM], 10)])
def test_problems_alone_are_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    findings: list[Finding],
    seen: list[Finding],
    status: int,
) -> None:
    findings += seen

    assert run(monkeypatch) == status
    assert run(monkeypatch, "--json") == status
    assert capsys.readouterr().err == ""


def test_json_is_one_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], findings: list[Finding]
) -> None:
    findings += [OK, PROBLEM]

    run(monkeypatch, "--json")

    assert json.loads(capsys.readouterr().out) == {
        "checks": [
            {
                "group": "disk",
                "name": "cache",
                "state": "ok",
                "detail": "1 GB free",
                "hint": None,
            },
            {
                "group": "gpu",
                "name": "driver",
                "state": "problem",
                "detail": "broken",
                "hint": "restart",
            },
        ]
    }


def test_environments_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sequence[Path]] = []

    def diagnose(environments: Sequence[Path], **_: object) -> tuple[Finding, ...]:
        seen.append(environments)
        return ()

    monkeypatch.setattr("condabox.workflows.doctor.diagnose", diagnose)

    assert run(monkeypatch, "a.yml", "b.yml") == run(monkeypatch) == 0
    assert [list(each) for each in seen] == [[Path("a.yml"), Path("b.yml")], []]
