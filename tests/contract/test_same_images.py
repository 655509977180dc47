"""Both backends make the same image of the same lock, and Docker runs BuildKit's."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.contract.conftest import BACKENDS, PLATFORM, succeed
from tests.contract.intended import gone, unintended
from tests.fakes.devcontainers import containers
from tests.fakes.sshclient import KeyPair

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.conftest import Builds

pytestmark = [pytest.mark.world, pytest.mark.docker]

IMAGES = (
    ("minimal", "prod"),
    ("odd", "prod"),
    ("odd", "dev"),
    ("serving", "prod"),
    ("serving", "dev"),
    ("ai", "prod"),
    ("ai", "dev"),
)


@pytest.mark.parametrize(("environment", "variant"), IMAGES)
def test_both_backends_make_the_same_image(builds: Builds, environment: str, variant: str) -> None:
    assert unintended(builds.pair(environment, variant).found) == []


@pytest.mark.parametrize("environment", ["odd", "serving", "ai"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_development_begins_with_the_layers_of_prod(
    builds: Builds, environment: str, backend: str
) -> None:
    prod, dev = (builds.pair(environment, variant).layers[backend] for variant in ("prod", "dev"))

    assert dev[: len(prod)] == prod
    assert len(dev) > len(prod)


def test_what_is_meant_to_be_different_is(builds: Builds) -> None:
    found = (each for image in IMAGES for each in builds.pair(*image).found)

    assert gone(found) == []


@pytest.mark.parametrize("variant", ["prod", "dev"])
def test_what_buildkit_made_is_verified(builds: Builds, variant: str) -> None:
    builds.pair("odd", variant)

    said = succeed(builds.projects["odd"], "verify", f"{variant}-docker", *PLATFORM)

    assert "are not in the image" not in said


def test_the_service_answers_with_a_prediction(builds: Builds) -> None:
    started = docker(
        "run", "--rm", "-d", "-p", "127.0.0.1::8000", builds.pair("serving", "prod").name
    )
    try:
        address = docker("port", started, "8000/tcp")
        assert ask(f"http://{address}/predict")["predictions"]
    finally:
        docker("rm", "-f", started)


@pytest.mark.tool("ssh")
def test_development_is_worked_in_by_ssh_and_jupyter(builds: Builds, tmp_path: Path) -> None:
    name = builds.pair("serving", "dev").name
    key = KeyPair.make(tmp_path / "key")
    prefix = "import lightgbm, sys; print(sys.prefix)"

    with containers(name, tmp_path, key=key) as start:
        container = start()

        assert container.ssh.says("pwd; id -un; id -u; id -g") == "/workspace\ndev\n1000\n0\n"
        assert container.ssh.says("python", "-c", shlex.quote(prefix)) == "/opt/env\n"
        assert container.ssh.says("touch made; git init --quiet there; ls") == "made\nthere\n"
        contents = container.jupyter.says("api/contents")["content"]
        assert {each["name"] for each in contents} == {"made", "there"}
        assert container.jupyter.with_token("other").request("api/contents").status == 403
        with container.jupyter.kernel() as kernel:
            assert kernel.run(prefix) == "/opt/env\n"


def test_pytorch_computes_in_prod_and_development(builds: Builds) -> None:
    text = (builds.projects["ai"].root / "envs" / "ai.yml").read_text()
    module = "torch" if "- pytorch\n" in text else "numpy"
    script = f"import {module} as t; print(int((t.ones((2, 3)) @ t.ones((3, 2))).sum()))"

    for variant in ("prod", "dev"):
        name = builds.pair("ai", variant).name
        assert docker("run", "--rm", name, "python", "-c", script) == "12"
    development = builds.pair("ai", "dev").name
    assert docker("run", "--rm", development, "python", "-c", "import ipdb; print(7)") == "7"


@pytest.mark.parametrize("variant", ["prod", "dev"])
def test_programs_of_packages_and_wheels_run(builds: Builds, variant: str) -> None:
    run = ("run", "--rm", "--entrypoint")
    name = builds.pair("odd", variant).name

    assert docker(*run, "hello", name) == "entered"
    assert docker(*run, "entry-of-wheel", name) == "scripted"
    assert docker(*run, "run-it", name) == "run"
    assert docker(*run, "cat", name, "/opt/env/share/both") == {
        "prod": "second",
        "dev": "third",
    }[variant]  # fmt: skip


def test_a_command_gets_its_arguments_as_they_are_written(builds: Builds) -> None:
    name = builds.pair("odd", "prod").name

    assert docker("run", "--rm", name) == str(["it's", "$HOME", "größe", 'say "so"', "two\nlines"])


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ask(url: str) -> dict[str, object]:
    """Ask the service for a prediction as soon as it is up."""
    request = urllib.request.Request(
        url,
        data=json.dumps({"rows": [[0.1, 0.9, 0.4, 0.7]]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found: dict[str, object] = json.loads(answer.read())
                return found
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
