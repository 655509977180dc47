"""`condabox build --push`: from an environment to registries, which are asked before the work."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.outputs.store import LocalStore
from tests.fakes.devcontainers import docker
from tests.fakes.devtools import development_packages, python_package
from tests.fakes.docker import FakeDaemon
from tests.fakes.images import AMD64
from tests.fakes.packages import make_package
from tests.fakes.project import Project, make_project
from tests.fakes.registry import FakeRegistry
from tests.fakes.registry_behaviour import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a project that has its lock, and nothing in its cache."""
    root = tmp_path_factory.mktemp("locked") / "project"
    archives = [
        make_package(root.parent, "alpha", noarch="generic", files={"share/alpha": b"1"}),
        python_package(root.parent),
        *development_packages(root.parent),
    ]
    made = make_project(root, archives=archives, specs=["alpha"], section="  dev: {}\n")
    done = made.run("lock", "environment.yml")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(made.cache)
    return root


@pytest.fixture
def project(locked: Path, tmp_path: Path) -> Project:
    """Return a copy of the project, in which no daemon of this machine is found."""
    root = tmp_path / "project"
    shutil.copytree(locked, root)
    settings = root / "condabox.toml"
    settings.write_text(settings.read_text().replace(str(locked), str(root)))
    return Project(root=root, env={"DOCKER_HOST": "unix:///no/daemon"})


def push(project: Project, *words: str) -> dict[str, object]:
    """Build and push, and return what ``--json`` says."""
    done = project.run("build", "environment.yml", "--push", "--json", *words)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def pushed(answer: dict[str, object]) -> list[dict[str, object]]:
    found = answer["pushed"]
    assert isinstance(found, list)
    return found


def stored(project: Project) -> list[str]:
    return [image.name for image in LocalStore(project.cache).list()]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_prints_what_can_be_pulled(project: Project, registry: FakeRegistry) -> None:
    names = [f"{registry.host}/{name}" for name in ("app:1.0", "app:latest", "team/app:1.0")]
    tags = [word for name in names for word in ("-t", name)]

    done = project.run("build", "environment.yml", "--push", *tags)

    assert done.returncode == 0, done.stderr
    *_, first, second = done.stdout.splitlines()
    name, _, digest = first.partition("@")
    assert name == f"{registry.host}/app"
    assert second == f"{registry.host}/team/app@{digest}"
    raw = registry.manifests["app", digest]
    for repository, tag in (("app", "1.0"), ("app", "latest"), ("team/app", "1.0")):
        assert registry.manifests[repository, tag] == raw
    assert " sent; tagged 1.0, latest" in done.stderr


def test_it_says_the_same_as_json_and_in_the_metadata_file(
    project: Project, registry: FakeRegistry
) -> None:
    answer = push(project, "-t", f"{registry.host}/app:1.0", "--metadata-file", "result.json")

    assert json.loads((project.root / "result.json").read_text()) == answer
    (result,) = pushed(answer)
    assert result["reference"] == f"{registry.host}/app@{answer['digest']}"
    assert result["tags"] == ["1.0"]
    assert answer["places"] == []


def test_a_tag_says_what_is_in_the_image(project: Project, registry: FakeRegistry) -> None:
    tag = "{version}-{name}-py{python}-cuda{cuda}-{variant}"
    environment = project.root / "environment.yml"
    label = '  labels: {org.opencontainers.image.version: "1.4"}\n'
    words = ["-t", f"{registry.host}/app:{tag}", "-t", f"{registry.host}/app:latest"]

    nameless = project.run("build", "environment.yml", "--push", *words)
    environment.write_text(environment.read_text() + label)
    (result,) = pushed(push(project, *words, "--dev"))

    assert nameless.returncode == 3
    assert "give it the label org.opencontainers.image.version" in nameless.stderr
    assert result["tags"] == ["1.4-example-dev", "latest"]


def test_what_is_there_is_not_sent_again(project: Project, registry: FakeRegistry) -> None:
    push(project, "-t", f"{registry.host}/app:1.0")
    registry.seen.clear()

    (again,) = pushed(push(project, "-t", f"{registry.host}/app:1.1"))

    assert again["uploaded"] == 0
    assert not [each for each in registry.seen if each.body and "/manifests/" not in each.path]
    assert registry.uploads == {}


def test_the_base_is_neither_pulled_nor_sent_where_the_registry_has_it(
    project: Project, registry: FakeRegistry
) -> None:
    base = add_base(project, registry)

    (result,) = pushed(push(project, "--base", base, "-t", f"{registry.host}/team/app:1.0"))

    (layer,) = json.loads(registry.manifests["bases/ubuntu", "24.04"])["layers"]
    assert result["mounted"] == layer["size"]
    assert not registry.requests("GET", layer["digest"])


def test_a_base_that_arrives_damaged_is_named_and_not_the_store(
    project: Project, registry: FakeRegistry
) -> None:
    base = add_base(project, registry)
    with FakeRegistry().running() as target:
        command = ["build", "environment.yml", "--base", base, "--push", "-t"]
        (layer,) = json.loads(registry.manifests["bases/ubuntu", "24.04"])["layers"]
        registry.blobs[layer["digest"]] = bytes(layer["size"])

        done = project.run(*command, f"{target.host}/app:1.0")

        assert target.manifests == {}
    assert done.returncode == 8
    assert f"{base}: " in done.stderr
    assert "store" not in done.stderr


def add_base(project: Project, registry: FakeRegistry) -> str:
    """Let ``registry`` have the project's base image, and return its name there."""
    bases = ImageLayout.open(project.root / "base" / "library" / "ubuntu")
    registry.add("bases/ubuntu", "24.04", [bases.resolve("24.04", platform=AMD64)])
    return f"{registry.host}/bases/ubuntu:24.04"


def test_dev_costs_what_it_adds_to_prod(project: Project, registry: FakeRegistry) -> None:
    push(project, "-t", f"{registry.host}/app:prod")
    registry.seen.clear()

    push(project, "--dev", "-t", f"{registry.host}/app:dev")

    prod, dev = (json.loads(registry.manifests["app", tag]) for tag in ("prod", "dev"))
    added = [each for each in dev["layers"] if each not in prod["layers"]]
    sent = {each.query["digest"] for each in registry.requests("PUT", "digest=")}
    assert dev["layers"] == [*prod["layers"], *added]
    assert sent == {each["digest"] for each in (*added, dev["config"])}


@pytest.mark.docker
def test_a_machine_that_has_prod_pulls_what_dev_adds(
    project: Project, registry: FakeRegistry
) -> None:
    prod, dev = f"{registry.host}/app:prod", f"{registry.host}/app:dev"
    push(project, "-t", prod)
    push(project, "--dev", "-t", dev)
    try:
        docker("pull", "--quiet", prod)
        registry.seen.clear()

        docker("pull", "--quiet", dev)
    finally:
        docker("image", "rm", "--force", prod, dev)

    below, above = (json.loads(registry.manifests["app", tag]) for tag in ("prod", "dev"))
    added = [each for each in above["layers"] if each not in below["layers"]]
    pulled = {each.path.rpartition("/")[2] for each in registry.requests("GET", "/blobs/")}
    assert pulled == {each["digest"] for each in (*added, above["config"])}


def test_the_local_store_and_docker_are_left_alone_unless_they_are_meant(
    project: Project, registry: FakeRegistry, tmp_path: Path
) -> None:
    with FakeDaemon(tmp_path).running() as daemon:
        there = Project(root=project.root, env={"DOCKER_HOST": daemon.host})
        first = push(there, "-t", f"{registry.host}/app:1.0")
        before = len(daemon.loaded)
        second = push(there, "-t", f"{registry.host}/app:1.0", "--load")

    assert (first["places"], before) == ([], 0)
    assert (second["places"], len(daemon.loaded)) == (["in Docker"], 1)
    assert stored(project) == []


def test_a_file_is_written_as_well(project: Project, registry: FakeRegistry) -> None:
    answer = push(project, "-t", f"{registry.host}/app:1.0", "-o", "image")

    project.assert_sound("image")
    image = ImageLayout.open(project.root / "image").resolve(None, platform=None)
    assert str(image.digest) == answer["digest"]
    assert registry.manifests["app", "1.0"] == image.manifest.raw
    assert answer["places"] == ["in image"]


def test_load_needs_a_daemon_with_push_as_well(project: Project, registry: FakeRegistry) -> None:
    done = project.run(
        "build", "environment.yml", "--push", "--load", "-t", f"{registry.host}/app:1.0"
    )

    assert done.returncode == 9
    assert "leave out --load" in done.stderr
    assert registry.seen == []


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        pytest.param([], "the image has no name", id="none"),
        pytest.param(["app:1.0"], "app:1.0 names no registry", id="no-registry"),
        pytest.param(["{}/app:1.0", "app:1.0"], "app:1.0 names no registry", id="one-of-two"),
        pytest.param(["{}/app@sha256:" + "a" * 64], "cannot be given a digest", id="digest"),
        pytest.param(["{}/app:{{commit}}"], "there is no field {commit}", id="field"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["build", "dry-run"])
def test_a_place_that_is_none_is_refused_before_anything_is_done(
    project: Project, registry: FakeRegistry, tags: list[str], said: str, more: list[str]
) -> None:
    (project.root / "environment.conda-lock.yml").unlink()
    names = [word for tag in tags for word in ("-t", tag.format(registry.host))]

    done = project.run("build", "environment.yml", "--push", *names, *more)

    assert done.returncode == 3
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert registry.seen == []
    assert not (project.root / "environment.conda-lock.yml").exists()


def test_a_dry_run_asks_no_registry(project: Project, registry: FakeRegistry) -> None:
    done = project.run(
        "build", "environment.yml", "--push", "-t", f"{registry.host}/app:1.0", "--dry-run"
    )

    assert done.returncode == 0, done.stderr
    assert registry.seen == []


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (401, "UNAUTHORIZED", "docker login"),
        (403, "DENIED", "as somebody who may push there"),
        (404, "NAME_UNKNOWN", "make the repository first"),
        (405, "UNSUPPORTED", "a mirror or a cache"),
    ],
)
def test_a_registry_that_would_refuse_it_does_so_before_anything_is_locked_or_built(
    project: Project, registry: FakeRegistry, status: int, code: str, hint: str
) -> None:
    (project.root / "environment.conda-lock.yml").unlink()
    registry.behaviour.faults = [Fault(method="POST", status=status, code=code, times=9)]

    done = project.run("build", "environment.yml", "--push", "-t", f"{registry.host}/app:1.0")

    assert done.returncode == 8
    assert hint in done.stderr
    assert not (project.root / "environment.conda-lock.yml").exists()
    assert not project.cache.exists()


def test_every_registry_is_asked_before_one_gets_anything(
    project: Project, registry: FakeRegistry
) -> None:
    with FakeRegistry().running() as other:
        other.behaviour.basic = ("me", "open-sesame")
        tags = ["-t", f"{registry.host}/app:1.0", "-t", f"{other.host}/app:1.0"]

        done = project.run("build", "environment.yml", "--push", *tags)

    assert done.returncode == 8
    assert f"{other.host}/app: status 401" in done.stderr
    assert registry.blobs == {}


def test_an_interrupted_push_leaves_the_store_as_it_was_and_is_repeated(
    project: Project, registry: FakeRegistry
) -> None:
    assert project.run("build", "environment.yml", "-t", "kept:1.0").returncode == 0
    command = ["build", "environment.yml", "--push", "-t", f"{registry.host}/app:1.0"]
    end = threading.Event()
    registry.behaviour.faults = [Fault(method="PUT", path="digest=", times=99, until=end)]

    with subprocess.Popen(
        project.command(*command),
        cwd=project.root,
        env=project.variables(),
        stderr=subprocess.PIPE,
    ) as running:
        until(lambda: bool(registry.requests("PUT", "digest=")))
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        end.set()
    registry.behaviour.faults = []
    done = project.run(*command)

    assert done.returncode == 0, done.stderr
    assert ("app", "1.0") in registry.manifests
    assert stored(project) == ["kept:1.0"]
    kept = LocalStore(project.cache).get(Reference.parse("kept:1.0"))
    assert kept is not None
    assert [problem for image in kept.images for problem in validate_image(image)] == []


def test_a_push_that_fails_names_what_failed_and_is_repeated(
    project: Project, registry: FakeRegistry
) -> None:
    command = ["build", "environment.yml", "--push", "-t", f"{registry.host}/app:1.0"]
    registry.behaviour.faults = [Fault(method="PUT", path="/manifests/", status=507)]

    failed, again = project.run(*command), project.run(*command)

    assert failed.returncode == 8
    assert "make room in the registry" in failed.stderr
    assert again.returncode == 0, again.stderr
