"""The entrypoint as a whole, run by Python as the image has it."""

from __future__ import annotations

import ast
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.development import places as outside
from condabox.development.container import places as inside
from condabox.development.container.folder import STATE, state_file
from condabox.development.container.services import offers
from condabox.development.container.start import start
from condabox.development.container.user import User, settle_user
from condabox.development.container.words import Refused
from tests.conftest import ROOT
from tests.unit.development.container.conftest import KEYS, executable

if TYPE_CHECKING:
    from condabox.development.container.places import System

PACKAGE = ROOT / "condabox" / "development" / "container"
TEMPLATES = ROOT / "templates" / "dev"
NAMES = ("TOOLS", "OWN", "WORKSPACE", "ACCOUNT", "KEYS", "TOKEN")

_SCRIPT = """
import os, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from condabox.development.container import start
from condabox.development.container.places import System
start.System = lambda: System(
    root=Path({root!r}), uid={uid}, gid=0, mount_namespace={namespace}
)
sys.exit(start.main(sys.argv[1:]))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder `start` of an image."""
    folder = tmp_path / "start"
    inner = folder / "condabox" / "development" / "container"
    inner.mkdir(parents=True)
    for package in (folder / "condabox", folder / "condabox" / "development"):
        (package / "__init__.py").touch()
    for path in PACKAGE.glob("*.py"):
        shutil.copy(path, folder if path.name == "__main__.py" else inner)
    shutil.copy(TEMPLATES / "health.py", tmp_path / "health.py")
    return folder


def run(program: Path, system: System, *command: str, **env: str) -> subprocess.Popen[str]:
    script = _SCRIPT.format(
        folder=str(program),
        root=str(system.root),
        uid=system.uid,
        namespace=system.mount_namespace,
    )
    return subprocess.Popen(
        [sys.executable, "-I", "-c", script, *command],
        env={"PATH": "/usr/bin:/bin", "HOME": str(system.at("/workspace")), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_both_sides_agree_on_what_is_where() -> None:
    assert {name: getattr(inside, name) for name in NAMES} == {
        name: getattr(outside, name) for name in NAMES
    }


def test_it_imports_itself_and_the_standard_library_alone() -> None:
    names = {
        name
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 11)))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert {
        name
        for name in names
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("condabox.development.container")
    } == set()


def test_python_runs_the_folder_and_nothing_beside_it(program: Path, tmp_path: Path) -> None:
    # found by nobody: isolated, Python looks into the folder alone
    (tmp_path / "condabox.py").write_text("raise SystemExit('another condabox')")
    done = subprocess.run(
        [sys.executable, "-I", str(program), "/bin/echo", "done"],
        env={"PATH": "/bin", "HOME": "relative", "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("condabox: HOME is 'relative'")


def test_health_finds_what_lies_beside_it(program: Path) -> None:
    command = [sys.executable, "-I", str(program.with_name("health.py"))]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.usefixtures("folder")
def test_a_command_takes_the_place_of_everything(program: Path, system: System) -> None:
    script = "echo $$ $CONDABOX_PATH $JUPYTER_TOKEN; umask; grep SigIgn /proc/self/status; exit 9"

    env = {"PATH": "/bin:/usr/bin", "JUPYTER_TOKEN": "t"}
    started = run(program, system, "sh", "-c", script, **env)
    said, log = started.communicate(timeout=60)

    pid, path, token, umask, _, ignored = said.split()
    assert (int(pid), path, token) == (started.pid, "/bin:/usr/bin", "t")
    assert int(ignored, 16) & 0x7FFFFFFF == 0  # those above belong to the C library
    assert (umask, started.returncode, log) == ("0002", 9, "")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("command", "status", "why"),
    [
        ("no-such-program", 127, "there is no such program"),
        ("/etc/passwd/none", 127, "there is no such program"),
        ("", 127, "there is no such program"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/etc", 126, "Permission denied"),
    ],
)
def test_a_command_that_cannot_run(
    program: Path, system: System, command: str, status: int, why: str
) -> None:
    started = run(program, system, command)

    assert started.communicate(timeout=60) == ("", f"condabox: {command}: {why}\n")
    assert started.returncode == status


def test_root_gets_no_services(system: System) -> None:
    with pytest.raises(Refused, match="runs as root"):
        start((), env={}, system=replace(system, uid=0))


def test_root_stays_root(system: System, folder: Path, home: Path) -> None:
    user = settle_user(replace(system, uid=0), env={"HOME": str(home)}, folder=folder)

    assert user == User(home=home, login=None, env={"HOME": str(home)})


def test_without_any_service_there_is_nothing_to_run(
    system: System, folder: Path, home: Path
) -> None:
    user = User(home=home, login="dev", env={"CONDABOX_JUPYTER": "off"})

    with pytest.raises(Refused, match=r"JupyterLab is off, .*; SSH is off: it was given no key"):
        offers(system, user=user, folder=folder)


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize(
    ("login", "keys"), [("dev", ""), ("dev", "~/.ssh/id.pub"), (None, KEYS[0])]
)
def test_ssh_that_is_on_must_be_there(
    system: System, folder: Path, home: Path, login: str | None, keys: str
) -> None:
    env = {"CONDABOX_SSH": "on", "AUTHORIZED_KEYS": keys}

    with pytest.raises(Refused, match=r"^CONDABOX_SSH is on, but .*no (key|line)"):
        offers(system, user=User(home=home, login=login, env=env), folder=folder)


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize(
    "env",
    [
        {"CONDABOX_PORT_SSH": "8888"},
        {"CONDABOX_PORT_JUPYTER": "2222"},
        {"CONDABOX_PORT_SSH": "7", "CONDABOX_PORT_JUPYTER": "7"},
    ],
)
def test_two_services_cannot_have_one_port(
    system: System, folder: Path, home: Path, env: dict[str, str]
) -> None:
    user = User(home=home, login="dev", env={"AUTHORIZED_KEYS": KEYS[0], **env})

    with pytest.raises(Refused, match=r"^SSH and Jupyter cannot both have port (8888|2222|7)$"):
        offers(system, user=user, folder=folder)


@pytest.mark.tool("ssh-keygen")
def test_what_a_cluster_says_of_its_own_services_is_no_port_of_ours(
    system: System, folder: Path, home: Path
) -> None:
    """Kubernetes gives each pod variables of the services beside it, by those services' names."""
    names = ("condabox", "condabox-ssh", "condabox-jupyter", "condabox-port", "jupyter")
    linked = {
        f"{name.upper().replace('-', '_')}{ending}": "tcp://10.0.0.1:2222"
        for name in names
        for ending in ("_PORT", "_PORT_2222_TCP", "_SERVICE_PORT", "_SERVICE_PORT_SSH")
    }
    user = User(home=home, login="dev", env={"AUTHORIZED_KEYS": KEYS[0], **linked})

    made = offers(system, user=user, folder=folder)

    assert made["ssh"].state == {"port": 2222}
    assert made["jupyter"].state == {"port": 8888, "base_url": "/"}


def test_ssh_that_cannot_be_is_off_and_says_why(system: System, folder: Path, home: Path) -> None:
    user = User(home=home, login=None, env={"AUTHORIZED_KEYS": KEYS[0]})

    made = offers(system, user=user, folder=folder)

    assert made["ssh"].service is None
    assert "start the container with --user 1000:0" in made["ssh"].told


@pytest.mark.tool("ssh-keygen")
def test_services_run_and_say_where_they_are(program: Path, system: System, folder: Path) -> None:
    system.at("/etc/passwd").write_text(
        f"dev:x:{system.uid}:0:condabox:{system.at('/workspace')}:/bin/bash\n"
    )
    for name in ("python", "sshd"):
        script = f"#!/bin/sh\necho {name} {{}} $AUTHORIZED_KEYS$JUPYTER_TOKEN; exec sleep 500\n"
        executable(Path(system.tool(name)), script.format('"$2"'))

    (folder / "of an earlier container").touch()
    given = {"AUTHORIZED_KEYS": KEYS[0], "JUPYTER_TOKEN": "sesame"}
    started = run(program, system, **given)
    assert started.stdout is not None
    said = {started.stdout.readline() for _ in range(2)}
    assert state_file(system) == folder / STATE
    state = json.loads((folder / STATE).read_bytes())
    assert not (folder / "of an earlier container").exists()
    with pytest.raises(Refused, match="its services run already"):
        start((), env=given, system=system)
    again = run(program, system, "true")
    assert again.communicate(timeout=60) == ("", "")
    assert state_file(system) == folder / STATE
    started.send_signal(signal.SIGTERM)
    _, log = started.communicate(timeout=60)

    assert said == {"python -m\n", "sshd -e\n"}
    assert state == {"jupyter": {"port": 8888, "base_url": "/"}, "ssh": {"port": 2222}}
    first, second = log.splitlines()
    assert first == (
        "condabox: JupyterLab: http://127.0.0.1:8888/lab, with the token that it was given"
    )
    assert second.startswith("condabox: SSH: ssh -p 2222 dev@127.0.0.1, which has the key SHA256:")
    assert started.returncode == 143
    assert state_file(system) is None
    assert not folder.exists()


@pytest.mark.usefixtures("folder")
def test_a_fault_of_the_system_is_no_traceback(program: Path, system: System) -> None:
    system.at("/etc/passwd").unlink()

    started = run(program, system, CONDABOX_SSH="off")
    _, log = started.communicate(timeout=60)

    assert started.returncode == 1
    assert log.startswith("condabox: ")
    assert "Traceback" not in log
