"""What a development container runs, how that ends, and what it says."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.fakes.devcontainers import docker
from tests.fakes.waiting import wait_until

if TYPE_CHECKING:
    from tests.fakes.devcontainers import DevContainer, StartContainer
    from tests.fakes.sshclient import KeyPair

pytestmark = [pytest.mark.world, pytest.mark.docker]

NO_JUPYTER = {"CONDABOX_JUPYTER": "off"}
"""Jupyter is the one that takes seconds to start."""
NO_SSH = {"CONDABOX_SSH": "off"}


def lines(container: DevContainer) -> list[str]:
    """Return what condabox itself says."""
    mark = "condabox: "
    return [line.removeprefix(mark) for line in container.log.splitlines() if mark in line]


def programs(container: DevContainer) -> list[str]:
    """Return the names of all processes but our own."""
    found = container.exec("ps", "-e", "-o", "comm=").split()
    found.remove("ps")
    return sorted(found)


def ended(start: StartContainer, *command: str, **env: str) -> tuple[int, DevContainer]:
    container = start(command=command, env=env)
    return container.wait_for_end(), container


def test_it_says_where_both_services_are(start: StartContainer) -> None:
    container = start(token=None)

    jupyter, ssh = lines(container)
    assert jupyter.startswith("JupyterLab: http://127.0.0.1:8888/lab?token=")
    token = jupyter.rpartition("=")[2]
    assert container.jupyter.with_token(token).says("api/status")["kernels"] == 0
    command, fingerprint = ssh.split(", which has the key ")
    assert command == "SSH: ssh -p 2222 dev@127.0.0.1"
    scanned = "ssh-keyscan -p 2222 -t ed25519 127.0.0.1 | ssh-keygen -l -f -"
    assert fingerprint in container.exec("sh", "-c", scanned).split()


def test_a_token_that_was_given_is_not_said(container: DevContainer) -> None:
    assert container.token
    assert container.token not in container.log
    assert lines(container)[0] == (
        "JupyterLab: http://127.0.0.1:8888/lab, with the token that it was given"
    )


def test_an_init_of_the_tools_has_our_services_below_it(container: DevContainer) -> None:
    (init,) = container.exec("ps", "-o", "args=", "-p", "1").splitlines()
    (ours,) = container.exec("ps", "-o", "args=", "--ppid", "1").splitlines()
    number = container.exec("pgrep", "-P", "1").strip()
    services = container.exec("ps", "-o", "args=", "--ppid", number).splitlines()

    assert init == f"/opt/tools/bin/tini -s -g -- {ours}"
    assert ours == "/opt/tools/bin/python -I /opt/tools/condabox/start"
    assert [line.split()[0] for line in sorted(services)] == ["/opt/tools/bin/python", "sshd:"]


@pytest.mark.parametrize(
    ("env", "runs", "says"),
    [
        (NO_JUPYTER, "sshd", "JupyterLab is off, as CONDABOX_JUPYTER says"),
        (NO_SSH, "jupyter", "SSH is off, as CONDABOX_SSH says"),
    ],
)
def test_either_can_be_turned_off(
    start: StartContainer, env: dict[str, str], runs: str, says: str
) -> None:
    container = start(env=env)

    assert container.healthy()
    assert says in lines(container)
    words = container.exec("ps", "-e", "-o", "args=")
    assert [name for name in ("sshd", "jupyter") if name in words] == [runs]


def test_ports_are_the_image_s_or_those_of_the_container(start: StartContainer) -> None:
    container = start(
        env={"CONDABOX_PORT_SSH": "2022", "CONDABOX_PORT_JUPYTER": "9000"}, wait=False
    )
    container.wait_for(lambda: len(lines(container)) > 1)
    container.wait_for(container.healthy)

    assert ":9000/" in lines(container)[0]
    assert "-p 2022" in lines(container)[1]
    address = "http://127.0.0.1:9000/api"
    assert "version" in container.exec("curl", "--silent", "--show-error", "--fail", address)


@pytest.mark.parametrize(
    ("env", "why"),
    [
        (NO_JUPYTER | NO_SSH, "JupyterLab is off, as CONDABOX_JUPYTER says; SSH is off, as CO"),
        (NO_JUPYTER, "there is nothing to run: "),
        ({"CONDABOX_SSH": "on"}, "CONDABOX_SSH is on, but it was given no key"),
        ({"CONDABOX_SSH": "yes"}, "CONDABOX_SSH is 'yes': on and off are what it can be"),
        ({"CONDABOX_PORT_JUPYTER": "0"}, "CONDABOX_PORT_JUPYTER is '0', and no port"),
        ({"JUPYTER_BASE_URL": "/a?b"}, "JUPYTER_BASE_URL is '/a?b', and no path of a URL"),
        ({"JUPYTER_BASE_URL": "/a(b)"}, "JUPYTER_BASE_URL is '/a(b)', and no path of a URL"),
    ],
)
def test_what_cannot_be_is_refused(start: StartContainer, env: dict[str, str], why: str) -> None:
    container = start(env=env, keys=(), wait=False)

    assert container.wait_for_end() == 2
    (line,) = lines(container)
    assert why in line


@pytest.mark.parametrize(
    "line",
    [
        # as a shell leaves it that was asked for the file, and not for what is in it
        pytest.param("~/.ssh/id_ed25519.pub", id="path"),
        pytest.param("box,192.0.2.1 {public}", id="known-hosts"),
        pytest.param("nonsense {public}\r\rof a form", id="option"),
    ],
)
def test_what_is_no_key_is_named_and_lets_nobody_in(
    start: StartContainer, key: KeyPair, line: str
) -> None:
    env = {"CONDABOX_SSH": "on", "AUTHORIZED_KEYS": line.format(public=key.public)}

    container = start(env=env, keys=(), wait=False)

    assert container.wait_for_end() == 2
    named, refused = container.log.splitlines()
    assert named == "condabox: AUTHORIZED_KEYS has no public key in line 1"
    assert refused.startswith("condabox: CONDABOX_SSH is on, but it was given no key")


@pytest.mark.parametrize("options", ['restrict,from="*",pty', "no-X11-forwarding,user-rc"])
def test_options_that_sshd_has_are_no_obstacle(
    start: StartContainer, key: KeyPair, options: str
) -> None:
    # what a form makes of the ends of lines
    lines = f"{options} {key.public}\r\r"
    container = start(keys=(), env={**NO_JUPYTER, "AUTHORIZED_KEYS": lines})

    assert container.ssh.says("id -un") == "dev\n"
    assert "no public key" not in container.log


def test_services_of_a_cluster_leave_ours_alone(start: StartContainer) -> None:
    """Kubernetes says where the services beside a pod are, by variables with their names."""
    names = ("CONDABOX", "CONDABOX_SSH", "CONDABOX_JUPYTER", "JUPYTER", "JUPYTERHUB")
    linked = {f"{name}_PORT": "tcp://10.0.0.1:2222" for name in names}

    container = start(env=linked)

    assert container.healthy()
    assert ":8888/" in lines(container)[0]
    assert "-p 2222" in lines(container)[1]


def test_root_has_no_services_but_may_run_a_command(start: StartContainer) -> None:
    services = start("--user", "0", wait=False)
    command = start("--user", "0", command=("id", "-u"))

    assert services.wait_for_end() == 2
    assert lines(services) == ["it runs as root: leave out --user 0"]
    assert command.wait_for_end() == 0
    assert command.log == "0\n"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
def test_a_signal_ends_it_soon_and_is_its_status(start: StartContainer, name: str) -> None:
    container = start()

    status, seconds = container.end(name)

    assert status == 128 + signal.Signals[name]
    assert seconds < 5, "it is two seconds that are promised, and this machine may be busy"


def test_services_that_ignore_the_signal_end_all_the_same(start: StartContainer) -> None:
    container = start()
    container.exec("pkill", "-STOP", "sshd")
    container.exec("pkill", "-STOP", "-f", "m jupyterlab")

    # whatever has not ended after these seconds would be killed, which is another status
    docker("stop", "--time", "2", container.name)

    assert container.state["ExitCode"] == 143


@pytest.mark.parametrize(
    ("pattern", "name"), [("m jupyterlab", "JupyterLab"), ("sshd", "SSH")], ids=["jupyter", "ssh"]
)
def test_a_service_that_dies_ends_the_container_with_its_status(
    start: StartContainer, pattern: str, name: str
) -> None:
    container = start()

    container.exec("pkill", "-KILL", "-o", "-f", pattern)

    assert container.wait_for_end() == 137
    assert lines(container)[-1] == f"{name} ended with status 137, and so does the container"


def test_a_service_never_ends_well_by_itself(start: StartContainer) -> None:
    container = start()

    assert container.jupyter.request("api/shutdown", method="POST").status == 200

    assert container.wait_for_end() == 1
    assert lines(container)[-1].startswith("JupyterLab ended ")


def test_it_starts_again_where_it_has_been_before(start: StartContainer) -> None:
    container = start()
    before = lines(container)
    container.ssh.says("true")

    container.restart()
    container.wait_for(lambda: len(lines(container)) == 2 * len(before))
    container.wait_until_ready()

    assert lines(container) == [*before, *before]
    container.ssh.says("true")


def test_nothing_of_its_own_stays_where_it_has_ended(start: StartContainer) -> None:
    container = start()
    private = str(container.private)
    assert private in docker("diff", container.name)

    container.stop()

    assert private not in docker("diff", container.name)


def test_a_command_takes_the_place_of_the_services(start: StartContainer) -> None:
    said = "id -un; pwd; echo $HOME; python -c 'import site; print(site.USER_SITE)'; ps -e -o comm="

    status, container = ended(start, "sh", "-c", f"{said}; exit 5")

    assert status == 5
    who, folder, home, site, *running = container.log.splitlines()
    assert (who, folder, home) == ("dev", "/workspace", "/workspace")
    assert site.startswith("/workspace/.local/lib/python3.")
    assert sorted(running) == ["ps", "sh", "tini"]


def test_a_command_sees_all_that_the_container_was_given(start: StartContainer) -> None:
    _, container = ended(start, "sh", "-c", 'printf %s "$JUPYTER_TOKEN $A"', A='a "b" $c')

    assert container.log == f'{container.token} a "b" $c'


@pytest.mark.parametrize(
    ("program", "status", "why"),
    [
        ("no-such-program", 127, "there is no such program"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/workspace", 126, "Permission denied"),
    ],
)
def test_a_command_that_cannot_run_ends_as_engines_have_it(
    start: StartContainer, program: str, status: int, why: str
) -> None:
    found, container = ended(start, program)

    assert found == status
    assert lines(container) == [f"{program}: {why}"]


def test_a_signal_reaches_all_of_a_command_s_processes(start: StartContainer) -> None:
    container = start(command=("bash", "-c", "sleep 1000; true"))
    wait_until(lambda: "sleep" in programs(container))

    docker("stop", "--time", "30", container.name)

    assert container.state["ExitCode"] == 143


def test_a_command_reads_what_is_typed(start: StartContainer) -> None:
    container = start("--interactive", "--tty", command=("bash", "-i"))
    wait_until(lambda: "bash" in programs(container))

    assert container.exec("ps", "-o", "tty=", "-C", "bash").strip() != "?"


def test_orphans_are_reaped(container: DevContainer) -> None:
    container.ssh.says("(setsid sleep 0.2 &)")

    wait_until(lambda: "sleep" not in programs(container))

    assert "Z" not in container.exec("ps", "-e", "-o", "state=").split()


def test_health_sees_a_service_that_does_not_answer(start: StartContainer) -> None:
    container = start()
    assert container.healthy()

    container.exec("pkill", "-STOP", "-o", "-f", "m jupyterlab")

    assert not container.healthy()


def test_a_command_alone_is_healthy(start: StartContainer) -> None:
    container = start(command=("sleep", "1000"))
    wait_until(lambda: "sleep" in programs(container))

    assert container.healthy()
