"""``condabox run --dev`` and ``condabox shell``, as somebody in a project uses them."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from condabox.workflows.run_identity import development_identity
from tests.fakes.devcontainers import docker
from tests.fakes.devimage import DevImage
from tests.fakes.jupyterclient import JupyterClient
from tests.fakes.project import Project
from tests.fakes.sshclient import SshClient
from tests.fakes.terminal import terminal
from tests.fakes.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.sshclient import KeyPair
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.docker]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A `condabox run --dev` that goes on, and what it has printed."""

    process: subprocess.Popen[str]
    url: str
    ssh_line: list[str]
    key: KeyPair
    known_hosts: Path

    @property
    def ssh(self) -> SshClient:
        return SshClient(port=int(self.ssh_line[2]), key=self.key, known_hosts=self.known_hosts)

    @property
    def words(self) -> list[str]:
        """What was printed for ssh, with the user's known hosts elsewhere."""
        *words, host = self.ssh_line
        own = (f"UserKnownHostsFile={self.known_hosts}", "StrictHostKeyChecking=accept-new")
        options = (*own, "BatchMode=yes", "IdentityAgent=none")
        return [*words, *(word for each in options for word in ("-o", each)), host]

    @property
    def jupyter(self) -> JupyterClient:
        url, _, token = self.url.partition("lab?token=")
        return JupyterClient(url=url, token=token)

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.process.poll() is not None or _answers(self.jupyter))
        assert self.process.poll() is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Somebody's project, home and key."""

    project: Project
    name: str
    key: KeyPair

    @property
    def home(self) -> str:
        """The volume that /workspace is, whose name the host and the label have, too."""
        file = str(self.project.environment)
        return development_identity(file, lambda: pytest.fail("the file has a name"))

    @property
    def containers(self) -> list[str]:
        return docker(
            "ps", "--all", "--quiet", "--filter", f"label=io.condabox.dev={self.home}"
        ).split()

    @contextmanager
    def running(self, *options: str) -> Iterator[Running]:
        """Give what runs, and end it as Ctrl-C does if it has not ended."""
        with (
            (self.project.root / "log").open("a") as log,
            subprocess.Popen(
                self.project.command("run", "--dev", "--quiet", *options, "environment.yml"),
                cwd=self.project.root,
                env=self.project.variables(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            assert process.stdout is not None
            url, line = (shlex.split(process.stdout.readline()) for _ in range(2))
            try:
                found = Running(
                    process=process,
                    url=url[1],
                    ssh_line=line[1:],
                    key=self.key,
                    known_hosts=self.project.root / "known_hosts",
                )
                found.wait_until_ready()
                yield found
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)

    def shell(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.project.run("shell", "--quiet", "environment.yml", "--", *words)


def _answers(client: JupyterClient) -> bool:
    try:
        return client.request("api").status == 200
    except OSError:
        return False


@pytest.fixture
def desk(world: World, image: str, tmp_path: Path, key: KeyPair) -> Iterator[Desk]:
    """Return a project of a name of its own, whose layers the usual image has."""
    usual = world.root / "development" / image.partition("/")[2].partition(":")[0]
    name = f"desk-{secrets.token_hex(4)}"
    root = tmp_path / "project"
    root.mkdir()
    for file in usual.glob("dev-tools*"):
        shutil.copy(file, root)
    (root / "environment.yml").write_text(DevImage(name=name).environment)
    shutil.copy(usual / "condabox.toml", root)
    (tmp_path / ".ssh").mkdir()
    for file in (key.path, key.path.with_name(f"{key.path.name}.pub")):
        shutil.copy(file, tmp_path / ".ssh")
    found = Desk(project=Project(root=root, env={"HOME": str(tmp_path)}), name=name, key=key)
    yield found
    docker("rm", "--force", "--volumes", *found.containers, check=False)
    docker("volume", "rm", found.home, check=False)
    docker("rmi", "--force", f"{name}:dev", check=False)


def test_one_command_leads_to_a_notebook_and_a_login(desk: Desk) -> None:
    with desk.running() as running:
        token = running.jupyter.token
        processes = subprocess.run(
            ["ps", "-ewwo", "args"], capture_output=True, text=True, check=True
        ).stdout
        with running.jupyter.kernel() as kernel:
            printed = kernel.run("import numpy; print(numpy.ones(3).sum())")
        said = running.ssh.says("touch kept; pwd; env")
        as_printed = subprocess.run(
            [*running.words, "pwd"], capture_output=True, text=True, check=False
        )

    assert (as_printed.returncode, as_printed.stdout) == (0, "/workspace\n"), as_printed.stderr
    assert running.ssh_line[0] == "ssh"
    assert running.ssh_line[-3:] == ["-o", f"HostKeyAlias={desk.home}", "dev@127.0.0.1"]
    assert printed == "3.0\n"
    assert said.startswith("/workspace\n")
    assert token
    assert token not in processes
    assert desk.key.public not in processes
    assert token not in said
    assert running.process.returncode == 130
    assert desk.containers == []


def test_home_outlives_containers(desk: Desk) -> None:
    with desk.running() as running:
        running.ssh.says("echo mine > kept")
    with desk.running() as running:
        # at another port it may be, but as the same host
        assert running.ssh.says("cat kept") == "mine\n"
    assert desk.shell("cat", "kept").stdout == "mine\n"


def test_two_developments_get_ports_of_their_own(desk: Desk) -> None:
    with desk.running() as one, desk.running() as other:
        assert one.url != other.url
        assert one.ssh_line != other.ssh_line
        assert one.ssh.says("hostname") != other.ssh.says("hostname")


def test_a_shell_joins_the_container_that_runs(desk: Desk) -> None:
    with desk.running() as running:
        hostname = running.ssh.says("hostname")
        inside = desk.shell("sh", "-c", "hostname; id -un; echo $HOME $CONDA_PREFIX; exit 7")
        assert len(desk.containers) == 1
        running.wait_until_ready()
    alone = desk.shell("hostname")

    assert inside.stdout == f"{hostname}dev\n/workspace /opt/env\n"
    assert inside.returncode == 7
    assert alone.stdout not in {"", hostname}
    assert desk.containers == []


def test_a_session_ends_with_its_shell(desk: Desk) -> None:
    with desk.running() as running:
        shell = subprocess.Popen(
            desk.project.command("shell", "--quiet", "environment.yml", "sleep", "4321"),
            cwd=desk.project.root,
            env=desk.project.variables(),
            stdin=subprocess.DEVNULL,
        )
        with shell:
            wait_until(lambda: "sleep 4321" in running.ssh.says("ps -eo args"))
            shell.terminate()
        wait_until(lambda: "sleep 4321" not in running.ssh.says("ps -eo args"))

    assert shell.returncode == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_and_is_its_status(desk: Desk, number: signal.Signals) -> None:
    with desk.running() as running:
        running.process.send_signal(number)
        running.process.wait()

    assert running.process.returncode == 128 + number
    assert desk.containers == []


@pytest.mark.parametrize("typed", [True, False], ids=["ctrl-c", "hang up"])
def test_at_a_terminal_it_ends_as_programs_do(desk: Desk, *, typed: bool) -> None:
    words = desk.project.command("run", "--dev", "--quiet", "environment.yml")

    with terminal(words, cwd=desk.project.root, env=desk.project.variables()) as screen:
        screen.wait_for("JupyterLab: http")
        if typed:
            screen.type("\x03")
        else:
            screen.hang_up()

    assert screen.wait() == (130 if typed else 129)
    assert desk.containers == []


def test_it_runs_in_the_background_of_a_terminal(desk: Desk) -> None:
    words = shlex.join(desk.project.command("run", "--dev", "--quiet", "environment.yml"))
    script = f"{words} & wait $!; echo ended with $?"

    with terminal(
        ["bash", "-mc", script], cwd=desk.project.root, env=desk.project.variables()
    ) as screen:
        screen.wait_for("JupyterLab: http")
        (container,) = desk.containers
        docker("stop", container)

    assert "ended with 143" in screen.seen.decode()


def test_a_command_has_home_and_status_but_no_services(desk: Desk) -> None:
    done = desk.project.run(
        *("run", "--dev", "--quiet", "environment.yml"),
        *("sh", "-c", "pwd; python -c 'import numpy'; echo $JUPYTER_TOKEN; exit 9"),
    )

    assert (done.returncode, done.stdout) == (9, "/workspace\n\n")


def test_a_folder_is_home_for_its_owner(desk: Desk) -> None:
    if os.getuid() != 0:
        pytest.skip("only root gives folders away")
    work = desk.project.root / "work"
    work.mkdir()
    os.chown(work, 4321, 4321)

    with desk.running("-v", "./work:/workspace") as running:
        said = running.ssh.says("id -u; id -un; pwd; echo mine > kept")

    assert said.split() == ["4321", "dev", "/workspace"]
    assert (work / "kept").read_text() == "mine\n"
    assert (work / "kept").stat().st_uid == 4321
