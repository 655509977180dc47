"""Builds that end in Docker, or cannot, which is said before the work where it is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.events import SilentReporter
from condabox.layering import DEFAULT_BUDGET
from condabox.oci.compress import Compression
from condabox.settings import load_settings
from condabox.workflows.build import build_environment
from condabox.workflows.build_request import BuildRequest, LockPolicy
from tests.fakes.docker import FakeDaemon
from tests.fakes.packages import make_package
from tests.fakes.project import Project, make_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = "20.10.24+dfsg1"
ZSTD = ("build", "environment.yml", "--compression", "zstd", "--json")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    with FakeDaemon(tmp_path).running() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, daemon: FakeDaemon) -> Project:
    archives = [make_package(tmp_path / "packages", "alpha", files={"lib/alpha": b"alpha"})]
    root = tmp_path / "project"
    make_project(root, archives=archives, specs=["alpha"])
    return Project(root=root, env={"DOCKER_HOST": daemon.host})


def test_docker_has_what_was_built_where_it_answers(project: Project, daemon: FakeDaemon) -> None:
    done = project.run("build", "environment.yml", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["places"] == ["in the local store", "in Docker"]
    assert len(daemon.loaded) == 1


@pytest.mark.parametrize(("unasked", "loaded"), [(True, 1), (False, 0)])
def test_what_another_engine_runs_is_not_docker_s(
    project: Project,
    daemon: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    *,
    unasked: bool,
    loaded: int,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    request = BuildRequest(
        environment=project.environment,
        names=(),
        platforms=(),
        base=None,
        output=None,
        load=False,
        unasked=unasked,
        lock_policy=LockPolicy.MAKE,
        budget=DEFAULT_BUDGET,
        compression=Compression.GZIP,
        epoch=None,
    )
    settings = load_settings(project.root, env={})

    outcome = build_environment(request, settings=settings, env={}, reporter=SilentReporter())

    assert outcome.places[0] == "in the local store"
    assert len(daemon.loaded) == loaded


def test_zstd_that_docker_is_too_old_for_stays_in_the_store(
    project: Project, daemon: FakeDaemon
) -> None:
    daemon.version = OLD

    done = project.run(*ZSTD)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["places"] == ["in the local store"]
    assert f"Docker {OLD} cannot load layers compressed with zstd" in done.stderr
    assert daemon.loaded == []


def test_zstd_that_docker_is_too_old_for_is_refused_before_the_work(
    project: Project, daemon: FakeDaemon
) -> None:
    daemon.version = OLD

    done = project.run(*ZSTD, "--load")

    assert done.returncode == 9
    assert f"Docker {OLD} cannot load layers compressed with zstd" in done.stderr
    assert "--compression gzip" in done.stderr
    assert not (project.root / "environment.conda-lock.yml").exists()


def test_zstd_goes_into_a_newer_docker(project: Project, daemon: FakeDaemon) -> None:
    done = project.run(*ZSTD, "--load")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["places"] == ["in the local store", "in Docker"]
    assert len(daemon.loaded) == 1
