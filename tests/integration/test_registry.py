"""Pulling from a real registry what skopeo pushed there."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from condabox.base import open_base
from condabox.errors import RegistryError
from condabox.events import SilentReporter
from condabox.oci.compress import Compression
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.mediatype import DOCKER_MANIFEST
from condabox.oci.validate import validate_image
from condabox.registry.credentials import Anonymous, ConfigCredentials
from condabox.settings import Settings
from tests.fakes.dockerregistry import DockerRegistry
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


def pull(
    registry: DockerRegistry,
    name: str,
    *,
    platform: Platform = AMD64,
    credentials: Credentials | None = None,
    into: str = "blobs",
) -> Base:
    base = open_base(
        f"{registry.host}/{name}",
        platform=platform,
        settings=Settings(cache_dir=registry.folder),
        blobs=BlobDirectory(registry.folder / into),
        reporter=SilentReporter(),
        credentials=credentials or Anonymous(),
    )
    base.image.fetch_layers()
    return base


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path).running() as running:
        yield running


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 3_000_000}, {"b": bytes(range(256)) * 999})


@pytest.fixture
def layout(tmp_path: Path, image: Image) -> Path:
    ImageLayout.create(tmp_path / "layout").add([image], name="1.0")
    return tmp_path / "layout"


def test_an_image_is_pulled_as_it_was_pushed(
    registry: DockerRegistry, layout: Path, image: Image
) -> None:
    registry.push(layout, "team/app:1.0")

    base = pull(registry, "team/app:1.0")

    assert base.digest == image.digest == registry.digest("team/app:1.0")
    assert validate_image(base.image) == ()


def test_of_an_index_each_platform_is_pulled(
    registry: DockerRegistry, layout: Path, image: Image, tmp_path: Path
) -> None:
    arm = make_image(tmp_path / "made", {"a": b"arm"}, platform=ARM64)
    ImageLayout.open(layout).add([image, arm], name="1.0")
    registry.push(layout, "app:1.0", "--all")

    pulled = [pull(registry, "app:1.0", platform=each).digest for each in (AMD64, ARM64)]

    assert pulled == [image.digest, arm.digest]


def test_docker_schema_2_is_pulled(registry: DockerRegistry, layout: Path, image: Image) -> None:
    registry.push(layout, "app:docker", "--format", "v2s2")

    base = pull(registry, "app:docker")

    assert base.image.manifest.media_type == DOCKER_MANIFEST
    assert base.image.config.diff_ids == image.config.diff_ids
    assert validate_image(base.image) == ()


def test_zstd_layers_are_pulled(registry: DockerRegistry, tmp_path: Path) -> None:
    image = make_image(tmp_path / "made", {"a": b"1" * 99_999}, compression=Compression.ZSTD)
    ImageLayout.create(tmp_path / "zstd").add([image], name="1.0")
    registry.push(tmp_path / "zstd", "app:zstd")

    assert validate_image(pull(registry, "app:zstd").image) == ()


def test_a_pinned_image_outlives_its_registry(tmp_path: Path, layout: Path, image: Image) -> None:
    registry = DockerRegistry(tmp_path)
    with registry.running():
        registry.push(layout, "app:1.0")
        pull(registry, "app:1.0")

    base = pull(registry, f"app:1.0@{image.digest}")

    assert validate_image(base.image) == ()


def test_a_missing_tag_is_explained(registry: DockerRegistry, layout: Path) -> None:
    registry.push(layout, "app:1.0")

    with pytest.raises(RegistryError, match="MANIFEST_UNKNOWN"):
        pull(registry, "app:2.0")


def test_a_password_is_needed_and_found(
    tmp_path: Path, layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auths = DockerRegistry(tmp_path)
    config = {"auths": {auths.host: {"auth": base64.b64encode(USER.encode()).decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with auths.running(auth=auths.htpasswd()):
        auths.push(layout, "private:1.0", "--dest-creds", USER)

        with pytest.raises(RegistryError, match="401") as caught:
            pull(auths, "private:1.0", into="nobody")
        credentials = ConfigCredentials.from_environment({"DOCKER_CONFIG": str(tmp_path)})
        base = pull(auths, "private:1.0", credentials=credentials)

    assert "docker login" in str(caught.value.hint)
    assert validate_image(base.image) == ()
