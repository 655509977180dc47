"""``condabox verify``: its exit code, its two forms, and what its options mean."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.platforms import Platform
from condabox.reporting.findings import Finding, Group
from condabox.workflows.build_request import Variant
from condabox.workflows.run import Engine
from condabox.workflows.verify import Verified
from condabox.workflows.verify_request import VerifyRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.events import Reporter
    from condabox.settings import Settings

OK = Finding.ok(Group.IMPORTS, "numpy", "import numpy")
NOTE = Finding.note(Group.SCRIPTS, "serve", "no answer in 30 seconds", hint="start it")
PROBLEM = Finding.problem(Group.CONTENTS, "numpy", "2.0 is locked", hint="build again")


class Verifier:
    """Finds what it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[VerifyRequest] = []
        self.settings: list[Settings] = []
        self.found: tuple[Finding, ...] = (OK,)

    def verify(
        self,
        request: VerifyRequest,
        *,
        settings: Settings,
        env: Mapping[str, str],  # noqa: ARG002
        reporter: Reporter,  # noqa: ARG002
    ) -> Verified:
        self.asked.append(request)
        self.settings.append(settings)
        return Verified(
            name=request.target,
            digest="sha256:0",
            platform=Platform(os="linux", architecture="amd64"),
            findings=self.found,
        )


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verifier:
    monkeypatch.chdir(tmp_path)
    fake = Verifier()
    monkeypatch.setattr("condabox.workflows.verify.verify", fake.verify)
    return fake


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "verify", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.mark.parametrize(("found", "status"), [((OK,), 0), ((OK, NOTE), 0), ((NOTE, PROBLEM), 10)])
def test_problems_alone_are_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verifier: Verifier,
    found: tuple[Finding, ...],
    status: int,
) -> None:
    verifier.found = found

    assert run(monkeypatch, "ai:1.0") == status
    assert run(monkeypatch, "ai:1.0", "--json") == status
    assert capsys.readouterr().err == ""


def test_text_has_the_image_and_its_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verifier: Verifier
) -> None:
    verifier.found = (OK, NOTE)

    run(monkeypatch, "ai:1.0")

    assert capsys.readouterr().out == (
        "ai:1.0  linux/amd64  sha256:0\n\n"
        "Imports\n"
        "  ok       numpy  import numpy\n\n"
        "Scripts\n"
        "  note     serve  no answer in 30 seconds\n"
        "           hint: start it\n\n"
        "no problems, 1 note\n"
    )


@pytest.mark.usefixtures("verifier")
def test_json_is_one_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "ai:1.0", "--json")

    assert json.loads(capsys.readouterr().out) == {
        "name": "ai:1.0",
        "digest": "sha256:0",
        "platform": "linux/amd64",
        "checks": [OK.to_json()],
    }


def test_without_options_everything_is_checked(
    monkeypatch: pytest.MonkeyPatch, verifier: Verifier
) -> None:
    run(monkeypatch, "ai:1.0")

    assert verifier.asked == [VerifyRequest(target="ai:1.0", budget=40, epoch=None)]


def test_options_reach_the_request(monkeypatch: pytest.MonkeyPatch, verifier: Verifier) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    options = ("--against", "ai.yml", "--rebuild", "--engine", "podman", "--timeout", "5")

    run(monkeypatch, "ai:1.0", *options, "--platform", "linux/arm64", "--dev", "--layers", "3")

    assert verifier.asked == [
        VerifyRequest(
            target="ai:1.0",
            against=Path("ai.yml"),
            engine=Engine.PODMAN,
            platform=Platform(os="linux", architecture="arm64"),
            variant=Variant.DEV,
            rebuild=True,
            seconds=5.0,
            budget=3,
            epoch=7,
        )
    ]


def test_no_engine_is_one_that_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, verifier: Verifier
) -> None:
    run(monkeypatch, "ai:1.0", "--engine", "none")

    assert verifier.asked[0].engine is None


@pytest.mark.parametrize("options", [("envs/ai.yml",), ("ai:1.0", "--against", "envs/ai.yml")])
def test_settings_are_those_of_a_build(
    monkeypatch: pytest.MonkeyPatch, verifier: Verifier, tmp_path: Path, options: tuple[str, ...]
) -> None:
    folder = tmp_path / "envs"
    folder.mkdir()
    (folder / "ai.yml").write_text("")
    (folder / "condabox.toml").write_text("")

    run(monkeypatch, *options)

    assert verifier.settings[0].path == folder / "condabox.toml"


@pytest.mark.usefixtures("verifier")
@pytest.mark.parametrize("options", [("--timeout", "0"), ("--engine", "rkt"), ()])
def test_wrong_usage(monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    target = ("ai:1.0",) if options else ()

    assert run(monkeypatch, *target, *options) == 2
