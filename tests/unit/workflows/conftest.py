"""What tests of `condabox run` share: a machine, an image in its store, and a Docker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from condabox.workflows.images import host_platform
from tests.fakes.developer import User
from tests.fakes.docker import FakeDaemon
from tests.fakes.images import make_image
from tests.fakes.runmachine import CONFIG, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def image(tmp_path: Path, machine: Machine) -> Image:
    made = make_image(tmp_path / "made", {"entry": b"1"}, platform=host_platform(), config=CONFIG)
    machine.keep(made)
    return made


@pytest.fixture
def daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> Iterator[FakeDaemon]:
    with FakeDaemon(tmp_path).running() as running:
        monkeypatch.setenv("DOCKER_HOST", running.host)
        machine.install("docker", "exit 3")
        yield running


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    found = User(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr("condabox.workflows.run_ports.is_free", lambda _: True)
    with FakeDaemon(tmp_path).running() as daemon:
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        yield found
