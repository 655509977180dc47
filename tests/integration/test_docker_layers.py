"""A real Docker daemon gets the layers that it lacks, and no others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.events import SilentReporter
from condabox.oci.reference import Reference
from condabox.outputs.docker import has_image, load_into_docker
from condabox.outputs.dockerhost import docker_host
from condabox.outputs.store import LocalStore
from condabox.workflows.images import host_platform
from tests.fakes.busybox import CONFIG, busybox_image
from tests.fakes.images import make_image
from tests.fakes.socketproxy import SocketProxy
from tests.fakes.watching import WatchingReporter, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.events import Task
    from condabox.oci.config import ContainerConfig
    from condabox.oci.image import Image

pytestmark = [pytest.mark.docker, pytest.mark.tool("busybox")]

LARGE = 4 << 20
SMALL = 64 << 10
"""More than the documents of an image and the questions about it."""


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=check)
    return done.stdout


@pytest.fixture(autouse=True)
def _classic_store() -> None:
    if "io.containerd.snapshotter" in docker("info", "--format", "{{.DriverStatus}}"):
        pytest.skip("containerd's store wants every layer")


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SocketProxy]:
    server = docker_host(os.environ).removeprefix("unix://")
    with SocketProxy(tmp_path, server).running() as running:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{running.socket}")
        yield running


@pytest.fixture
def config(proxy: SocketProxy) -> Iterator[ContainerConfig]:
    """Mark the images of one test, and remove them after it, with a name and without."""
    mark = uuid.uuid4().hex[:8]
    yield replace(CONFIG, labels={"condabox-test": mark})
    proxy.let_all_through()
    marked = docker("image", "ls", "--quiet", "--filter", f"label=condabox-test={mark}").split()
    docker("image", "rm", "--force", *marked, check=False)


@pytest.fixture
def name(config: ContainerConfig) -> Reference:
    """Return a name that no other image has."""
    return Reference.parse(f"condabox-test-{config.labels['condabox-test']}:1.0")


@pytest.fixture
def former(tmp_path: Path, config: ContainerConfig) -> Image:
    """Return an image with a large layer that no daemon has seen."""
    return changed(tmp_path, busybox_image(tmp_path / "made", config), large=os.urandom(LARGE))


def changed(folder: Path, former: Image, **files: bytes) -> Image:
    """Put a layer on ``former``."""
    return make_image(
        folder / "made",
        files,
        base=former,
        platform=host_platform(),
        config=former.config.config,
    )


def load(image: Image, name: Reference) -> str:
    return load_into_docker([image], names=[name], reporter=SilentReporter())


def printed(image: str, script: str) -> str:
    return docker("run", "--rm", "--network", "none", image, script)


def test_only_what_is_new_is_read_and_sent(
    proxy: SocketProxy, name: Reference, former: Image, tmp_path: Path
) -> None:
    load(former, name)
    before = proxy.sent
    small = os.urandom(SMALL)
    image = changed(tmp_path, former, small=small)
    image, blobs = watched(image, at={layer.digest for layer in former.manifest.layers})

    loaded = load(image, name)

    assert before > LARGE
    assert SMALL < proxy.sent - before < 2 * SMALL
    assert blobs.fetched == [image.manifest.layers[-1].digest]
    layers = json.loads(docker("image", "inspect", loaded))[0]["RootFS"]["Layers"]
    assert layers == list(map(str, image.config.diff_ids))
    assert printed(loaded, "busybox wc -c < /large") == f"{LARGE}\n"
    assert printed(loaded, "busybox wc -c < /small") == f"{SMALL}\n"


def test_the_former_version_is_known_without_its_name(
    proxy: SocketProxy, name: Reference, former: Image, tmp_path: Path
) -> None:
    load(former, name)
    load(changed(tmp_path, former, a=b"2"), name)  # takes the name away
    before = proxy.sent

    load(changed(tmp_path, former, a=b"3"), name)

    assert proxy.sent - before < SMALL
    assert printed(name.familiar(), "busybox cat /a") == "3"


def test_a_changed_layer_takes_those_above_with_it(
    proxy: SocketProxy, name: Reference, former: Image, tmp_path: Path
) -> None:
    large = os.urandom(LARGE)
    load(changed(tmp_path, changed(tmp_path, former, a=b"1"), b=large), name)
    before = proxy.sent

    load(changed(tmp_path, changed(tmp_path, former, a=b"2"), b=large), name)

    assert LARGE < proxy.sent - before < LARGE + SMALL
    assert printed(name.familiar(), "busybox cat /a; busybox wc -c < /b") == f"2{LARGE}\n"


class Removing(WatchingReporter):
    """Removes an image when its layers are taken for granted."""

    def __init__(self, image: str) -> None:
        super().__init__()
        self._image = image

    @contextmanager
    def task(self, description: str, *, total: int | None) -> Iterator[Task]:
        docker("image", "rm", "--force", self._image, check=False)
        with super().task(description, total=total) as task:
            yield task


def test_when_the_image_below_is_removed_meanwhile_all_is_sent(
    proxy: SocketProxy, name: Reference, former: Image, tmp_path: Path
) -> None:
    load(former, name)
    before = proxy.sent
    reporter = Removing(name.familiar())
    image = changed(tmp_path, former, small=b"2")

    loaded = load_into_docker([image], names=[name], reporter=reporter)

    assert proxy.sent - before > LARGE
    assert len(reporter.messages) == 1
    assert printed(loaded, "busybox cat /small") == "2"


def test_ctrl_c_leaves_the_daemon_as_it_was(
    proxy: SocketProxy, name: Reference, former: Image, tmp_path: Path
) -> None:
    (tmp_path / "condabox.toml").write_text('cache-dir = "cache"\n')
    LocalStore(tmp_path / "cache").save([former], names=[name])
    proxy.most = LARGE // 2

    with subprocess.Popen(
        [sys.executable, "-m", "condabox", "load", "--engine", "docker", name.familiar()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert proxy.full.wait(timeout=60)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)

    assert (process.returncode, output) == (130, "")
    assert "Traceback" not in errors
    proxy.let_all_through()
    assert has_image(former) is None
