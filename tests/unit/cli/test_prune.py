from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.platforms import Platform
from condabox.pruning.decision import Saving
from condabox.reporting.pruning import PathReport, PruningReport
from condabox.workflows.build_request import LockPolicy, Variant
from condabox.workflows.prune import PruneRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

REPORT = PruningReport(
    name="serving",
    platform=Platform(os="linux", architecture="amd64"),
    profile="safe",
    everything=Saving(paths=10, size=1_000),
    left_out=Saving(paths=2, size=500),
    rules=(),
    dropped=Saving(paths=0, size=0),
    keep=(),
    drop=(),
    more=(),
    warnings=("lib/a.so needs libb.so, which is nowhere",),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[PruneRequest, Sequence[str]]]:
    """Return what the command asks for; nothing is decided."""
    requests: list[tuple[PruneRequest, Sequence[str]]] = []

    def report(request: PruneRequest, **_: object) -> PruningReport:
        requests.append((request, ()))
        return REPORT

    def explain(request: PruneRequest, paths: Sequence[str], **_: object) -> tuple[PathReport, ...]:
        requests.append((request, paths))
        return tuple(PathReport(asked=path) for path in paths)

    monkeypatch.setattr("condabox.workflows.prune.report_pruning", report)
    monkeypatch.setattr("condabox.workflows.prune.explain_paths", explain)
    return requests


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "prune", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_every_option_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: list[tuple[PruneRequest, Sequence[str]]]
) -> None:
    options = ["--platform", "linux/arm64", "--prune", "slim", "--dev", "--frozen", "--quiet"]
    options += ["--lock-file", "pixi.lock", "--environment", "gpu"]

    assert run(monkeypatch, "envs/x.yml", *options) == 0
    assert run(monkeypatch, "x.yml", "--locked") == 0

    assert asked == [
        (
            PruneRequest(
                environment=Path("envs/x.yml"),
                lock_file=Path("pixi.lock"),
                lock_environment="gpu",
                platform=Platform(os="linux", architecture="arm64"),
                prune="slim",
                lock_policy=LockPolicy.FROZEN,
                variant=Variant.DEV,
            ),
            (),
        ),
        (
            PruneRequest(
                environment=Path("x.yml"), lock_policy=LockPolicy.LOCKED, variant=Variant.PROD
            ),
            (),
        ),
    ]


@pytest.mark.parametrize("options", [(), ("--explain",)])
def test_the_result_is_on_stdout_and_warnings_are_not(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[tuple[PruneRequest, Sequence[str]]],
    options: tuple[str, ...],
) -> None:
    assert run(monkeypatch, "x.yml", *options) == 0

    out, err = capsys.readouterr()
    assert out.startswith("serving, linux/amd64, profile safe\n")
    assert err == "condabox: warning: lib/a.so needs libb.so, which is nowhere\n"
    assert len(asked) == 1


@pytest.mark.parametrize(("options", "rules"), [((), {}), (("--explain",), [])])
def test_json_is_one_document(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[tuple[PruneRequest, Sequence[str]]],
    options: tuple[str, ...],
    rules: object,
) -> None:
    assert run(monkeypatch, "x.yml", "--json", *options) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["left_out"] == {"paths": 2, "bytes": 500}
    assert found["rules"] == rules
    assert len(asked) == 1


def test_paths_are_explained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[tuple[PruneRequest, Sequence[str]]],
) -> None:
    assert run(monkeypatch, "--explain", "x.yml", "lib/a", "/opt/env/lib/b") == 0
    assert capsys.readouterr().out == (
        "lib/a\n  no package has it\n\n/opt/env/lib/b\n  no package has it\n"
    )

    assert run(monkeypatch, "--explain", "--json", "x.yml", "lib/a") == 0
    (found,) = json.loads(capsys.readouterr().out)["paths"]
    assert found["asked"] == "lib/a"

    assert [list(paths) for _, paths in asked] == [["lib/a", "/opt/env/lib/b"], ["lib/a"]]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["x.yml", "lib/a"], id="path-without-explain"),
        pytest.param(["x.yml", "--locked", "--frozen"], id="locked-and-frozen"),
        pytest.param(["x.yml", "--locked", "--lock-file", "y"], id="locked-and-lock-file"),
        pytest.param(["x.yml", "--variant", "prod", "--dev"], id="two-variants"),
        pytest.param(["x.yml", "--prune", "all"], id="no-such-profile"),
        pytest.param([], id="no-environment"),
    ],
)
def test_wrong_usage(
    monkeypatch: pytest.MonkeyPatch,
    asked: list[tuple[PruneRequest, Sequence[str]]],
    arguments: list[str],
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert asked == []
