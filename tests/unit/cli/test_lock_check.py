from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from tests.fakes.current_lock import write_current_lock
from tests.fakes.lockfiles import conda

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = """\
name: ai
channels: [conda-forge]
platforms: [linux-64]
dependencies: [numpy]
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Write files whose lock is current, stale and not to be compared; return their names."""
    monkeypatch.chdir(tmp_path)
    for name in ("current.yml", "stale.yml", "broken.yml"):
        (tmp_path / name).write_text(ENVIRONMENT)
        write_current_lock(tmp_path / name, [conda("numpy")])
    (tmp_path / "stale.yml").write_text(ENVIRONMENT.replace("numpy", "scipy"))
    (tmp_path / "broken.yml").write_text("dependencies: 7\n")
    return "current.yml", "stale.yml", "broken.yml"


def check(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "lock", "--check", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_a_folder_is_no_environment_file(
    monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(monkeypatch, ".", files[0]) == 3
    assert "folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chosen", "status"),
    [
        pytest.param([0], 0, id="current"),
        pytest.param([0, 1], 4, id="stale"),
        pytest.param([0, 2], 3, id="not to be read"),
        pytest.param([2, 1, 0], 4, id="all"),
    ],
)
def test_the_exit_code_is_that_of_the_worst(
    monkeypatch: pytest.MonkeyPatch,
    files: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    chosen: list[int],
    status: int,
) -> None:
    assert check(monkeypatch, *(files[number] for number in chosen)) == status

    told = capsys.readouterr()
    assert told.out == ""
    assert [name for name in files[1:] if name.removesuffix(".yml") in told.err] == [
        files[number] for number in sorted(chosen) if number
    ]


def test_json_is_one_document_of_all_files(
    monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(monkeypatch, "--json", *files) == 4

    told = capsys.readouterr()
    found = json.loads(told.out)
    assert [(each["environment"], each["stale"]) for each in found] == [
        ("current.yml", False),
        ("stale.yml", True),
        ("broken.yml", None),
    ]
    assert found[1]["subdirs"] == [
        {"subdir": "linux-64", "stale": True, "reasons": ["dependencies: + scipy, - numpy"]}
    ]
    assert found[2]["error"].startswith("broken.yml")
    assert "stale.conda-lock.yml is stale" in told.err


def test_a_check_is_for_the_platforms_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(monkeypatch, "--json", "--platform", "linux/arm64", files[0]) == 3
    assert json.loads(capsys.readouterr().out)[0]["stale"] is None
