"""Docker and podman as commands."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ToolFailedError, ToolMissingError
from condabox.events import SilentReporter
from condabox.oci.reference import Reference
from condabox.outputs.engines import (
    Container,
    has_podman,
    load_into_podman,
    run_command,
    run_container,
)
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

CONTAINER = Container(
    name="condabox-1",
    image="ai:1.0",
    command=("python", "-c", "print(1)"),
    publish=("8080:8000", "9000"),
    env=("A=1", "B"),
    platform="linux/arm64",
)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 100_000})


def tool(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return str(path)


def test_everything_that_was_asked_for_is_on_the_command_line() -> None:
    assert run_command("docker", CONTAINER, terminal=False) == (
        *("docker", "run", "--rm", "--interactive", "--name", "condabox-1"),
        *("--platform", "linux/arm64", "--publish", "8080:8000", "--publish", "9000"),
        *("--env", "A=1", "--env", "B", "ai:1.0", "python", "-c", "print(1)"),
    )


def test_a_terminal_becomes_the_containers() -> None:
    assert "--tty" in run_command("podman", CONTAINER, terminal=True)


@pytest.mark.tool("sh")
def test_the_exit_status_is_the_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tool(tmp_path, monkeypatch, "docker", "exit 42")

    assert run_container(engine, CONTAINER) == 42


@pytest.mark.tool("sh")
def test_an_engine_that_was_killed_has_a_status_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tool(tmp_path, monkeypatch, "docker", "kill -9 $$")

    assert run_container(engine, CONTAINER) == 137


@pytest.mark.tool("sh")
def test_when_a_signal_ends_us_the_container_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tool(
        tmp_path,
        monkeypatch,
        "docker",
        f'echo "$@" >> {tmp_path}/log; [ "$1" = stop ] || {{ kill -TERM $PPID; sleep 5; }}',
    )

    with pytest.raises(SystemExit) as caught:
        run_container(engine, CONTAINER)

    assert caught.value.code == 143
    assert (tmp_path / "log").read_text().splitlines()[-1] == "stop -t 10 condabox-1"


@pytest.mark.tool("sh")
def test_podman_gets_the_archive_on_its_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    tool(tmp_path, monkeypatch, "podman", f'echo "$@" > {tmp_path}/log; cat > {tmp_path}/got.tar')

    identity = load_into_podman(
        [image], names=[Reference.parse("ai:1.0")], reporter=SilentReporter()
    )

    assert identity == image.manifest.config.digest.hex
    assert (tmp_path / "log").read_text() == "load --quiet\n"
    with tarfile.open(tmp_path / "got.tar") as archive:
        assert f"blobs/sha256/{image.manifest.layers[0].digest.hex}" in archive.getnames()


@pytest.mark.tool("sh")
@pytest.mark.parametrize("script", ["exit 3", "cat > /dev/null; exit 3"], ids=["early", "late"])
def test_podman_that_fails_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image, script: str
) -> None:
    tool(tmp_path, monkeypatch, "podman", script)

    with pytest.raises(ToolFailedError, match="status 3"):
        load_into_podman([image], names=[], reporter=SilentReporter())


def test_podman_that_is_missing_is_reported(monkeypatch: pytest.MonkeyPatch, image: Image) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert not has_podman()
    with pytest.raises(ToolMissingError):
        load_into_podman([image], names=[], reporter=SilentReporter())
