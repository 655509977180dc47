"""Where the docker command finds its daemon, and so do we."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from condabox.outputs.dockerhost import docker_host

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "unix:///var/run/docker.sock"
MINE = "unix:///mine.sock"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose current context is ``mine``."""
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": MINE}}}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    return tmp_path


@pytest.mark.parametrize(
    ("env", "host"),
    [
        ({}, MINE),
        ({"DOCKER_CONTEXT": "mine"}, MINE),
        ({"DOCKER_CONTEXT": "default"}, DEFAULT),
        ({"DOCKER_CONTEXT": "gone"}, DEFAULT),
        ({"DOCKER_HOST": "tcp://other:2375"}, "tcp://other:2375"),
        ({"DOCKER_HOST": "tcp://other:2375", "DOCKER_CONTEXT": "mine"}, "tcp://other:2375"),
    ],
)
def test_variables_come_before_the_context(config: Path, env: dict[str, str], host: str) -> None:
    assert docker_host({"DOCKER_CONFIG": str(config), **env}) == host


def test_the_configuration_is_in_the_home(config: Path) -> None:
    config.rename(config.parent / ".docker")

    assert docker_host({"HOME": str(config.parent)}) == MINE


@pytest.mark.parametrize("text", ["", "[]", '{"currentContext": 1}', '{"currentContext": "gone"}'])
def test_a_broken_configuration_means_the_default(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)

    assert docker_host({"DOCKER_CONFIG": str(tmp_path)}) == DEFAULT
