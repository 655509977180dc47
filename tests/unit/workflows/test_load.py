"""Images out of the store and into a container engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from condabox.errors import SpecError, ToolMissingError
from condabox.events import SilentReporter
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.images import host_platform
from condabox.workflows.load import LoadEngine, LoadRequest, LoadResult, load_image
from tests.fakes.docker import FakeDaemon
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image

AI = Reference.parse("ai:1.0")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1"}, platform=host_platform())


@pytest.fixture
def settings(tmp_path: Path, image: Image) -> Settings:
    found = Settings(cache_dir=tmp_path / "cache")
    LocalStore(found.cache_dir).save([image], names=[AI])
    return found


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    with FakeDaemon(tmp_path).running() as running:
        monkeypatch.setenv("DOCKER_HOST", running.host)
        yield running


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return tool(tmp_path, monkeypatch, "podman")


@pytest.fixture
def ctr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return tool(tmp_path, monkeypatch, "ctr")


def tool(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """Put a tool on PATH, and return the archive that it leaves."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat > {folder}/{name}.tar\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)
    return folder / f"{name}.tar"


def load(settings: Settings, engine: LoadEngine = LoadEngine.AUTO) -> LoadResult:
    request = LoadRequest(image="ai:1.0", engine=engine)
    return load_image(request, settings=settings, reporter=SilentReporter())


def test_docker_is_preferred(settings: Settings, daemon: FakeDaemon, podman: Path) -> None:
    result = load(settings)

    assert result == LoadResult(engine=LoadEngine.DOCKER, names=("ai:1.0",), reference="ai:1.0")
    assert len(daemon.loaded) == 1
    assert not podman.exists()


def test_podman_comes_next(
    settings: Settings, podman: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")

    result = load(settings)

    assert result == LoadResult(
        engine=LoadEngine.PODMAN,
        names=("ai:1.0",),
        reference=image.manifest.config.digest.hex,
    )
    assert podman.exists()


def test_podman_can_be_chosen(settings: Settings, daemon: FakeDaemon, podman: Path) -> None:
    load(settings, LoadEngine.PODMAN)

    assert podman.exists()
    assert daemon.loaded == []


def test_containerd_is_taken_only_where_it_is_chosen(
    settings: Settings, daemon: FakeDaemon, podman: Path, ctr: Path
) -> None:
    result = load(settings, LoadEngine.CONTAINERD)

    name = "docker.io/library/ai:1.0"
    assert result == LoadResult(engine=LoadEngine.CONTAINERD, names=(name,), reference=name)
    assert ctr.exists()
    assert (podman.exists(), daemon.loaded) == (False, [])


def test_beside_ctr_alone_other_ways_are_suggested(
    settings: Settings, ctr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setenv("PATH", str(ctr.parent / "bin"))

    with pytest.raises(ToolMissingError) as caught:
        load(settings)

    assert "--engine containerd" in str(caught.value.hint)
    assert "condabox save" in str(caught.value.hint)


def test_a_daemon_that_was_chosen_must_answer(
    settings: Settings, podman: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")

    with pytest.raises(ToolMissingError, match="unix:///nowhere"):
        load(settings, LoadEngine.DOCKER)

    assert not podman.exists()


def test_a_file_that_is_missing_is_no_image_of_a_registry(
    settings: Settings, daemon: FakeDaemon
) -> None:
    request = LoadRequest(image="envs/typo.yml")

    with pytest.raises(SpecError, match=r"envs/typo\.yml: there is no such file"):
        load_image(request, settings=settings, reporter=SilentReporter())

    assert daemon.loaded == []
