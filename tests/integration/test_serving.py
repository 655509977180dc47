"""envs/serving.yml, built from the test world and really run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from condabox.oci.archive import read_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.validate import validate_image
from condabox.platforms import Platform
from tests.fakes.channel import ChannelServer
from tests.fakes.project import ROOT, Project
from tests.fakes.wheels import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world.world import World

pytestmark = pytest.mark.world

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
IMPORTS = "import fastapi, lightgbm, numpy, sklearn, ssl, sqlite3, uvicorn; print('imported')"

_OTHER_CIRCUMSTANCES = """
import os, sys
os.umask(0o077)
os.cpu_count = lambda: 7
sys.argv[0] = "condabox"
from condabox.cli.app import main
main()
"""


def project_at(root: Path, world: World) -> Project:
    """Return a copy of ``envs/`` at ``root``, with a cache of its own, in the test world."""
    shutil.copytree(ROOT / "envs", root / "envs")
    env = {"CONDABOX_CONFIG": str(world.settings), "XDG_CACHE_HOME": str(root / "cache")}
    return Project(root=root, env=env)


@pytest.fixture(scope="module")
def serving(world: World, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project with ``serving`` built for both platforms, as archive and as layout."""
    project = project_at(tmp_path_factory.mktemp("serving"), world)
    both = ["--platform", "linux/amd64,linux/arm64"]
    for output in ("layout", "serving.tar"):
        done = project.run("build", "envs/serving.yml", "-o", output, *both)
        assert done.returncode == 0, done.stderr
    project.assert_sound("layout")
    return project


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.mark.parametrize("platform", [AMD64, ARM64], ids=str)
def test_archive_and_layout_hold_the_same_image(serving: Project, platform: Platform) -> None:
    from_layout = ImageLayout.open(serving.root / "layout").resolve(None, platform=platform)
    from_archive = read_archive(serving.root / "serving.tar").resolve(None, platform=platform)

    assert validate_image(from_archive) == ()
    assert from_layout.digest == from_archive.digest


def test_other_circumstances_give_the_same_digest(
    serving: Project, world: World, tmp_path: Path
) -> None:
    other = project_at(tmp_path / "another place", world)
    shutil.copy(serving.root / "envs" / "serving.conda-lock.yml", other.root / "envs")
    (tmp_path / "tmp").mkdir()
    circumstances = {
        "LC_ALL": "C",
        "PYTHONHASHSEED": "12345",
        "TMPDIR": str(tmp_path / "tmp"),
        "TZ": "Pacific/Auckland",
    }
    build = ["build", "envs/serving.yml", "-o", "layout", "--json", "--platform", "linux/amd64"]

    done = subprocess.run(
        [sys.executable, "-c", _OTHER_CIRCUMSTANCES, *build],
        cwd=other.root,
        env={**other.variables(), **circumstances},
        capture_output=True,
        check=True,
    )

    image = ImageLayout.open(serving.root / "layout").resolve(None, platform=AMD64)
    assert json.loads(done.stdout)["digest"] == str(image.digest)


def test_a_rebuild_opens_no_package(serving: Project, tmp_path: Path) -> None:
    packages = serving.root / "cache" / "condabox" / "packages"
    packages.rename(tmp_path / "packages")
    try:
        done = serving.run("build", "envs/serving.yml", "-o", "again.tar", "--json", "--locked")
    finally:
        (tmp_path / "packages").rename(packages)

    assert done.returncode == 0, done.stderr
    assert "downloading" not in done.stderr
    layers = json.loads(done.stdout)["images"][0]["layers"]
    assert {layer["cached"] for layer in layers[:-1]} == {True}


def test_the_image_runs_without_any_engine(serving: Project) -> None:
    done = serving.run(
        "run", "--engine", "unshare", "--platform", "linux/amd64", "layout", "--",
        "python", "-c", IMPORTS,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr


@pytest.mark.tool("qemu-aarch64-static")
def test_the_arm64_image_runs_under_qemu(serving: Project) -> None:
    script = f"import platform; {IMPORTS}; print(platform.machine())"

    done = serving.run(
        "run", "--engine", "unshare", "--platform", "linux/arm64", "layout", "--",
        "python", "-c", script,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "imported\naarch64\n"), done.stderr


def test_the_service_answers_with_a_prediction(serving: Project) -> None:
    # Without an engine the port is the host's: that of the environment file's `cmd`.
    with running(serving, "-p", "8000:8000", "--engine", "unshare"):
        assert ask(8000)["predictions"]


@pytest.mark.docker
def test_the_service_answers_in_docker(serving: Project, port: int) -> None:
    with running(serving, "-p", f"127.0.0.1:{port}:8000", "--engine", "docker"):
        assert ask(port)["predictions"]


@pytest.mark.docker
def test_docker_loads_the_archive_and_knows_its_configuration(serving: Project) -> None:
    subprocess.run(["docker", "load", "-i", serving.root / "serving.tar"], check=True)
    try:
        shown = subprocess.run(
            ["docker", "image", "inspect", "serving:latest"], capture_output=True, check=True
        )
        config = json.loads(shown.stdout)[0]["Config"]
        assert config["User"] == "1000:0"
        assert list(config["ExposedPorts"]) == ["8000/tcp"]
        assert config["WorkingDir"] == "/app"
        assert config["Healthcheck"]["Retries"] == 3
        # No shell and no entrypoint: the environment is active all the same.
        ran = subprocess.run(
            ["docker", "run", "--rm", "serving:latest", "python", "-c", IMPORTS],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout == "imported\n"
    finally:
        subprocess.run(["docker", "rmi", "-f", "serving:latest"], capture_output=True, check=True)


@pytest.mark.tool("skopeo")
@pytest.mark.parametrize("source", ["oci:layout", "oci-archive:serving.tar"])
def test_skopeo_copies_it(serving: Project, source: str, tmp_path: Path) -> None:
    subprocess.run(
        ["skopeo", "copy", "--quiet", source, f"dir:{tmp_path}/copy"], cwd=serving.root, check=True
    )

    image = ImageLayout.open(serving.root / "layout").resolve(None, platform=AMD64)
    copied = json.loads((tmp_path / "copy" / "manifest.json").read_bytes())
    assert [layer["digest"] for layer in copied["layers"]] == [
        str(layer.digest) for layer in image.manifest.layers
    ]


@pytest.mark.tool("umoci")
def test_umoci_unpacks_it(serving: Project, tmp_path: Path) -> None:
    done = serving.run("build", "envs/serving.yml", "-o", "one", "--platform", "linux/amd64")
    assert done.returncode == 0, done.stderr
    name = ImageLayout.open(serving.root / "one").names()[0]

    subprocess.run(
        ["umoci", "unpack", "--rootless", "--image", f"one:{name}", tmp_path / "bundle"],
        cwd=serving.root,
        check=True,
    )

    prefix = tmp_path / "bundle" / "rootfs" / "opt" / "env"
    assert (prefix / "bin" / "python3.11").stat().st_mode & 0o777 == 0o755
    assert (prefix / "conda-meta" / "history").read_bytes() == b""
    assert os.access(tmp_path / "bundle" / "rootfs" / "app" / "main.py", os.R_OK)


def test_wheels_of_the_pip_section_work_beside_conda_packages(world: World, tmp_path: Path) -> None:
    entry_points = "[console_scripts]\nask = pipped:main\n"
    publish(
        tmp_path / "index",
        "pipped",
        "1.0",
        tag="py3-none-any",
        files={
            "pipped.py": "import idna\ndef main():\n    print(idna.__cached__, __cached__)\n",
            "pipped-1.0.dist-info/entry_points.txt": entry_points,
        },
    )
    project = Project(root=tmp_path / "project")
    project.root.mkdir()
    project.environment.write_text(
        "channels: [conda-forge]\nplatforms: [linux-64]\n"
        "dependencies: [python, idna, {pip: [pipped ==1.0]}]\n"
    )
    with ChannelServer(tmp_path / "index") as index:
        (project.root / "condabox.toml").write_text(
            f'cache-dir = "{project.cache}"\n{world.settings.read_text()}\n'
            f'[pip]\nindex-url = "{index.url}/simple"\n'
        )
        project.build("--platform", "linux/amd64")

    done = project.run("run", "--engine", "unshare", "image", "--", "ask")

    site = "/opt/env/lib/python3.11/site-packages"
    assert done.stdout == (
        f"{site}/idna/__pycache__/__init__.cpython-311.pyc"
        f" {site}/__pycache__/pipped.cpython-311.pyc\n"
    ), done.stderr


@contextlib.contextmanager
def running(project: Project, *options: str) -> Iterator[None]:
    """Run the service until the context ends, as Ctrl-C would end it."""
    command = project.command("run", *options, "--platform", "linux/amd64", "layout")
    process = subprocess.Popen(command, cwd=project.root, env=project.variables())
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def ask(port: int) -> dict[str, object]:
    """Ask the service for a prediction as soon as it is up."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        data=json.dumps({"rows": [[0.1, 0.9, 0.4, 0.7]]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found: dict[str, object] = json.loads(answer.read())
                return found
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
