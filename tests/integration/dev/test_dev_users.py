"""A development image as every user that it may be started as, with all that may be taken away."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.development.places import HEALTH
from tests.fakes.devcontainers import docker
from tests.fakes.jupyterclient import JupyterClient
from tests.fakes.project import Project
from tests.fakes.sshclient import SshClient
from tests.fakes.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.devcontainers import DevContainer, StartContainer
    from tests.fakes.sshclient import KeyPair
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.docker, pytest.mark.tool("sftp")]

CELL = "import numpy, os, sys; print(numpy.ones(3).sum(), sys.prefix, os.getuid())"
BARE = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
READ_ONLY = ("--read-only", "--tmpfs", "/tmp")  # noqa: S108  (of the container)
ANY = 1000620000
"""A number as OpenShift gives them."""
AS_ANY = ("--user", f"{ANY}:0")
AS_STRANGER = ("--user", "4321:4321")
STRANGER_HOME = "{private}/home"
TOKEN = secrets.token_hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who one is in a container, and where."""

    uid: int = 1000
    gid: int = 0
    home: str = "/workspace"


def assert_all_works(ssh: SshClient, jupyter: JupyterClient, who: Who, folder: Path) -> None:
    """Log in, write, transfer a file and run a cell, as a developer does."""
    words = ("id -u", "id -g", "id -un", "pwd", "echo $HOME", "echo $CONDA_PREFIX")
    whole = [*map(str, (who.uid, who.gid)), "dev", who.home, who.home, "/opt/env"]
    assert ssh.says("; ".join(words)).split() == whole

    assert "/dev/pts/" in ssh.says("-tt", given="tty; exit\n")

    mine = folder / "mine"
    mine.write_text("mine")
    ssh.sftp(f"put {mine} there", f"get there {mine}.back")
    assert (folder / "mine.back").read_text() == "mine"
    assert ssh.says("python -c 'import numpy'; touch ~/.local/mine && cat there") == "mine"

    with jupyter.kernel() as kernel:
        assert kernel.run(CELL) == f"3.0 /opt/env {who.uid}\n"


def assert_it_stops(container: DevContainer) -> None:
    # what has not ended after two seconds is killed, which is another status
    docker("stop", "--time", "2", container.name)
    assert container.state["ExitCode"] == 143


@pytest.mark.parametrize(
    ("options", "who"),
    [
        pytest.param((), Who(), id="as it is"),
        pytest.param(BARE, Who(), id="no capabilities"),
        pytest.param((*BARE, *READ_ONLY), Who(), id="read-only"),
        pytest.param(("--init",), Who(), id="another init"),
        pytest.param(AS_ANY, Who(uid=ANY), id="any user"),
        pytest.param((*AS_ANY, *BARE, *READ_ONLY), Who(uid=ANY), id="any user, read-only"),
        pytest.param((*AS_ANY, *BARE, "--read-only"), Who(uid=ANY), id="any user, no tmpfs"),
        pytest.param(
            (*AS_STRANGER, *READ_ONLY),
            Who(uid=4321, gid=4321, home=STRANGER_HOME),
            id="any user of another group",
        ),
    ],
)
def test_docker_runs_it(
    start: StartContainer, tmp_path: Path, options: tuple[str, ...], who: Who
) -> None:
    container = start(*options)

    there = replace(who, home=who.home.format(private=container.private))
    assert_all_works(container.ssh, container.jupyter, there, tmp_path)
    assert container.healthy()
    assert_it_stops(container)


@pytest.mark.parametrize(
    "line",
    [
        f"{ANY}:x:{ANY}:0:{ANY} user:/workspace:/sbin/nologin",
        f"{ANY}:*:{ANY}:0:container user:/:/bin/sh",
        f"{ANY}:*:{ANY}:0:container user:/workspace:/bin/sh",
    ],
    ids=["CRI-O", "podman", "podman, which knows the working directory"],
)
def test_a_line_of_the_engine_gives_the_user_no_other_name(
    start: StartContainer, container: DevContainer, tmp_path: Path, line: str
) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text(f"{container.exec('cat', '/etc/passwd')}{line}\n")

    found = start(*AS_ANY, "--volume", f"{passwd}:/etc/passwd")

    assert_all_works(found.ssh, found.jupyter, Who(uid=ANY), tmp_path)


def test_root_gets_no_services(start: StartContainer) -> None:
    refused = start("--user", "0", wait=False)
    runs = start("--user", "0", command=("id", "-u"))

    assert refused.wait_for_end() == 2
    assert "root" in refused.log
    assert (runs.wait_for_end(), runs.log) == (0, "0\n")


def test_what_pip_installs_for_the_user_survives(start: StartContainer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    volume = f"condabox-test-{secrets.token_hex(6)}"
    options = ("--volume", f"{volume}:/workspace")
    try:
        first = start(*options)
        first.ssh.sftp(f"put {wheel}")
        first.ssh.says(f"pip install --user --no-index --no-deps {wheel.name}")
        docker("rm", "--force", first.name)
        second = start(*options)
        path = second.ssh.says("python -c 'import kept; print(kept.__file__)'")
        with second.jupyter.kernel() as kernel:
            word = kernel.run("import kept; print(kept.WORD)")
        docker("rm", "--force", second.name)
    finally:
        docker("volume", "rm", volume, check=False)

    assert path.startswith("/workspace/.local/lib/python3.")
    assert word == "kept\n"


def make_wheel(folder: Path) -> Path:
    files = {
        "kept/__init__.py": "WORD = 'kept'",
        "kept-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: kept\nVersion: 1.0\n",
        "kept-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        "kept-1.0.dist-info/RECORD": "",
    }
    for name, text in files.items():
        path = folder / "wheel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = Path(shutil.make_archive(str(folder / "kept"), "zip", folder / "wheel"))
    return made.rename(folder / "kept-1.0-py3-none-any.whl")


@pytest.fixture
def project(world: World, image: str) -> Project:
    """Return where the image was built, and is in the local store."""
    root = world.root / "development" / image.partition("/")[2].partition(":")[0]
    return Project(root=root, env={"CONDABOX_CONFIG": str(root / "condabox.toml")})


@pytest.fixture
def podman_image(
    project: Project, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Return what podman knows the image as."""
    if os.getuid() != 0:
        pytest.skip("without root, podman has images and limits of its own")
    # podman's own limits are higher than some machines let even root go
    config = tmp_path / "containers.conf"
    config.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
    monkeypatch.setenv("CONTAINERS_CONF", str(config))
    done = project.run("load", "--engine", "podman", image)
    assert done.returncode == 0, done.stderr
    yield image
    podman("rmi", "--force", image)


def podman(*words: str) -> str:
    done = subprocess.run(["podman", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


@pytest.mark.tool("podman")
@pytest.mark.parametrize(
    ("options", "who"),
    [pytest.param((), Who(), id="as it is"), pytest.param(AS_ANY, Who(uid=ANY), id="any user")],
)
def test_podman_runs_it(
    podman_image: str, key: KeyPair, tmp_path: Path, options: tuple[str, ...], who: Who
) -> None:
    name = f"condabox-test-{secrets.token_hex(6)}"
    given = ("--env", f"AUTHORIZED_KEYS={key.public}", "--env", f"JUPYTER_TOKEN={TOKEN}")
    ports = ("--publish", "127.0.0.1::2222", "--publish", "127.0.0.1::8888")
    try:
        podman("run", "--detach", "--name", name, *ports, *given, *options, podman_image)
        ssh, jupyter = (
            int(podman("port", name, f"{port}/tcp").rpartition(":")[2]) for port in (2222, 8888)
        )
        client = JupyterClient(url=f"http://127.0.0.1:{jupyter}/", token=TOKEN)
        wait_until(lambda: answers(client))
        known_hosts = tmp_path / "known_hosts"
        assert_all_works(
            SshClient(port=ssh, key=key, known_hosts=known_hosts), client, who, tmp_path
        )
        assert podman("exec", name, *HEALTH) == ""
        podman("stop", "--time", "2", name)
        assert podman("inspect", "--format", "{{.State.ExitCode}}", name) == "143"
    finally:
        podman("rm", "--force", "--volumes", name)


def answers(client: JupyterClient) -> bool:
    try:
        return client.request("api").status == 200
    except OSError:
        return False


@pytest.mark.tool("unshare")
def test_it_runs_without_an_engine(
    project: Project, image: str, key: KeyPair, tmp_path: Path
) -> None:
    env = {
        **project.variables(),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "JUPYTER_TOKEN": TOKEN,
    }
    command = project.command(
        *("run", "--dev", "--quiet", "--engine", "unshare"),
        *("--ssh-key", f"{key.path}.pub", image),
    )
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            url, line = (process.stdout.readline().split() for _ in range(2))
            for said in process.stderr:
                if said.startswith("condabox: SSH"):
                    break
            client = JupyterClient(url=url[1].removesuffix("lab"), token=TOKEN)
            wait_until(lambda: answers(client))
            ssh = SshClient(port=int(line[3]), key=key, known_hosts=tmp_path / "known_hosts")
            assert_all_works(ssh, client, Who(), tmp_path)
        finally:
            process.send_signal(signal.SIGTERM)

    assert process.returncode == 143
    kept = tmp_path / "data" / "condabox" / "volumes" / "condabox-studio" / "there"
    assert kept.read_text() == "mine"


def test_the_image_says_who_and_where(image: str) -> None:
    config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))

    assert (config["User"], config["WorkingDir"]) == ("1000:0", "/workspace")
    assert config["Volumes"] == {"/workspace": {}}
