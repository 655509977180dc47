"""Pulling from a real registry what skopeo pushed there."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from condabox.base import open_base
from condabox.errors import RegistryError
from condabox.events import SilentReporter
from condabox.oci.compress import Compression
from condabox.oci.digest import Digest
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.mediatype import DOCKER_MANIFEST
from condabox.oci.validate import validate_image
from condabox.registry.credentials import Anonymous, ConfigCredentials
from condabox.settings import Settings
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.base import Base
    from condabox.oci.image import Image
    from condabox.platforms import Platform
    from condabox.registry.credentials import Credentials

pytestmark = [pytest.mark.tool("docker-registry"), pytest.mark.tool("skopeo")]

USER = "me:open-sesame"
HTPASSWD = "me:$2b$04$9723djTcbcRtB5lqZ6hJ4ubBiAjbLrc.IbySyFrrP.J7m6KGPCYbS\n"

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class Registry:
    """Debian's docker-registry on a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(self, *, extra: str = "") -> Iterator[Registry]:
        config = self.folder / "registry.yml"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port) + extra)
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
            yield self
        finally:
            process.terminate()
            process.wait()

    def _wait(self) -> None:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("docker-registry did not start")

    def push(self, layout: Path, name: str, *options: str) -> None:
        subprocess.run(
            [
                *("skopeo", "copy", "--quiet", "--dest-tls-verify=false", *options),
                f"oci:{layout}:1.0",
                f"docker://{self.host}/{name}",
            ],
            check=True,
            capture_output=True,
        )

    def digest(self, name: str) -> Digest:
        """Return what skopeo finds."""
        done = subprocess.run(
            [
                *("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}"),
                f"docker://{self.host}/{name}",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        return Digest.parse(done.stdout.strip())

    def pull(
        self,
        name: str,
        *,
        platform: Platform = AMD64,
        credentials: Credentials | None = None,
        into: str = "blobs",
    ) -> Base:
        return open_base(
            f"{self.host}/{name}",
            platform=platform,
            settings=Settings(cache_dir=self.folder),
            blobs=BlobDirectory(self.folder / into),
            reporter=SilentReporter(),
            credentials=credentials or Anonymous(),
        )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path).running() as running:
        yield running


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 3_000_000}, {"b": bytes(range(256)) * 999})


@pytest.fixture
def layout(tmp_path: Path, image: Image) -> Path:
    ImageLayout.create(tmp_path / "layout").add([image], name="1.0")
    return tmp_path / "layout"


def test_an_image_is_pulled_as_it_was_pushed(
    registry: Registry, layout: Path, image: Image
) -> None:
    registry.push(layout, "team/app:1.0")

    base = registry.pull("team/app:1.0")

    assert base.digest == image.digest == registry.digest("team/app:1.0")
    assert validate_image(base.image) == ()


def test_of_an_index_each_platform_is_pulled(
    registry: Registry, layout: Path, image: Image, tmp_path: Path
) -> None:
    arm = make_image(tmp_path / "made", {"a": b"arm"}, platform=ARM64)
    ImageLayout.open(layout).add([image, arm], name="1.0")
    registry.push(layout, "app:1.0", "--all")

    pulled = [registry.pull("app:1.0", platform=each).digest for each in (AMD64, ARM64)]

    assert pulled == [image.digest, arm.digest]


def test_docker_schema_2_is_pulled(registry: Registry, layout: Path, image: Image) -> None:
    registry.push(layout, "app:docker", "--format", "v2s2")

    base = registry.pull("app:docker")

    assert base.image.manifest.media_type == DOCKER_MANIFEST
    assert base.image.config.diff_ids == image.config.diff_ids
    assert validate_image(base.image) == ()


def test_zstd_layers_are_pulled(registry: Registry, tmp_path: Path) -> None:
    image = make_image(tmp_path / "made", {"a": b"1" * 99_999}, compression=Compression.ZSTD)
    ImageLayout.create(tmp_path / "zstd").add([image], name="1.0")
    registry.push(tmp_path / "zstd", "app:zstd")

    assert validate_image(registry.pull("app:zstd").image) == ()


def test_a_pinned_image_outlives_its_registry(tmp_path: Path, layout: Path, image: Image) -> None:
    registry = Registry(tmp_path)
    with registry.running():
        registry.push(layout, "app:1.0")
        registry.pull("app:1.0")

    base = registry.pull(f"app:1.0@{image.digest}")

    assert validate_image(base.image) == ()


def test_a_missing_tag_is_explained(registry: Registry, layout: Path) -> None:
    registry.push(layout, "app:1.0")

    with pytest.raises(RegistryError, match="MANIFEST_UNKNOWN"):
        registry.pull("app:2.0")


def test_a_password_is_needed_and_found(
    tmp_path: Path, layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auths = Registry(tmp_path)
    config = {"auths": {auths.host: {"auth": base64.b64encode(USER.encode()).decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    extra = f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/htpasswd}}}}\n"
    with auths.running(extra=extra):
        auths.push(layout, "private:1.0", "--dest-creds", USER)

        with pytest.raises(RegistryError, match="401") as caught:
            auths.pull("private:1.0", into="nobody")
        credentials = ConfigCredentials.from_environment({"DOCKER_CONFIG": str(tmp_path)})
        base = auths.pull("private:1.0", credentials=credentials)

    assert "docker login" in str(caught.value.hint)
    assert validate_image(base.image) == ()
