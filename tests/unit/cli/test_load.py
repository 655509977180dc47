"""The command line of ``condabox load``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.platforms import Platform
from condabox.workflows import load as workflow
from condabox.workflows.load import LoadEngine, LoadRequest, LoadResult

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LoadRequest]:
    """Return what the workflow is asked to do, which it does not do."""
    asked: list[LoadRequest] = []

    def load_image(request: LoadRequest, **_: object) -> LoadResult:
        asked.append(request)
        return LoadResult(engine=LoadEngine.DOCKER, names=("ai:1.0", "ai:2.0"), reference="1234")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workflow, "load_image", load_image)
    return asked


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["condabox", "load", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_where_the_image_is_now_is_said(
    requests: list[LoadRequest], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "ai") == 0

    assert requests == [LoadRequest(image="ai", engine=LoadEngine.AUTO)]
    assert capsys.readouterr().out == "ai:1.0, ai:2.0 is in docker\n"


def test_every_option_reaches_the_workflow(
    requests: list[LoadRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--engine", "containerd", "--namespace", "k8s.io", "--platform", "linux/arm64")

    assert run(monkeypatch, "ai", *options) == 0

    assert requests == [
        LoadRequest(
            image="ai",
            engine=LoadEngine.CONTAINERD,
            namespace="k8s.io",
            platform=Platform(os="linux", architecture="arm64"),
        )
    ]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--namespace", "k8s.io"), id="no engine"),
        pytest.param(("--namespace", "k8s.io", "--engine", "podman"), id="another engine"),
        pytest.param(("--engine", "rkt"), id="unknown engine"),
    ],
)
def test_wrong_usage_is_2(
    requests: list[LoadRequest],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    assert run(monkeypatch, "ai", *words) == 2

    assert requests == []
    assert "--engine" in capsys.readouterr().err
