"""`condabox load` as users run it, into a podman and a containerd of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from condabox.oci.archive import write_archive
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.workflows.images import host_platform
from tests.fakes.busybox import CONFIG, busybox_image
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.oci.image import Image

pytestmark = pytest.mark.tool("busybox")

NAME = "docker.io/library/box:1"
LATE = """#!/bin/sh
touch {folder}/started
while [ ! -e {folder}/interrupted ]; do sleep 0.1; done
exec {tool} "$@"
"""


class Project:
    """A store with one image, and condabox as a program of its own."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.folder = folder
        (folder / "condabox.toml").write_text('cache-dir = "cache"\n')
        LocalStore(folder / "cache").save([image], names=[Reference.parse(NAME)])

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "condabox", "load", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def load(self, *words: str) -> tuple[int, str, str]:
        with self.start(*words) as process:
            output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors


@pytest.fixture
def image(tmp_path: Path) -> Image:
    files = {"large": os.urandom(1 << 20)}  # more than a pipe holds
    base = busybox_image(tmp_path / "made", CONFIG)
    return make_image(tmp_path / "made", files, base=base, platform=host_platform(), config=CONFIG)


@pytest.fixture
def box(tmp_path: Path, image: Image) -> Project:
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project", image)


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a short path: sockets and podman allow no long one."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def podman(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give podman a storage of its own, and return the folder of its temporary files."""
    config = short / "storage.conf"
    config.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{short}/a"\nrunroot = "{short}/b"\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(config))
    (short / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(short / "tmp"))
    return short / "tmp"


@pytest.fixture
def containerd(short: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start a containerd; only root can."""
    if os.geteuid() != 0:
        pytest.skip("containerd is started by root")
    address = f"{short}/containerd.sock"
    folders = ("--root", f"{short}/root", "--state", f"{short}/state")
    monkeypatch.setenv("CONTAINERD_ADDRESS", address)
    monkeypatch.delenv("CONTAINERD_NAMESPACE", raising=False)
    with (
        (short / "log").open("wb") as log,
        subprocess.Popen(
            ["containerd", *folders, "--address", address], stdout=log, stderr=log
        ) as daemon,
    ):
        try:
            said("ctr", "--connect-timeout", "30s", "version")
            yield
        finally:
            daemon.terminate()


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def late(folder: Path, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """Put a ``tool`` on PATH that reads nothing until there is a file ``interrupted``."""
    found = said("sh", "-c", f"command -v {tool}").strip()
    path = folder / "bin" / tool
    path.parent.mkdir()
    path.write_text(LATE.format(folder=folder, tool=found))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)


def interrupt(process: subprocess.Popen[str], folder: Path) -> tuple[int, str]:
    """Send what Ctrl-C sends, while the tool has read nothing; return status and errors."""
    while not (folder / "started").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    (folder / "interrupted").touch()
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.tool("podman")
def test_podman_has_what_was_loaded(box: Project, image: Image, podman: Path) -> None:
    status, output, errors = box.load("box:1", "--engine", "podman")

    assert (status, output) == (0, "box:1 is in podman\n"), errors
    [loaded] = json.loads(said("podman", "image", "inspect", NAME))
    assert loaded["Id"] == image.config.digest.hex
    assert loaded["RootFS"]["Layers"] == list(map(str, image.config.diff_ids))
    assert list(podman.iterdir()) == []


@pytest.mark.tool("podman")
def test_podman_is_left_as_it_was_by_ctrl_c(
    box: Project, podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(tmp_path, monkeypatch, "podman")

    with box.start("box:1", "--engine", "podman") as process:
        status, errors = interrupt(process, tmp_path)

    assert (status, "Traceback" in errors) == (130, False)
    assert said("podman", "image", "ls", "--all", "--quiet") == ""
    assert list(podman.iterdir()) == []


@pytest.mark.tool("containerd")
@pytest.mark.parametrize(
    ("options", "namespace"), [((), "default"), (("--namespace", "k8s.io"), "k8s.io")]
)
@pytest.mark.usefixtures("containerd")
def test_containerd_runs_what_was_loaded(
    box: Project, options: tuple[str, ...], namespace: str
) -> None:
    status, output, errors = box.load("box:1", "--engine", "containerd", *options)

    assert (status, output) == (0, f"{NAME} is in containerd\n"), errors
    ctr = ("ctr", "--namespace", namespace)
    assert NAME in said(*ctr, "images", "ls", "--quiet").split()
    command = ("/bin/sh", "-c", "echo $A; busybox wc -c < /large")
    run = (*ctr, "run", "--rm", NAME, "condabox-test", *command)
    assert said(*run) == f"of the image\n{1 << 20}\n"


@pytest.mark.tool("containerd")
@pytest.mark.usefixtures("containerd")
def test_containerd_has_an_image_for_another_architecture(box: Project, tmp_path: Path) -> None:
    foreign = ARM64 if host_platform() == AMD64 else AMD64
    image = make_image(tmp_path / "made", {"a": b"1"}, platform=foreign)
    LocalStore(box.folder / "cache").save([image], names=[Reference.parse("foreign:1")])

    status, _, errors = box.load("foreign:1", "--engine", "containerd")

    assert status == 0, errors
    assert str(foreign) in said("ctr", "images", "ls")


@pytest.mark.tool("containerd")
@pytest.mark.usefixtures("containerd")
def test_containerd_has_an_image_without_a_name(box: Project, image: Image, tmp_path: Path) -> None:
    write_archive(tmp_path / "nameless.tar", [image], names=[])

    status, output, errors = box.load(str(tmp_path / "nameless.tar"), "--engine", "containerd")

    name = f"localhost/condabox@{image.digest}"
    assert (status, output) == (0, f"{name} is in containerd\n"), errors
    assert name in said("ctr", "images", "ls", "--quiet").split()


@pytest.mark.tool("containerd")
@pytest.mark.usefixtures("containerd")
def test_containerd_is_left_as_it_was_by_ctrl_c(
    box: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(tmp_path, monkeypatch, "ctr")

    with box.start("box:1", "--engine", "containerd") as process:
        status, errors = interrupt(process, tmp_path)

    assert (status, "Traceback" in errors) == (130, False)
    assert said("ctr", "images", "ls", "--quiet") == ""
    assert said("ctr", "leases", "ls", "--quiet") == ""
