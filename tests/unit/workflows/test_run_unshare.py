"""What is run without an engine, and what is not.

`tests/integration/test_run.py` really runs some.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import BackendError, ImageError
from condabox.outputs.volumes import Volume
from condabox.platforms import Platform
from condabox.workflows.images import host_platform
from condabox.workflows.run import RunRequest
from condabox.workflows.run_gpus import Gpus
from condabox.workflows.run_unshare import volumes_folder
from tests.fakes.images import make_image
from tests.fakes.runmachine import CONFIG, spec, with_unshare
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.runmachine import Machine


def volumes(*texts: str) -> tuple[Volume, ...]:
    return tuple(map(Volume.parse, texts))


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_a_foreign_image_needs_an_emulator_without_an_engine(
    machine: Machine, tmp_path: Path
) -> None:
    with_unshare(machine)
    foreign = Platform(os="linux", architecture="s390x")
    machine.keep(make_image(tmp_path / "made", {"entry": b"2"}, platform=foreign, config=CONFIG))

    with pytest.raises(BackendError, match="linux/s390x"):
        machine.run(RunRequest(image="ai:1.0"))


@pytest.mark.usefixtures("image")
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_without_an_engine_the_command_is_the_images(machine: Machine) -> None:
    with_unshare(machine)

    machine.run(RunRequest(image="ai:1.0", env=("A=1", "HERE")), env={"HERE": "yes", "B": "host"})

    assert spec(machine)["arguments"] == ["/entry", "serve", "--port", "8000"]
    assert spec(machine)["env"] == {
        "A": "1",
        "B": "image",
        "HERE": "yes",
        "HOME": "/",
        "PATH": "/bin",
    }
    assert spec(machine)["working_dir"] == "/app"


@pytest.mark.usefixtures("image")
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_a_command_replaces_cmd_and_not_the_entrypoint(machine: Machine) -> None:
    with_unshare(machine)

    machine.run(RunRequest(image="ai:1.0", command=("test",)))

    assert spec(machine)["arguments"] == ["/entry", "test"]


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_an_image_without_a_command_needs_one(machine: Machine, tmp_path: Path) -> None:
    with_unshare(machine)
    machine.keep(make_image(tmp_path / "made", {"a": b"2"}, platform=host_platform()))

    with pytest.raises(ImageError, match="names no command"):
        machine.run(RunRequest(image="ai:1.0"))


@pytest.mark.usefixtures("image")
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_without_an_engine_volumes_are_folders_of_the_user(
    machine: Machine, tmp_path: Path
) -> None:
    with_unshare(machine)
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    (tmp_path / "here").mkdir()

    machine.run(
        RunRequest(
            image="ai:1.0", volumes=volumes("kept:/kept", f"{tmp_path}/here:/here", "/mine")
        ),
        env=env,
    )

    binds = spec(machine)["binds"]
    assert isinstance(binds, list)
    assert [source for source, _ in binds] == [
        str(tmp_path / "data" / "condabox" / "volumes" / "kept"),
        str(tmp_path / "here"),
    ]
    assert (tmp_path / "data" / "condabox" / "volumes" / "kept").is_dir()


@pytest.mark.usefixtures("image")
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_without_an_engine_values_are_the_containers(machine: Machine) -> None:
    with_unshare(machine)

    machine.run(
        RunRequest(image="ai:1.0", env=("WORD",), values={"WORD": "sesame"}),
        env={"WORD": "another"},
    )

    env = spec(machine)["env"]
    assert isinstance(env, dict)
    assert env["WORD"] == "sesame"


@pytest.mark.usefixtures("image")
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(image="nowhere:1", volumes=volumes("a/b:/x:ro")),
        RunRequest(image="nowhere:1", gpus=Gpus.ALL),
        RunRequest(image="nowhere:1", publish=("9999:8888",)),
    ],
    ids=["options", "gpus", "port"],
)
def test_what_takes_an_engine_says_so_before_there_is_an_image(
    machine: Machine, request_: RunRequest
) -> None:
    with_unshare(machine)

    with pytest.raises(BackendError, match="without an engine") as caught:
        machine.run(request_)

    assert "Docker" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"HOME": "/home/ada"}, "/home/ada/.local/share/condabox/volumes"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "/data/condabox/volumes"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "data"}, "/home/ada/.local/share/condabox/volumes"),
    ],
)
def test_volumes_without_an_engine_are_where_users_keep_data(
    env: dict[str, str], folder: str
) -> None:
    assert str(volumes_folder(env)) == folder


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize(("gpus", "told"), [(Gpus.AUTO, True), (Gpus.NONE, False)])
def test_without_an_engine_an_image_with_cuda_runs_without_a_gpu(
    machine: Machine, tmp_path: Path, gpus: Gpus, *, told: bool
) -> None:
    with_unshare(machine)
    config = replace(CONFIG, env={**CONFIG.env, "NVIDIA_REQUIRE_CUDA": "cuda>=12.0"})
    machine.keep(make_image(tmp_path / "made", platform=host_platform(), config=config))
    reporter = WatchingReporter()

    machine.run(RunRequest(image="ai:1.0", gpus=gpus), reporter=reporter)

    assert any("no GPUs" in text for text in reporter.messages) is told
