"""The command lines of ``condabox run`` and ``condabox shell``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from condabox.cli.app import main
from condabox.oci.config import ContainerConfig
from condabox.outputs.volumes import Volume
from condabox.platforms import Platform
from condabox.workflows import run as run_workflow
from condabox.workflows import run_dev, shell
from condabox.workflows.run import Engine, Loaded, RunRequest
from condabox.workflows.run_dev import Development, DevRunRequest
from condabox.workflows.run_gpus import Gpus
from condabox.workflows.shell import ShellRequest
from tests.fakes.images import make_image

LINES = ("JupyterLab  http://127.0.0.1:8888/lab?token=x", "SSH         ssh dev@127.0.0.1")


class Asked:
    """What the workflows are asked to do, which they do not do."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.requests: list[object] = []
        self.printed = ""
        image = make_image(folder / "made", config=ContainerConfig())
        self.loaded = Loaded(image=image, engine=Engine.DOCKER, known="ai")
        self._capsys = capsys

    def prepare(self, request: DevRunRequest, **_: object) -> Development:
        self.requests.append(request)
        return Development(lines=LINES, loaded=self.loaded, request=RunRequest(image="ai"))

    def run(self, *arguments: object, **_: object) -> int:
        self.printed = self._capsys.readouterr().out
        self.requests += arguments
        return 7


@pytest.fixture
def asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Asked:
    found = Asked(tmp_path, capsys)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_workflow, "run_image", found.run)
    monkeypatch.setattr(run_workflow, "run_loaded", found.run)
    monkeypatch.setattr(run_dev, "prepare_development", found.prepare)
    monkeypatch.setattr(shell, "open_shell", found.run)
    return found


def condabox(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["condabox", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_an_image_is_run_as_it_is(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert condabox(monkeypatch, "run", "ai") == 7

    assert asked.requests == [RunRequest(image="ai")]


def test_every_option_of_run_reaches_the_workflow(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("-p", "80:80", "-e", "A=1", "-v", "data:/data", "--gpus", "auto", "--engine")

    condabox(
        monkeypatch,
        *("run", *options, "podman", "--platform", "linux/arm64", "ai", "--", "ls", "-l"),
    )

    assert asked.requests == [
        RunRequest(
            image="ai",
            command=("ls", "-l"),
            publish=("80:80",),
            env=("A=1",),
            volumes=(Volume(source="data", target="/data"),),
            gpus=Gpus.AUTO,
            engine=Engine.PODMAN,
            platform=Platform(os="linux", architecture="arm64"),
        )
    ]


def test_where_development_is_reached_is_said_before_it_runs(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert condabox(monkeypatch, "run", "--dev", "envs/ai.yml") == 7

    assert asked.printed.splitlines() == list(LINES)
    assert asked.requests == [
        DevRunRequest(subject="envs/ai.yml"),
        asked.loaded,
        RunRequest(image="ai"),
    ]


def test_every_option_of_development_reaches_the_workflow(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("-p", "80:80", "-e", "A=1", "-v", "data:/data", "--gpus", "none", "--ssh-key", "a")

    condabox(
        monkeypatch,
        *("run", "--dev", *options, "--ssh-key", "b", "--engine", "unshare"),
        *("--platform", "linux/arm64", "ai:dev"),
    )

    assert asked.requests[0] == DevRunRequest(
        subject="ai:dev",
        publish=("80:80",),
        env=("A=1",),
        volumes=(Volume(source="data", target="/data"),),
        ssh_keys=(Path("a"), Path("b")),
        gpus=Gpus.NONE,
        engine=Engine.UNSHARE,
        platform=Platform(os="linux", architecture="arm64"),
    )


def test_development_may_be_a_command(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    condabox(monkeypatch, "run", "--dev", "ai:dev", "python", "-V")

    assert asked.requests[0] == DevRunRequest(subject="ai:dev", command=("python", "-V"))


def test_keys_are_for_development(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert condabox(monkeypatch, "run", "--ssh-key", "a", "ai") == 2
    assert condabox(monkeypatch, "run", "--dev", "--ssh-key", "a", "ai", "--", "ls") == 2
    assert asked.requests == []


@pytest.mark.parametrize("words", [("run",), ("run", "--dev")])
def test_what_is_no_volume_is_refused_at_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    assert condabox(monkeypatch, *words, "-v", "data", "ai") == 3
    assert asked.requests == []


@pytest.mark.parametrize("command", ["run", "shell"])
def test_an_option_after_the_image_is_no_command(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert condabox(monkeypatch, command, "ai", "-p", "80:80") == 2
    assert asked.requests == []


@pytest.mark.parametrize("words", [(), ("--",)])
def test_a_shell_is_opened(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    assert condabox(monkeypatch, "shell", "envs/ai.yml", *words) == 7

    assert asked.requests == [ShellRequest(subject="envs/ai.yml")]


def test_every_option_of_a_shell_reaches_the_workflow(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    condabox(monkeypatch, "shell", "--engine", "podman", "ai:dev", "--", "python", "-c", "1")

    assert asked.requests == [
        ShellRequest(subject="ai:dev", command=("python", "-c", "1"), engine=Engine.PODMAN)
    ]


def test_a_file_s_settings_are_those_of_its_folder(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "condabox.toml").write_text("nonsense")
    (project / "env.yml").write_text("name: ai")

    assert condabox(monkeypatch, "shell", "project/env.yml") == 3
    assert condabox(monkeypatch, "run", "--dev", "project/env.yml") == 3
    assert condabox(monkeypatch, "run", "--dev", "ai:dev") == 7
    assert len(asked.requests) == 3
