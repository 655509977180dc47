"""`condabox run` as users run it: as root, as somebody, with podman, and interrupted."""

from __future__ import annotations

import getpass
import os
import pwd
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.oci.config import ContainerConfig
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from tests.fakes.busybox import CONFIG, busybox_image

if TYPE_CHECKING:
    from condabox.oci.image import Image

pytestmark = [pytest.mark.tool("unshare"), pytest.mark.tool("busybox")]

NOBODY = "nobody"


def left(folder: Path) -> list[Path]:
    return list((folder / "run").glob("run-*"))


class Project:
    """A store with one image, and condabox as a program of its own."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.folder = folder
        (folder / "condabox.toml").write_text('cache-dir = "cache"\n')
        LocalStore(folder / "cache").save([image], names=[Reference.parse("box:1")])

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "condabox", "run", "--quiet", *words]

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, given: str = "") -> tuple[int, str]:
        with self.start(*words) as process:
            output, _ = process.communicate(given, timeout=60)
        return process.returncode, output

    @property
    def left(self) -> list[Path]:
        return left(self.folder / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return busybox_image(tmp_path / "made", CONFIG)


@pytest.fixture
def box(tmp_path: Path, image: Image) -> Project:
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project", image)


@pytest.mark.parametrize(
    ("program", "status", "reason"),
    [("missing", 127, "no such file"), ("/etc/passwd", 126, "Permission denied")],
)
def test_a_command_that_cannot_run_is_named(
    box: Project, program: str, status: int, reason: str
) -> None:
    LocalStore(box.folder / "cache").save(
        [busybox_image(box.folder / "made", ContainerConfig(env={"PATH": "/bin"}, user="app"))],
        names=[Reference.parse("bare:1")],
    )
    with box.start("--engine", "unshare", "bare:1", program) as process:
        _, errors = process.communicate(timeout=60)

    assert process.returncode == status
    assert f"{program}: {reason}" in errors


def test_the_command_line_runs_an_image_of_the_store(box: Project) -> None:
    options = ("--engine", "unshare", "-e", "A=mine", "-e", "HOST", "-p", "8000:8000")

    found = box.run(*options, "box:1", "--", "busybox cat; echo $A; exit 5", given="typed\n")

    assert found == (5, "typed\nmine\n")


def test_standard_input_ends(box: Project) -> None:
    assert box.run("--engine", "unshare", "box:1", "busybox wc -c", given="") == (0, "0\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_the_command_once(box: Project, number: signal.Signals) -> None:
    script = (
        f'trap "echo got it" {number.value}; echo ready;'
        "i=0; while [ $i -lt 20 ]; do busybox sleep 0.05; i=$((i+1)); done; exit 9"
    )
    with box.start("--engine", "unshare", "box:1", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        rest = process.stdout.read()

    assert (process.returncode, rest) == (9, "got it\n")
    assert box.left == []


def test_a_signal_ends_a_command_that_does_not_care(box: Project) -> None:
    with box.start("--engine", "unshare", "box:1", "echo ready; exec busybox sleep 60") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()

    assert process.returncode == 143
    assert box.left == []


def test_a_container_does_not_outlive_condabox(box: Project) -> None:
    with box.start("--engine", "unshare", "box:1", "echo ready; exec busybox sleep 61") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        # Its standard output is closed when the last process of the container is gone.
        assert process.stdout.read() == ""

    (state,) = box.left
    box.run("--engine", "unshare", "box:1", "true")
    assert not state.exists()


def test_ctrl_c_at_a_terminal_reaches_the_command_once(box: Project) -> None:
    script = (
        'trap "echo got it" INT; test -t 0 && echo ready;'
        "i=0; while [ $i -lt 20 ]; do busybox sleep 0.05; i=$((i+1)); done; exit 9"
    )
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(box.folder)
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        command = box.command("--engine", "unshare", "box:1", script)
        os.execv(command[0], command)  # noqa: S606
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 100)
    os.write(terminal, b"\x03")
    try:
        while data := os.read(terminal, 100):
            seen += data
    except OSError:  # the terminal's other end is closed
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 9
    assert seen.count(b"got it") == 1


@pytest.fixture
def python_of_nobody() -> list[str]:
    """Return a Python that nobody may execute, and that has our dependencies."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for candidate in (sys.executable, "/usr/bin/python3"):
        command = [*become_nobody(), candidate, "-c", "import sys; print(sys.version_info[:2])"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode == 0 and done.stdout.strip() == str(sys.version_info[:2]):
            return [*become_nobody(), candidate]
    pytest.skip("no Python is within nobody's reach")


def become_nobody() -> list[str]:
    account = pwd.getpwnam(NOBODY)
    return [
        "setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--no-new-privs",
        "env",  # only the next program has lost root's capabilities
    ]


@pytest.mark.tool("setpriv")
@pytest.mark.parametrize(("user", "uid"), [("", "0"), ("1234:77", "1234")])
def test_somebody_without_any_rights_can_run_an_image(
    python_of_nobody: list[str], user: str, uid: str
) -> None:
    # Not in pytest's own directory, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="condabox-test-") as name:
        folder = Path(name)
        image = busybox_image(folder / "made", ContainerConfig(user=user, entrypoint=("/bin/sh",)))
        box = Project(folder, image)
        packages = [path for path in sys.path if path.endswith("site-packages")]
        account = pwd.getpwnam(NOBODY)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            [
                *python_of_nobody,
                *box.command("--engine", "unshare", "box:1", "--", "-c", "/bin/busybox id -u")[1:],
            ],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *packages]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.returncode) == (f"{uid}\n", 0), done.stderr
        assert box.left == []


@pytest.mark.tool("podman")
def test_podman_runs_an_image_of_the_store(
    box: Project, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid() != 0 and getpass.getuser() not in Path("/etc/subuid").read_text():
        pytest.skip("without root, podman needs subordinate ids for this user")
    # Podman's own limits are higher than some machines let even root go.
    config = box.folder / "containers.conf"
    config.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
    monkeypatch.setenv("CONTAINERS_CONF", str(config))
    script = "busybox cat; busybox id -u; echo $A; exit 5"
    try:
        found = box.run("--engine", "podman", "-e", "A=mine", "box:1", script, given="typed\n")
        again = box.run("--engine", "podman", "box:1", script)
    finally:
        subprocess.run(
            ["podman", "image", "rm", image.manifest.config.digest.hex],
            capture_output=True,
            check=False,
        )

    assert found == (5, "typed\n0\nmine\n")
    assert again == (5, "0\nof the image\n")


@pytest.mark.docker
def test_docker_s_container_ends_with_the_reader_of_its_words(box: Project, image: Image) -> None:
    words = shlex.join(box.command("--engine", "docker", "box:1", "while :; do echo y; done"))
    identity = str(image.manifest.config.digest)
    try:
        done = subprocess.run(
            ["sh", "-c", f"{words} | head -n 1"],
            cwd=box.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        containers = subprocess.run(
            ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={identity}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    finally:
        subprocess.run(["docker", "rmi", "--force", identity], capture_output=True, check=False)

    assert done.stdout == "y\n"
    assert containers == ""
