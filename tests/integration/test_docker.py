"""A real Docker daemon: loading into it, running with it, and building on what it has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.base import open_base
from condabox.errors import ImageError
from condabox.events import SilentReporter
from condabox.oci.compressed import has_raw_layers
from condabox.oci.config import ContainerConfig
from condabox.oci.layout import BlobDirectory
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.outputs.docker import daemon_answers, has_image, load_into_docker
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.images import host_platform
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.oci.image import Image

pytestmark = pytest.mark.docker


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def name() -> Iterator[Reference]:
    """Return a name that no other image has, and forget it after."""
    reference = Reference.parse(f"condabox-test-{uuid.uuid4().hex[:8]}:1.0")
    yield reference
    subprocess.run(
        ["docker", "image", "rm", "--force", reference.familiar()], capture_output=True, check=False
    )


def make(folder: Path, *files: Mapping[str, bytes]) -> Image:
    # Another content each time, so that no layer was loaded by an earlier test.
    mark = {"mark": uuid.uuid4().bytes}
    return make_image(
        folder / "made",
        mark,
        *files,
        platform=host_platform(),
        config=ContainerConfig(env={"PATH": "/bin", "A": "image"}, entrypoint=("sh", "-c")),
    )


def test_the_daemon_answers() -> None:
    assert daemon_answers()


def test_an_image_is_loaded_under_its_name(name: Reference, tmp_path: Path) -> None:
    image = make(tmp_path, {"a": b"1"})
    before = has_image(image)

    loaded = load_into_docker([image], names=[name], reporter=SilentReporter())

    assert before is None
    assert loaded == name.familiar()
    layers = json.loads(docker("image", "inspect", loaded))[0]["RootFS"]["Layers"]
    assert layers == [str(each) for each in image.config.diff_ids]
    assert has_image(image) is not None


def test_an_image_without_a_name_is_loaded_too(tmp_path: Path) -> None:
    image = make(tmp_path, {"a": b"1"})

    identity = load_into_docker([image], names=[], reporter=SilentReporter())

    assert json.loads(docker("image", "inspect", identity))[0]["Id"] == identity
    docker("image", "rm", identity)


def base_of(name: str, folder: Path) -> Image:
    return open_base(
        name,
        platform=host_platform(),
        settings=Settings(cache_dir=folder / "cache"),
        blobs=BlobDirectory(folder / "blobs"),
        reporter=SilentReporter(),
    ).image


def test_the_daemons_image_is_a_base(name: Reference, tmp_path: Path) -> None:
    image = make(tmp_path, {"a": b"1"})
    load_into_docker([image], names=[name], reporter=SilentReporter())

    base = base_of(f"docker:{name.familiar()}", tmp_path)

    assert base.config.diff_ids == image.config.diff_ids
    assert validate_image(base) == ()
    assert not has_raw_layers(base)
    assert list((tmp_path / "cache").rglob("*.tar")) == []


def test_an_image_that_the_daemon_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="docker:condabox-none") as caught:
        base_of("docker:condabox-none:1.0", tmp_path)

    assert "docker pull" in str(caught.value.hint)


@pytest.mark.tool("busybox")
def test_docker_runs_an_image_of_the_store(name: Reference, tmp_path: Path) -> None:
    busybox = Path(shutil.which("busybox") or "").resolve().read_bytes()
    image = make(tmp_path, {"bin/busybox": busybox, "bin/sh": busybox})
    (tmp_path / "condabox.toml").write_text('cache-dir = "cache"\n')
    LocalStore(tmp_path / "cache").save([image], names=[name])

    done = subprocess.run(
        [
            *(sys.executable, "-m", "condabox", "run", "--quiet", "--engine", "docker"),
            *("-e", "A=mine", name.familiar(), "busybox cat; echo $A; exit 5"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        input="typed\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (5, "typed\nmine\n"), done.stderr
    assert docker("ps", "--all", "--quiet", "--filter", f"ancestor={name.familiar()}") == ""
