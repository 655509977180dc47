"""Which engine runs a container, and what it is told.

`tests/integration/test_run.py` really runs some.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, RegistryError, SpecError, ToolMissingError
from condabox.outputs.volumes import Volume
from condabox.platforms import Platform
from condabox.workflows.run import Engine, RunRequest
from condabox.workflows.run_gpus import Gpus
from tests.fakes.images import make_image
from tests.fakes.runmachine import CONFIG, with_podman, with_unshare
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.docker import FakeDaemon
    from tests.fakes.runmachine import Machine


def volumes(*texts: str) -> tuple[Volume, ...]:
    return tuple(map(Volume.parse, texts))


@pytest.mark.usefixtures("image")
def test_docker_is_the_first_choice(machine: Machine, daemon: FakeDaemon) -> None:
    with_podman(machine)

    status = machine.run(RunRequest(image="ai:1.0"))

    assert status == 3
    assert len(daemon.loaded) == 1
    assert machine.called("podman") == []


@pytest.mark.usefixtures("image")
def test_podman_is_the_second_choice(machine: Machine) -> None:
    with_podman(machine)
    with_unshare(machine)

    assert machine.run(RunRequest(image="ai:1.0")) == 4


@pytest.mark.usefixtures("image")
def test_without_anything_the_hint_names_what_helps(machine: Machine) -> None:
    with pytest.raises(ToolMissingError, match="unshare") as caught:
        machine.run(RunRequest(image="ai:1.0"))

    assert "podman" in str(caught.value.hint)


@pytest.mark.usefixtures("image")
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_without_an_engine_there_is_unshare(machine: Machine) -> None:
    with_unshare(machine)

    assert machine.run(RunRequest(image="ai:1.0")) == 5


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("engine", [Engine.DOCKER, Engine.PODMAN])
def test_an_engine_that_was_chosen_must_be_there(machine: Machine, engine: Engine) -> None:
    with_unshare(machine)

    with pytest.raises(ToolMissingError):
        machine.run(RunRequest(image="ai:1.0", engine=engine))


@pytest.mark.usefixtures("image")
def test_docker_runs_what_it_loaded_with_all_options(machine: Machine, daemon: FakeDaemon) -> None:
    machine.run(
        RunRequest(
            image="ai:1.0", command=("sh", "-c", "ls"), publish=("80:8000",), env=("A=1", "B")
        )
    )

    line, removal = machine.called("docker")
    assert line.startswith("run --rm --interactive --name condabox-")
    assert removal == f"rm --force --volumes {line.split()[4]}"
    assert line.endswith(" --publish 80:8000 --env A=1 --env B ai:1.0 sh -c ls")
    assert "--platform" not in line
    assert len(daemon.loaded) == 1


@pytest.mark.usefixtures("image", "daemon")
def test_docker_is_told_whether_somebody_types(machine: Machine) -> None:
    machine.run(RunRequest(image="ai:1.0", typed=False))

    assert "--interactive" not in machine.called("docker")[0]


def test_an_image_that_docker_has_is_not_loaded(
    machine: Machine, daemon: FakeDaemon, image: Image
) -> None:
    identity = str(image.manifest.config.digest)
    daemon.images[identity] = []

    machine.run(RunRequest(image="ai:1.0"))

    assert daemon.loaded == []
    assert machine.called("docker")[0].endswith(identity)


def test_a_foreign_image_says_so_to_docker(
    machine: Machine, daemon: FakeDaemon, tmp_path: Path
) -> None:
    foreign = Platform(os="linux", architecture="s390x")
    machine.keep(make_image(tmp_path / "made", {"entry": b"2"}, platform=foreign, config=CONFIG))

    machine.run(RunRequest(image="ai:1.0"))

    assert "--platform linux/s390x" in machine.called("docker")[0]
    assert len(daemon.loaded) == 1


@pytest.mark.usefixtures("image", "daemon")
@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(image="ai:1.0", env=("",)),
        RunRequest(image="ai:1.0", env=("=x",)),
        RunRequest(image="ai:1.0", publish=("99999:8888",)),
        RunRequest(image="ai:1.0", publish=("8888:http",)),
    ],
    ids=["empty", "nameless", "outer", "inner"],
)
def test_what_means_nothing_is_refused_before_anything_runs(
    machine: Machine, daemon: FakeDaemon, request_: RunRequest
) -> None:
    with pytest.raises(SpecError):
        machine.run(request_)

    assert (machine.called("docker"), daemon.loaded) == ([], [])


@pytest.mark.usefixtures("image", "daemon")
def test_docker_is_told_of_volumes_with_absolute_paths(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    machine.run(RunRequest(image="ai:1.0", volumes=volumes("data:/data", "./here:/here:ro")))

    line, _ = machine.called("docker")
    assert f" --volume data:/data --volume {tmp_path}/here:/here:ro " in line


@pytest.mark.usefixtures("image", "daemon")
@pytest.mark.parametrize(("gpus", "times"), [(Gpus.ALL, 1), (Gpus.AUTO, 0)])
def test_gpus_that_nobody_asks_for_are_not_given(machine: Machine, gpus: Gpus, times: int) -> None:
    machine.run(RunRequest(image="ai:1.0", gpus=gpus))

    assert machine.called("docker")[0].count("--gpus all") == times


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(
    "subject",
    [
        "envs/typo.yml",
        "typo.yaml",
        "ai.lock",
        "all.txt",
        "pixi.JSON",
        "dist/app.tar",
        "app.tar.gz",
        "app.TGZ",
        "app.tar.zst",
        "env.toml",
        "./ai",
        "../ai",
        "/ai",
        "~/ai",
    ],
)
def test_a_file_that_is_missing_is_no_image_of_a_registry(machine: Machine, subject: str) -> None:
    with pytest.raises(SpecError) as caught:
        machine.run(RunRequest(image=subject))

    assert caught.value.message == f"{subject}: there is no such file"


@pytest.mark.usefixtures("daemon")
def test_an_image_may_be_called_as_files_are(machine: Machine, tmp_path: Path) -> None:
    machine.keep(make_image(tmp_path / "made", {"a": b"1"}, config=CONFIG), name="team/app.yml:1")

    assert machine.run(RunRequest(image="team/app.yml:1")) == 3
    with pytest.raises(RegistryError):
        machine.run(RunRequest(image="localhost:1/team/app:1"))


@pytest.mark.parametrize("subject", ["localhost:1/o/t:v1.lock", "localhost:1/o/app.tar"])
@pytest.mark.usefixtures("daemon")
def test_a_tag_or_a_port_makes_it_an_image(machine: Machine, subject: str) -> None:
    with pytest.raises(RegistryError):
        machine.run(RunRequest(image=subject))


@pytest.mark.parametrize("name", ["app.yml", "APP.YML"])
def test_an_environment_file_is_for_development(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("name: app\n")

    with pytest.raises(SpecError, match=f"{name} is an environment file") as caught:
        machine.run(RunRequest(image=name))

    assert caught.value.hint == f"condabox run --dev {name}"


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("prefix", ["", "oci-archive:", "docker-archive:"])
def test_a_file_that_is_there_is_not_called_missing(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "app.tar").write_bytes(b"damaged")

    with pytest.raises(ImageError, match="not a whole tar file"):
        machine.run(RunRequest(image=f"{prefix}dist/app.tar"))


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("variable", ["DOCKER_HOST", "DOCKER_CONTEXT"])
def test_a_docker_that_was_chosen_and_does_not_answer_is_not_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    machine.install("docker", "exit 3")
    with_podman(machine)
    monkeypatch.setenv(variable, "unix:///nowhere")
    monkeypatch.setattr("condabox.workflows.run.daemon_answers", lambda: False)

    with pytest.raises(ToolMissingError, match=f"no Docker daemon answers where {variable} says"):
        machine.run(RunRequest(image="ai:1.0"))

    assert machine.called("podman") == []


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("variable", ["DOCKER_HOST", "DOCKER_CONTEXT"])
def test_a_docker_that_was_chosen_is_not_replaced_where_its_command_is_missing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with_podman(machine)
    monkeypatch.setenv(variable, "unix:///nowhere")

    with pytest.raises(ToolMissingError, match=f"{variable} .* no docker command") as caught:
        machine.run(RunRequest(image="ai:1.0"))

    assert f"unset {variable}" in str(caught.value.hint)
    assert machine.called("podman") == []
    assert machine.run(RunRequest(image="ai:1.0", engine=Engine.PODMAN)) == 4


@pytest.mark.usefixtures("image")
def test_what_runs_instead_of_a_docker_that_does_not_answer_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install("docker", "exit 3")
    with_podman(machine)
    monkeypatch.setattr("condabox.workflows.run.daemon_answers", lambda: False)
    told = WatchingReporter()

    assert machine.run(RunRequest(image="ai:1.0"), reporter=told) == 4
    assert told.messages[0] == "Docker does not answer: podman runs it"


@pytest.mark.usefixtures("image")
def test_where_there_is_no_docker_nothing_is_said_of_it(machine: Machine) -> None:
    with_podman(machine)
    told = WatchingReporter()

    machine.run(RunRequest(image="ai:1.0"), reporter=told)

    assert not any("Docker" in text for text in told.messages)


@pytest.mark.usefixtures("image")
def test_podman_is_asked_for_podman_s_way_to_give_gpus(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_podman(machine)
    asked: list[bool] = []

    def gives_gpus(*_: object, podman: bool, **__: object) -> bool:
        asked.append(podman)
        return True

    monkeypatch.setattr("condabox.workflows.run.gives_gpus", gives_gpus)

    machine.run(RunRequest(image="ai:1.0", engine=Engine.PODMAN, gpus=Gpus.AUTO))

    assert asked == [True]
    assert "--device nvidia.com/gpu=all" in " ".join(machine.called("podman"))
