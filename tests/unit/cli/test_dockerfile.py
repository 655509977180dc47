from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from condabox.backends.dockerfile.context import ContextFile, DockerContext
from condabox.cli.app import main
from condabox.content import BytesContent
from condabox.platforms import Platform
from condabox.workflows.build_request import LockPolicy, Variant
from condabox.workflows.dockerfile import DockerfileRequest, WrittenContext

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
PPC64LE = Platform(os="linux", architecture="ppc64le")
WRITTEN = WrittenContext(
    context=DockerContext(
        name="My Serving",
        entries={"Dockerfile": ContextFile(content=BytesContent(b"FROM a"))},
        target="prod",
        hosts=(),
        warnings=("etc/x.sh:1: cannot be compiled",),
    ),
    folder=Path("docker/my serving"),
    platforms=(AMD64, ARM64),
    host=AMD64,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[DockerfileRequest]:
    """Return what the command asks for; nothing is written."""
    requests: list[DockerfileRequest] = []

    def write(request: DockerfileRequest, **_: object) -> WrittenContext:
        requests.append(request)
        return WRITTEN

    monkeypatch.setattr("condabox.workflows.dockerfile.write_dockerfile", write)
    return requests


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "dockerfile", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_every_option_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: list[DockerfileRequest]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12")
    options = ["--platform", "linux/arm64,linux/amd64", "--prune", "slim", "--dev", "--frozen"]
    options += ["--base", "debian:12", "--cuda", "12.8", "-o", "there", "--quiet"]
    options += ["--lock-file", "pixi.lock", "--environment", "gpu"]

    assert run(monkeypatch, "envs/x.yml", *options) == 0
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert run(monkeypatch, "x.yml", "--locked", "--variant", "prod") == 0

    assert asked == [
        DockerfileRequest(
            environment=Path("envs/x.yml"),
            lock_file=Path("pixi.lock"),
            lock_environment="gpu",
            platforms=(ARM64, AMD64),
            base="debian:12",
            cuda="12.8",
            prune="slim",
            lock_policy=LockPolicy.FROZEN,
            variant=Variant.DEV,
            epoch=12,
            output=Path("there"),
        ),
        DockerfileRequest(environment=Path("x.yml"), lock_policy=LockPolicy.LOCKED),
    ]


@pytest.mark.usefixtures("asked")
def test_the_command_that_builds_it_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "x.yml")

    printed = capsys.readouterr()
    assert printed.out == (
        "in docker/my serving, for linux/amd64, linux/arm64; to build it:\n\n"
        "    DOCKER_BUILDKIT=1 docker build --tag my-serving 'docker/my serving'\n"
    )
    assert "warning: etc/x.sh:1: cannot be compiled" in printed.err


@pytest.mark.parametrize(
    ("host", "platforms", "option"),
    [
        (AMD64, (ARM64,), "--platform linux/arm64 "),
        (PPC64LE, (ARM64, AMD64), "--platform linux/arm64 "),
        (ARM64, (AMD64, ARM64), ""),
    ],
)
def test_another_machines_platform_is_asked_for(
    host: Platform, platforms: tuple[Platform, ...], option: str
) -> None:
    found = replace(WRITTEN, host=host, platforms=platforms)

    assert found.command == (
        f"DOCKER_BUILDKIT=1 docker build --tag my-serving {option}'docker/my serving'"
    )


def test_each_variant_is_built_by_its_target_and_has_its_own_tag() -> None:
    found = replace(WRITTEN, context=replace(WRITTEN.context, target="dev"))

    assert found.commands == (
        "DOCKER_BUILDKIT=1 docker build --tag my-serving:dev --target dev 'docker/my serving'",
        "DOCKER_BUILDKIT=1 docker build --tag my-serving --target prod 'docker/my serving'",
    )
    assert found.command == found.commands[0]


def test_packages_on_this_machine_need_its_network() -> None:
    near = replace(WRITTEN, context=replace(WRITTEN.context, hosts=("a.example", "127.0.0.1")))

    assert near.command == (
        "DOCKER_BUILDKIT=1 docker build --tag my-serving --network host 'docker/my serving'"
    )


@pytest.mark.parametrize("folder", ["-x", "-", "--file/y"])
def test_a_folder_that_begins_with_a_dash_is_no_option(folder: str) -> None:
    found = replace(WRITTEN, folder=Path(folder))

    assert found.command.endswith(f" my-serving ./{folder}")


@pytest.mark.usefixtures("asked")
def test_the_result_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "x.yml", "--json")

    assert json.loads(capsys.readouterr().out) == {
        "folder": "docker/my serving",
        "files": ["Dockerfile"],
        "platforms": ["linux/amd64", "linux/arm64"],
        "target": "prod",
        "secrets": ["ca", "netrc", "proxy"],
        "command": "DOCKER_BUILDKIT=1 docker build --tag my-serving 'docker/my serving'",
        "warnings": ["etc/x.sh:1: cannot be compiled"],
    }
