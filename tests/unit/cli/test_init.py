"""What ``condabox init`` prints, and what it decides by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["condabox", "init", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0, capsys.readouterr().err
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("folder")
def test_without_a_host_there_are_no_jobs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines(monkeypatch, capsys, "envs/my app.yml") == [
        "wrote envs/my app.yml",
        "wrote envs/dev-tools.yml",
        "next: edit 'envs/my app.yml', then run `condabox build 'envs/my app.yml'`",
    ]


def test_a_project_on_github_gets_its_workflows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".github").mkdir()

    *written, following = lines(monkeypatch, capsys)
    assert written == [
        "wrote environment.yml",
        "wrote dev-tools.yml",
        "wrote .github/workflows/condabox-locks.yml",
        "wrote .github/workflows/condabox-images.yml",
    ]
    assert "`condabox lock environment.yml dev-tools.yml`" in following
    assert lines(monkeypatch, capsys, "second.yml")[:1] == ["wrote second.yml"]


def test_the_tools_to_lock_are_those_that_the_file_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ai.yml").write_text(
        "channels: [conda-forge]\ndependencies: [python]\ncondabox: {dev: {tools: tools.yml}}\n"
    )

    *_, following = lines(monkeypatch, capsys, "ai.yml", "--ci", "github")

    assert "`condabox lock ai.yml tools.yml`" in following


def test_jobs_go_below_the_root_of_the_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".git").mkdir()
    (folder / "envs").mkdir()
    monkeypatch.chdir(folder / "envs")

    assert lines(monkeypatch, capsys, "ai.yml", "--ci", "gitlab") == [
        "wrote ai.yml",
        "wrote dev-tools.yml",
        "wrote ../.gitlab/condabox.gitlab-ci.yml",
        "next: edit ai.yml, run `condabox lock ai.yml dev-tools.yml`, and commit all of it",
        "and let .gitlab-ci.yml have: include: [{local: .gitlab/condabox.gitlab-ci.yml}]",
    ]
    assert "envs/ai.yml" in (folder / ".gitlab" / "condabox.gitlab-ci.yml").read_text()


def test_no_jobs_are_written_where_none_are_wanted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".gitlab-ci.yml").write_text("")

    lines(monkeypatch, capsys, "--ci", "none")

    assert not (folder / ".gitlab").exists()


def test_editors_get_a_file_and_the_folder_to_open_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".git").mkdir()
    (folder / "envs").mkdir()
    monkeypatch.chdir(folder / "envs")

    assert lines(monkeypatch, capsys, "ai.yml", "--devcontainer", "--ci", "none") == [
        "wrote ai.yml",
        "wrote dev-tools.yml",
        "wrote ../.devcontainer/devcontainer.json",
        "next: edit ai.yml, then run `condabox build ai.yml`",
        "and open .. in an editor that knows dev containers",
    ]
