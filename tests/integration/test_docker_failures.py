"""``build --builder docker`` that fails: what is said of it, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.oci.tarball import TarLink
from tests.fakes.docker import FakeDaemon
from tests.fakes.dockerbuilds import WITHOUT_BUILDX, greeting, old_docker
from tests.fakes.httpserver import unanswered_url
from tests.fakes.otherbases import add_base
from tests.fakes.servedworld import served_world
from tests.fakes.watchpost import Watchpost
from tests.fakes.wheels import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.dockerbuilds import DockerProject
    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.docker]

CREATE = "RUN micromamba create"


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with served_world(world, tmp_path_factory.mktemp("served")) as served:
        yield served


def assert_fails(
    project: DockerProject,
    *words: str,
    hint: str = "",
    arguments: tuple[str, ...] = ("-o", "image"),
) -> str:
    """Assert that the build ends as it should, with ``words`` and a ``hint``; return the error."""
    done = project.by_docker(*arguments)

    assert done.returncode == 9, done.stderr
    assert done.stdout == ""
    error = done.stderr.partition("condabox: error: ")[2]
    assert error, done.stderr
    for word in words:
        assert word in error
    assert len(error.splitlines()) <= 22, error
    assert hint in error.partition("\n  hint: ")[2]
    assert not (project.root / "image").exists()
    assert project.left() == []
    return error


def test_a_package_that_the_channel_does_not_have_is_named(
    served: ServedWorld, tmp_path: Path
) -> None:
    project = greeting(served, tmp_path / "project")
    served.channel.statuses[project.archive_path] = [404] * 9

    assert_fails(
        project,
        f"{CREATE} --yes",
        "ended with status 1",
        "status: 404",
        project.archive_path,
        hint="could not be downloaded",
    )


def test_a_package_whose_bytes_are_others_is_not_installed(
    served: ServedWorld, tmp_path: Path
) -> None:
    project = greeting(served, tmp_path / "project")
    good = served.folder / project.archive_path[1:]
    other = served.folder / "other" / project.archive_path[1:]
    other.parent.mkdir(parents=True)
    other.write_bytes(good.read_bytes()[:-1])
    project.use_mirrors(project.folder_url, f"{served.channel.url}/other{project.channel_path}")

    assert_fails(project, CREATE, "SHA256 doesn't match expectation")


def test_a_channel_that_is_down_is_named(served: ServedWorld, tmp_path: Path) -> None:
    project = greeting(served, tmp_path / "project")
    gone = unanswered_url()
    project.use_mirrors(project.folder_url, gone)

    assert_fails(project, CREATE, gone, "Could not connect", hint="could not be downloaded")


def test_a_full_disk_is_called_so(served: ServedWorld, tmp_path: Path) -> None:
    script = "dd if=/dev/zero of=/dev/shm/much bs=1M count=100"
    project = greeting(served, tmp_path / "project", script=script)

    error = assert_fails(project, CREATE, "no space is left", hint="docker builder prune")

    assert "No space left on device" in error


def test_a_builder_image_that_is_not_there_is_named(served: ServedWorld, tmp_path: Path) -> None:
    other = f"{served.registry.host}/nowhere:1"
    project = greeting(served, tmp_path / "project", builder=other)

    assert_fails(project, f"cannot pull {other}", "not found", hint="`base:` and `builder:`")


def test_a_base_with_a_link_above_the_prefix_is_named(
    served: ServedWorld, world: World, tmp_path: Path
) -> None:
    base = add_base(served, world, "linked", [TarLink(path="opt", target="var/opt")])
    project = greeting(served, tmp_path / "project", base=base)

    error = assert_fails(
        project, "COPY /environment/ /: the base has a link at /opt,", hint="another `prefix:`"
    )

    assert "overlay" not in error


def test_a_base_that_is_a_file_is_refused_before_the_build(
    served: ServedWorld, world: World, tmp_path: Path
) -> None:
    base = f"oci:{world.base_layouts / 'library' / 'ubuntu'}:24.04"
    project = greeting(served, tmp_path / "project", base=base)

    done = project.by_docker("-o", "image")

    assert done.returncode == 3
    assert f"{base}: a Dockerfile cannot begin with a file" in done.stderr
    assert "name it as docker:NAME" in done.stderr
    assert not any("build" in words[1:2] for _, words in project.told)
    assert project.left() == []


@pytest.fixture(scope="module")
def python(served: ServedWorld, tmp_path_factory: pytest.TempPathFactory) -> DockerProject:
    """Return a project that wants Python, a wheel, and a module that nobody has."""
    project = greeting(served, tmp_path_factory.mktemp("python") / "project")
    publish(served.folder, "app", "1.0", tag="py3-none-any", files={"app.py": "x = 1"})
    project.environment.write_text(
        "name: app\nchannels: [conda-forge]\ndependencies: [python, pip, {pip: [app]}]\n"
        f"platforms: [linux-64]\n{served.section('  test: {imports: [not_there]}')}\n"
    )
    # so that condabox itself has all packages
    done = project.run("dockerfile", "environment.yml", "-o", "context")
    assert done.returncode == 0, done.stderr
    return project


def test_a_wheel_whose_bytes_are_others_is_not_installed(
    python: DockerProject, served: ServedWorld
) -> None:
    path = served.folder / "files" / "app-1.0-py3-none-any.whl"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"x = 1", b"x = 2"))
    try:
        assert_fails(python, "-m pip install", "DO NOT MATCH THE HASHES")
    finally:
        path.write_bytes(good)


def test_a_module_that_cannot_be_imported_fails_the_build(python: DockerProject) -> None:
    error = assert_fails(python, "RUN", "ModuleNotFoundError: No module named 'not_there'")

    assert "ended with status 1" in error


@pytest.fixture
def post() -> Iterator[Watchpost]:
    with Watchpost() as post:
        yield post


@pytest.fixture
def waiting(served: ServedWorld, post: Watchpost, tmp_path: Path) -> DockerProject:
    """Return a project whose build does not end by itself."""
    section = f'  test: {{commands: ["{post.script}"]}}\n'
    return greeting(served, tmp_path / "project", section=section)


@contextmanager
def building(project: DockerProject, post: Watchpost) -> Iterator[subprocess.Popen[str]]:
    """Give condabox while the step runs that does not end."""
    started = subprocess.Popen(
        project.command("build", "environment.yml", "--builder", "docker", "-o", "image"),
        cwd=project.root,
        env=project.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        post.wait_for_arrival()
        yield started
    finally:
        started.kill()
        started.communicate()


def building_process(project: DockerProject) -> int:
    ((pid, _),) = [each for each in project.told if "--target" in each[1]]
    return pid


@pytest.mark.parametrize(
    ("number", "status", "old"),
    [
        pytest.param(signal.SIGINT, 130, False, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, True, id="SIGTERM-without-buildx"),
    ],
)
def test_condabox_that_is_ended_ends_its_build(
    waiting: DockerProject,
    post: Watchpost,
    number: signal.Signals,
    status: int,
    old: bool,  # noqa: FBT001
) -> None:
    if old:
        waiting.put_docker(old_docker(), first=WITHOUT_BUILDX)
    with building(waiting, post) as started:
        started.send_signal(number)
        _, said = started.communicate()
        post.wait_for_end()

    assert started.returncode == status, said
    assert "Traceback" not in said
    assert not (waiting.root / "image").exists()
    assert waiting.left() == []


def test_docker_that_is_killed_fails_the_build(waiting: DockerProject, post: Watchpost) -> None:
    with building(waiting, post) as started:
        os.killpg(building_process(waiting), signal.SIGKILL)
        _, said = started.communicate()
        post.wait_for_end()

    assert started.returncode == 9, said
    assert "the command that builds was ended by SIGKILL" in said
    assert "memory is short" in said
    assert not (waiting.root / "image").exists()
    assert waiting.left() == []


@pytest.mark.buildx
@pytest.mark.tool("pgrep")
def test_buildx_that_is_killed_fails_the_build(waiting: DockerProject, post: Watchpost) -> None:
    with building(waiting, post) as started:
        command = ["pgrep", "--parent", str(building_process(waiting))]
        found = subprocess.run(command, capture_output=True, check=True, text=True)
        os.kill(int(found.stdout), signal.SIGKILL)
        _, said = started.communicate()
        post.wait_for_end()

    assert started.returncode == 9, said
    assert "the build ended with status" in said
    assert "memory is short" in said
    assert waiting.left() == []


def test_what_a_step_says_is_shown_without_secrets_and_without_colours(
    served: ServedWorld, tmp_path: Path
) -> None:
    said = "\\033]0;title\\007\\033[31mhttp://me:hidden@host.example/x\\033[0m is down"
    project = greeting(served, tmp_path / "project", script=f"printf '{said}\\n' >&2; exit 1")

    error = assert_fails(project, CREATE, "\n    http://host.example/x is down\n")

    assert "\x1b" not in error
    assert "hidden" not in error


def test_no_daemon_is_said_before_anything_is_done(served: ServedWorld, tmp_path: Path) -> None:
    project = greeting(served, tmp_path / "project")
    nowhere = replace(project, env={"DOCKER_HOST": f"unix://{tmp_path / 'nowhere'}"})

    error = assert_fails(nowhere, "no Docker daemon answers", hint="start Docker")

    assert "nowhere" in error
    assert not (project.root / "environment.conda-lock.yml").exists()


def test_no_docker_is_said_before_anything_is_done(served: ServedWorld, tmp_path: Path) -> None:
    project = greeting(served, tmp_path / "project")
    without = replace(project, env={"PATH": str(tmp_path / "empty")})

    assert_fails(without, "docker is not on PATH", hint="--builder direct")

    assert not (project.root / "environment.conda-lock.yml").exists()


def test_a_daemon_without_buildkit_is_named(served: ServedWorld, tmp_path: Path) -> None:
    project = greeting(served, tmp_path / "project")
    daemon = FakeDaemon(tmp_path)
    daemon.version, daemon.api = "18.06.3-ce", "1.38"
    with daemon.running():
        old = replace(project, env={"DOCKER_HOST": daemon.host})
        assert_fails(old, "Docker 18.06.3-ce has no BuildKit", hint="18.09")

    assert not (project.root / "environment.conda-lock.yml").exists()


def test_a_cache_that_docker_cannot_leave_is_refused(served: ServedWorld, tmp_path: Path) -> None:
    project = greeting(served, tmp_path / "project")
    place = f"type=registry,ref={served.registry.host}/cache:1"

    assert_fails(
        project,
        "this builder cannot export its cache",
        hint="docker buildx create",
        arguments=("-o", "image", "--cache-to", place),
    )
