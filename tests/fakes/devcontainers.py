"""Containers of a development image, with keys and tokens of the tests.

    def test_something(start: StartContainer) -> None:
        container = start("--read-only", env={"JUPYTER_BASE_URL": "/team"})

        assert container.ssh.says("id -u") == "1000\\n"

The fixtures are in `tests.integration.dev.conftest`.  Whatever is left of a container goes with it.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tests.fakes.jupyterclient import JupyterClient
from tests.fakes.sshclient import SshClient
from tests.fakes.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.fakes.sshclient import KeyPair

JUPYTER = 8888
SSH = 2222


@dataclass(frozen=True, slots=True, kw_only=True)
class DevContainer:
    """One container, running or not.

    ``key`` may log in, and ``token`` is Jupyter's, unless `start` was told of others.
    """

    name: str
    key: KeyPair
    token: str | None
    base_url: str
    known_hosts: Path

    @property
    def ssh(self) -> SshClient:
        return SshClient(port=self.port(SSH), key=self.key, known_hosts=self.known_hosts)

    @property
    def jupyter(self) -> JupyterClient:
        url = f"http://127.0.0.1:{self.port(JUPYTER)}{self.base_url}"
        return JupyterClient(url=url, token=self.token)

    def port(self, inner: int) -> int:
        """Return where the container's port is; it is another one after each restart."""
        # its first line: Docker publishes for IPv6, too
        return int(docker("port", self.name, f"{inner}/tcp").splitlines()[0].rpartition(":")[2])

    @property
    def log(self) -> str:
        """All that it has printed, errors included."""
        words = ["docker", "logs", self.name]
        pipe, same = subprocess.PIPE, subprocess.STDOUT
        return subprocess.run(words, stdout=pipe, stderr=same, text=True, check=True).stdout

    @property
    def state(self) -> Any:
        """What Docker says of it: Running, ExitCode, OOMKilled, ..."""
        return json.loads(docker("inspect", "--format", "{{json .State}}", self.name))

    @property
    def private(self) -> Path:
        """The folder in it that its services have to themselves, where /run is closed to them."""
        name = "condabox-$(id -u)-$(stat --dereference --format %i /proc/self/ns/mnt)"
        return Path(self.exec("sh", "-c", f"echo /tmp/{name}").strip())

    def exec(self, *words: str) -> str:
        """Return what ``words`` print in it, which must end well; no entrypoint makes a place."""
        return docker("exec", self.name, *words)

    def healthy(self) -> bool:
        """Ask for its health, as Docker does now and then."""
        words = ["docker", "exec", self.name, *self._health]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    @property
    def _health(self) -> list[str]:
        found = docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", self.name)
        kind, *words = json.loads(found)
        assert kind == "CMD", found
        return list(map(str, words))

    def wait_until_ready(self) -> None:
        """Return when all services that it has answer; fail with its log where it has ended."""
        self.wait_for(lambda: "\ncondabox: SSH" in f"\n{self.log}")
        self.wait_for(self.healthy)
        if "\ncondabox: SSH:" in f"\n{self.log}":
            self.wait_for(lambda: _greets(self.port(SSH)))

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Return when ``happened`` does; fail where the container has ended before."""

        def over() -> bool:
            return happened() or not self.state["Running"]

        wait_until(over)
        assert self.state["Running"], self.log

    def wait_for_end(self) -> int:
        """Return the status with which it ends."""
        return int(docker("wait", self.name))

    def stop(self) -> tuple[int, float]:
        """Stop it as `docker stop` does; return its status, and the seconds that it took to end.

        Only what the container itself needs is measured: from the signal to the end of process 1.
        """
        return self._ended_by("stop", "--time", "30")

    def end(self, signal: str) -> tuple[int, float]:
        """Send it ``signal``, by name; return what `stop` does."""
        return self._ended_by("kill", "--signal", signal)

    def _ended_by(self, *words: str) -> tuple[int, float]:
        began = time.time()
        docker(*words, self.name)
        return self.wait_for_end(), _time(self.state["FinishedAt"]) - began

    def restart(self) -> None:
        docker("restart", "--time", "30", self.name)


class StartContainer(Protocol):
    """Starts a container and waits until its services answer, unless it runs a command."""

    def __call__(
        self,
        *options: str,
        command: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        keys: tuple[KeyPair, ...] | None = None,
        token: str | None = "",
        image: str = ...,
        wait: bool = True,
    ) -> DevContainer:
        """``options`` are those of `docker run`.

        Without ``keys`` one is made that may log in; for ``()`` there is none.  The token is random
        where it is empty; for None the container is not given any.
        """
        ...


@contextmanager
def containers(usual: str, folder: Path, *, key: KeyPair) -> Iterator[StartContainer]:
    """Give what starts containers of ``usual``; all are removed at the end, with their volumes."""
    started: list[str] = []

    def start(
        *options: str,
        command: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        keys: tuple[KeyPair, ...] | None = None,
        token: str | None = "",
        image: str = usual,
        wait: bool = True,
    ) -> DevContainer:
        name = f"condabox-test-{uuid.uuid4().hex[:12]}"
        allowed = (key,) if keys is None else keys
        shown = secrets.token_hex(16) if token == "" else token
        variables = {
            **({"AUTHORIZED_KEYS": "\n".join(each.public for each in allowed)} if allowed else {}),
            **({} if shown is None else {"JUPYTER_TOKEN": shown}),
            **(env or {}),
        }
        given = [word for item in variables.items() for word in ("--env", "=".join(item))]
        ports = [word for port in (SSH, JUPYTER) for word in ("-p", f"127.0.0.1::{port}")]
        started.append(name)
        docker("run", "--detach", "--name", name, *ports, *given, *options, image, *command)
        inner = variables.get("JUPYTER_BASE_URL", "").strip("/")
        container = DevContainer(
            name=name,
            key=allowed[0] if allowed else key,
            token=shown,
            base_url=f"/{inner}/" if inner else "/",
            known_hosts=folder / f"{name}.known_hosts",
        )
        if wait and not command:
            container.wait_until_ready()
        return container

    try:
        yield start
    finally:
        if started:
            # with -v: each has a volume of its own
            docker("rm", "--force", "--volumes", *started, check=False)


def docker(*words: str, check: bool = True) -> str:
    """Return what Docker prints; fail with what it complains of."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _greets(port: int) -> bool:
    """Tell whether an SSH server is at ``port``; Docker listens there before the container does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
