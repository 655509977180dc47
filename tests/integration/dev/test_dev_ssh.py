"""SSH with this machine's own client: sessions, files, ports, and the container's own key."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.fakes.devcontainers import containers, docker
from tests.fakes.sshclient import KeyPair
from tests.fakes.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.devcontainers import DevContainer, StartContainer

pytestmark = [pytest.mark.world, pytest.mark.docker, pytest.mark.tool("ssh")]

DIFFICULT = {
    "BACKSLASH": "\\",
    "EMPTY": "",
    "ENDS": 'so\\"',
    "FUNNY": 'a "b" $HOME # \\x c',
    "LETTERS": "Zürich 東京",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "PERCENT": "%h %u 100%",
    "QUOTES": "''\"\"``$(id)",
    "SPACES": "  two  before and after  ",
    "TAB": "a\tb",
}
"""Values that a file of settings, a shell or sshd could read as something else."""
SECRETS = {"AUTHORIZED_KEYS", "JUPYTER_TOKEN"}
SSH_ALONE = {"CONDABOX_JUPYTER": "off"}
ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture(scope="module")
def container(
    image: str, tmp_path_factory: pytest.TempPathFactory, key: KeyPair
) -> Iterator[DevContainer]:
    """Return one with difficult variables, for tests that leave no trace but in their own files."""
    with containers(image, tmp_path_factory.mktemp("container"), key=key) as start:
        yield start(env={**DIFFICULT, "LINES_OF_IT": "one\ntwo"})


@pytest.fixture
def volume() -> Iterator[str]:
    """Return a volume that is gone after the test; who has `start` too names it after this."""
    name = docker("volume", "create").strip()
    yield name
    docker("volume", "rm", "--force", name)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder of files of all sorts."""
    folder = tmp_path / "some files"
    folder.mkdir()
    (folder / "binary").write_bytes(os.urandom(3 << 20))
    (folder / "a name; with $blanks").write_text("text\n")
    (folder / "a name; with $blanks").chmod(0o664)
    (folder / "program").write_text("#!/bin/sh\necho it runs\n")
    (folder / "program").chmod(0o775)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "session",
    [
        pytest.param((), id="a command"),
        pytest.param(("bash", "-lc"), id="a login shell"),
        pytest.param(("bash", "-lic"), id="an interactive login shell"),
        pytest.param(("sh", "-c"), id="sh"),
    ],
)
def test_sessions_have_the_environment_of_the_image(
    container: DevContainer, session: tuple[str, ...]
) -> None:
    program = f"python -c {shlex.quote(ENVIRONMENT)}"
    words = (*session, shlex.quote(program)) if session else (program,)

    found = json.loads(container.ssh.says(*words))

    expected = environment(container)
    assert {name: found.get(name) for name in expected} == expected
    assert not SECRETS & found.keys()


def environment(container: DevContainer) -> dict[str, str]:
    """Return what the image and `docker run` say, but for secrets and what cannot be said."""
    given = json.loads(docker("inspect", "--format", "{{json .Config.Env}}", container.name))
    variables = dict(text.split("=", 1) for text in given)
    assert variables.keys() >= {"PATH", "CONDA_PREFIX", "SSL_CERT_FILE", *DIFFICULT, *SECRETS}
    return {
        name: value
        for name, value in variables.items()
        if name not in SECRETS and "\n" not in value
    }


def test_a_shell_of_a_terminal_has_it_too(container: DevContainer) -> None:
    said = container.ssh.says("-tt", given=f"python -c {shlex.quote(ENVIRONMENT)}\nexit\n")

    found = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    expected = environment(container)
    assert {name: found.get(name) for name in expected} == expected
    assert "dev@" in said


def test_values_of_several_lines_are_named_in_the_log(container: DevContainer) -> None:
    assert "LINES_OF_IT" not in container.ssh.says("env")
    lines = [line for line in container.log.splitlines() if "LINES_OF_IT" in line]
    assert len(lines) == 1
    assert lines[0].startswith("condabox: ")


def test_programs_are_the_environment_s_and_the_tools(container: DevContainer) -> None:
    found = container.ssh.says(
        "for name in python pip git curl rsync ps jupyter-lab; do command -v $name; done"
    ).split()

    assert found == [
        "/opt/env/bin/python",
        "/opt/env/bin/pip",
        *(f"/opt/tools/commands/{name}" for name in ("git", "curl", "rsync", "ps", "jupyter-lab")),
    ]
    code = "import numpy, sys; print(numpy.arange(7).sum(), sys.prefix)"
    assert container.ssh.says("python", "-c", shlex.quote(code)) == "21 /opt/env\n"


@pytest.mark.parametrize("command", ["git", "curl", "rsync", "ps", "jupyter lab"])
def test_the_tools_run(container: DevContainer, command: str) -> None:
    assert container.ssh.says(command, "--version")


def test_sessions_are_the_user_s_own(container: DevContainer) -> None:
    assert container.ssh.says("id -u; id -un; id -g; pwd").split() == [
        *("1000", "dev", "0", "/workspace")
    ]


def test_what_a_login_shell_makes_the_group_may_change(container: DevContainer) -> None:
    assert container.ssh.says("bash", "-lc", "umask") == "0002\n"


def test_the_status_of_a_command_is_told(container: DevContainer) -> None:
    assert container.ssh.run("exit 7").returncode == 7


def test_sftp_carries_files(container: DevContainer, files: Path, tmp_path: Path) -> None:
    ssh, back = container.ssh, tmp_path / "back"
    back.mkdir()

    ssh.sftp("mkdir by-sftp", "cd by-sftp", f'put "{files}"/* .', f"lcd {back}", "get * .")

    assert contents(back) == contents(files)
    # the group's right to write too, which sshd's own umask would take away
    assert ssh.says("stat -c '%a %U' by-sftp/a* by-sftp/program") == "664 dev\n775 dev\n"


@pytest.mark.parametrize("protocol", ["-s", "-O"], ids=["sftp", "the old protocol"])
@pytest.mark.tool("scp")
def test_scp_carries_files(
    container: DevContainer, files: Path, tmp_path: Path, protocol: str
) -> None:
    ssh, back = container.ssh, tmp_path / "back"
    there = f"{ssh.host}:by-scp{protocol}"
    scp = ["scp", *ssh.settings, protocol, "-r"]

    subprocess.run([*scp, str(files), there], check=True)
    subprocess.run([*scp, there, str(back)], check=True)

    assert contents(back) == contents(files)


@pytest.mark.tool("rsync")
def test_rsync_carries_what_has_changed(
    container: DevContainer, files: Path, tmp_path: Path
) -> None:
    ssh, back = container.ssh, tmp_path / "back"
    there = f"{ssh.host}:by-rsync/"
    rsync = ["rsync", "-a", "--itemize-changes", "-e", shlex.join(["ssh", *ssh.settings])]
    subprocess.run([*rsync, f"{files}/", there], check=True)
    (files / "binary").write_bytes(b"another one")

    again = subprocess.run(
        [*rsync, f"{files}/", there], capture_output=True, text=True, check=True
    ).stdout
    subprocess.run([*rsync, there, f"{back}/"], check=True)

    assert [line.split()[1] for line in again.splitlines() if line.startswith("<f")] == ["binary"]
    assert contents(back) == contents(files)


def test_a_forwarded_port_leads_to_jupyter(container: DevContainer) -> None:
    with container.ssh.forwarding("127.0.0.1:8888") as port:
        url = f"http://127.0.0.1:{port}/api/status?token={container.token}"
        with urllib.request.urlopen(url) as answer:
            assert "kernels" in json.load(answer)


def test_what_listens_inside_can_be_reached_from_outside(container: DevContainer) -> None:
    """Editors send a script to a shell, which starts their server, and reach it by a proxy."""
    script = (
        "cd $(mktemp -d); echo hello >greeting\n"
        "nohup python -u -m http.server --bind 127.0.0.1 0 >log 2>&1 </dev/null &\n"
        "echo $!; until grep -q port log; do sleep 0.1; done; cat log\n"
    )
    number, said = container.ssh.says("-T", "bash", "-s", given=script).split("\n", 1)
    port = int(said.partition(" port ")[2].split()[0])

    with container.ssh.proxy() as proxy:
        answer = by_socks(proxy, port, b"GET /greeting HTTP/1.0\r\n\r\n")

    assert answer.endswith(b"\r\n\r\nhello\n"), answer
    container.ssh.says("kill", number)


def by_socks(proxy: int, port: int, request: bytes) -> bytes:
    """Return the whole answer of ``port``, which the proxy at ``proxy`` sees (RFC 1928)."""
    name = b"localhost"
    with socket.create_connection(("127.0.0.1", proxy), timeout=30) as connection:
        stream = connection.makefile("rwb")
        stream.write(b"\x05\x01\x00")
        stream.flush()
        assert stream.read(2) == b"\x05\x00"
        stream.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        stream.flush()
        assert stream.read(10)[:2] == b"\x05\x00"
        stream.write(request)
        stream.flush()
        return stream.read()


def fingerprint(path: Path) -> str:
    """Return what OpenSSH calls the key in ``path``, which may be a file of known hosts."""
    done = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[1]


def seen(container: DevContainer) -> str:
    """Log in, and return the fingerprint of the container's key."""
    container.ssh.says("true")
    return fingerprint(container.known_hosts)


def test_the_log_says_by_which_key_the_container_is_known(container: DevContainer) -> None:
    assert seen(container) in container.log


def test_the_container_s_key_is_the_same_after_a_restart(start: StartContainer) -> None:
    container = start(env=SSH_ALONE)
    before = seen(container)

    container.restart()
    container.wait_until_ready()

    assert seen(container) == before


def test_a_volume_keeps_the_container_s_key(volume: str, start: StartContainer) -> None:
    first, second = (start("-v", f"{volume}:/workspace", env=SSH_ALONE) for _ in range(2))
    third = start(env=SSH_ALONE)

    assert seen(first) == seen(second)
    assert seen(third) != seen(first)


def test_a_key_that_is_mounted_is_the_container_s(start: StartContainer, tmp_path: Path) -> None:
    mine = KeyPair.make(tmp_path / "ssh_host_ed25519_key")
    # as clusters mount what is secret
    mine.path.chmod(0o644)

    container = start("-v", f"{mine.path}:/run/secrets/{mine.path.name}:ro", env=SSH_ALONE)

    assert seen(container) == fingerprint(mine.path)


@pytest.mark.parametrize(
    "place", ["/run/secrets/authorized_keys", "/workspace/.ssh/authorized_keys"]
)
def test_keys_can_be_mounted(
    start: StartContainer, key: KeyPair, tmp_path: Path, place: str
) -> None:
    keys = tmp_path / "authorized_keys"
    keys.write_text(f"# of the tests\r\n\r\n{key.public}")
    keys.chmod(0o666)

    container = start("-v", f"{keys}:{place}:ro", keys=(), env=SSH_ALONE)

    assert container.ssh.says("id -un") == "dev\n"


def test_all_keys_that_were_given_may_log_in(
    start: StartContainer, key: KeyPair, other_key: KeyPair
) -> None:
    container = start(keys=(key, other_key), env=SSH_ALONE)

    for each in (key, other_key):
        assert container.ssh.with_key(each).says("id -un") == "dev\n"


def test_a_line_that_is_no_key_takes_nothing_from_the_others(
    start: StartContainer, key: KeyPair
) -> None:
    lines = [
        "~/.ssh/id.pub",
        f'command="echo \\"by $(id -un)\\"",no-pty {key.public}',
        "ssh-rsa AAAA",
    ]

    container = start(keys=(), env={**SSH_ALONE, "AUTHORIZED_KEYS": "\n".join(lines)})

    assert container.ssh.says("true") == "by dev\n"
    assert "condabox: AUTHORIZED_KEYS has no public key in line 1, 3" in container.log.splitlines()


def test_a_kept_key_that_was_damaged_keeps_no_container_from_starting(
    volume: str, start: StartContainer
) -> None:
    first = start("-v", f"{volume}:/workspace", env=SSH_ALONE)
    before = seen(first)
    first.exec("sh", "-c", "truncate -s 0 ~/.local/state/condabox/*")

    second, third = (start("-v", f"{volume}:/workspace", env=SSH_ALONE) for _ in range(2))

    assert "is no private key" in second.log
    assert seen(second) == seen(third) != before
    assert "is no private key" not in third.log


def test_containers_that_start_at_once_have_one_key(volume: str, start: StartContainer) -> None:
    started = [start("-v", f"{volume}:/workspace", env=SSH_ALONE, wait=False) for _ in range(3)]
    for container in started:
        container.wait_until_ready()

    assert len({seen(container) for container in started}) == 1


def test_sessions_end_with_the_container(start: StartContainer) -> None:
    container = start(env=SSH_ALONE)
    command = container.ssh.command("trap '' TERM HUP; echo here; sleep 600 & wait; sleep 600")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "here\n"

        status, seconds = container.stop()

        wait_until(lambda: session.poll() is not None)
    assert status == 143
    assert seconds < 5, "it is two seconds that are promised, and this machine may be busy"
