from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.oci.archive import write_archive
from condabox.oci.reference import Reference
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> str:
    images = [
        make_image(tmp_path / "made", {"a": b"1" * 1000}, {"a": b"1" * 1000}, platform=platform)
        for platform in (AMD64, ARM64)
    ]
    write_archive(tmp_path / "ai.tar", images, names=[Reference.parse("ai:1")])
    return str(tmp_path / "ai.tar")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_the_report_is_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], archive: str
) -> None:
    assert run(monkeypatch, "inspect", archive, "--platform", "linux/arm64", "--quiet") == 0

    out, err = capsys.readouterr()
    assert out.startswith(f"{archive}  linux/arm64  sha256:")
    assert err == ""


def test_markdown_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], archive: str
) -> None:
    platform = ("--platform", "linux/amd64", "-q")
    assert run(monkeypatch, "inspect", archive, *platform, "--format", "markdown") == 0
    assert capsys.readouterr().out.startswith("**`")

    assert run(monkeypatch, "inspect", archive, *platform, "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["efficiency"]) == (1, 0.5)


def test_who_breaks_the_budget_sees_the_report_and_all_that_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], archive: str
) -> None:
    options = ("--platform", "linux/amd64", "-q", "--max-size", "10B", "--min-efficiency", "0.95")

    assert run(monkeypatch, "inspect", archive, *options) == 11

    out, err = capsys.readouterr()
    assert "Layers\n" in out
    assert "more than the 10 that are allowed" in err
    assert "less than 0.9500" in err
    assert err.count("condabox: error: ") == 1


def test_who_keeps_the_budget_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, archive: str
) -> None:
    options = ("--platform", "linux/amd64", "--max-size", "1kB", "--min-efficiency", "0.5")

    assert run(monkeypatch, "inspect", archive, *options) == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--max-size", "much"], 3),
        (["--min-efficiency", "95"], 2),
        (["--top", "0"], 2),
        (["--format", "pdf"], 2),
        (["--platform", "linux/s390x"], 7),
    ],
)
def test_what_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, archive: str, options: list[str], code: int
) -> None:
    assert run(monkeypatch, "inspect", archive, *options) == code


def test_images_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], archive: str
) -> None:
    options = ("--platform", "linux/amd64")

    assert run(monkeypatch, "diff", archive, archive, *options) == 0
    assert capsys.readouterr().out.endswith("the same image\n")
    assert run(monkeypatch, "diff", archive, archive, *options, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["pulled"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}", "{}", "--environment", "gpu"], "--environment is for pixi.lock"),
        (["a.yml", "b.yml", "--platform", "linux/amd64"], "--platform is for images"),
        (["a.yml", "{}"], "a.yml stands for a lock file"),
    ],
)
def test_options_of_the_other_kind_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    archive: str,
    arguments: list[str],
    message: str,
) -> None:
    assert run(monkeypatch, "diff", *(each.format(archive) for each in arguments)) == 3
    assert message in capsys.readouterr().err


def test_a_file_that_is_missing_is_no_image_of_a_registry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "inspect", "dist/typo.tar", "-q") == 3

    assert "dist/typo.tar: there is no such file" in capsys.readouterr().err
