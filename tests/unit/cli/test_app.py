from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import condabox
from condabox.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0

    assert capsys.readouterr().out == f"condabox {condabox.__version__}\n"


def test_help_lists_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--help") == 0

    out = capsys.readouterr().out
    for command in ("init", "lock", "build", "images", "save", "load", "run"):
        assert f"\n  {command} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["bild"], id="unknown command"),
        pytest.param(["build"], id="missing argument"),
        pytest.param(["build", "x.yml", "--no-such-option"], id="unknown option"),
        pytest.param(
            ["build", "x.yml", "--locked", "--frozen"], id="options that exclude each other"
        ),
        pytest.param(["build", "x.yml", "--compression", "lzma"], id="unknown choice"),
    ],
)
def test_wrong_usage_is_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_an_error_is_two_lines_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "environment.yml").touch()

    code = run(monkeypatch, "init", str(tmp_path / "environment.yml"))

    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert err == (
        f"condabox: error: {tmp_path}/environment.yml exists\n  hint: choose another name\n"
    )


def test_a_bug_shows_its_traceback_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["condabox", "init", str(tmp_path / "x.yml")])
    monkeypatch.setattr("condabox.workflows.init.write_example", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        main()

    assert "bug in condabox" in capsys.readouterr().err
