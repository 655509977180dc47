"""Bases, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.base import open_base, open_first, path_and_name
from condabox.errors import (
    CondaboxError,
    ImageError,
    ImageNotFoundError,
    RegistryError,
    SpecError,
    ToolFailedError,
    ToolMissingError,
)
from condabox.events import SilentReporter
from condabox.oci.archive import write_archive
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.mediatype import OCI_LAYER_GZIP
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.registry.credentials import Anonymous
from condabox.settings import RegistrySettings, Settings
from tests.fakes.dockersave import docker_save
from tests.fakes.images import AMD64, ARM64, make_image
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.base import Base
    from condabox.oci.image import Image
    from condabox.platforms import Platform


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/a": b"amd64"})


@pytest.fixture
def arm_image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/a": b"arm64"}, platform=ARM64)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


class Opener:
    """Opens bases with the settings of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registries: dict[str, RegistrySettings] = {}

    @property
    def blobs(self) -> BlobDirectory:
        return BlobDirectory(self.folder / "cache" / "store" / "blobs")

    @property
    def settings(self) -> Settings:
        return Settings(
            path=self.folder / "condabox.toml",
            cache_dir=self.folder / "cache",
            registries=self.registries,
        )

    def open(self, text: str, *, platform: Platform = AMD64) -> Base:
        return open_base(
            text,
            platform=platform,
            settings=self.settings,
            blobs=self.blobs,
            reporter=SilentReporter(),
            credentials=Anonymous(),
        )


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    return Opener(tmp_path)


def test_a_layout_is_a_base(opener: Opener, image: Image, arm_image: Image, tmp_path: Path) -> None:
    ImageLayout.create(tmp_path / "images").add([image, arm_image], name="24.04")

    base = opener.open(f"oci:{tmp_path}/images:24.04", platform=ARM64)

    assert base.digest == arm_image.digest
    assert validate_image(base.image) == ()


def test_a_layout_of_one_image_needs_no_tag(opener: Opener, image: Image, tmp_path: Path) -> None:
    ImageLayout.create(tmp_path / "images").add([image], name="24.04")

    assert opener.open(f"oci:{tmp_path}/images").digest == image.digest


def test_a_layout_without_the_platform_says_which_it_has(
    opener: Opener, image: Image, arm_image: Image, tmp_path: Path
) -> None:
    ImageLayout.create(tmp_path / "images").add([image, arm_image], name="24.04")
    wanted = type(AMD64)(os="linux", architecture="ppc64le")

    with pytest.raises(ImageError, match="linux/ppc64le") as caught:
        opener.open(f"oci:{tmp_path}/images:24.04", platform=wanted)

    assert "linux/amd64, linux/arm64" in str(caught.value.hint)


@pytest.mark.parametrize("prefix", ["oci-archive:", "docker-archive:"])
def test_an_archive_is_a_base(opener: Opener, image: Image, tmp_path: Path, prefix: str) -> None:
    name = Reference.parse("example.org/team/base:1")
    write_archive(tmp_path / "base.tar", [image], names=[name])

    base = opener.open(f"{prefix}{tmp_path}/base.tar")

    assert (base.digest, base.name) == (image.digest, "example.org/team/base:1")


def test_a_mere_tag_is_no_name_to_annotate(opener: Opener, image: Image, tmp_path: Path) -> None:
    ImageLayout.create(tmp_path / "images").add([image], name="24.04")

    assert opener.open(f"oci:{tmp_path}/images:24.04").name is None


def test_a_path_may_have_colons(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()

    assert path_and_name(f"{tmp_path}/a:b") == (tmp_path / "a:b", None)
    assert path_and_name(f"{tmp_path}/a:b:c") == (tmp_path / "a:b", "c")


def test_a_name_may_have_colons(tmp_path: Path) -> None:
    assert path_and_name(f"{tmp_path}:f:1") == (tmp_path, "f:1")
    assert path_and_name(f"{tmp_path}/none:f:1") == (tmp_path / "none", "f:1")
    assert path_and_name(f"{tmp_path}:host:5000/f:1") == (tmp_path, "host:5000/f:1")


def test_a_missing_layout_is_explained(opener: Opener, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not an OCI image layout"):
        opener.open(f"oci:{tmp_path}/none:24.04")


def test_a_registry_gives_a_base(opener: Opener, registry: FakeRegistry, image: Image) -> None:
    registry.add("team/base", "1.0", [image])

    base = opener.open(f"{registry.host}/team/base:1.0")

    assert (base.digest, base.name) == (image.digest, f"{registry.host}/team/base:1.0")
    assert not any(opener.blobs.has(layer) for layer in image.manifest.layers)


def test_the_layers_of_a_base_come_together(
    opener: Opener, registry: FakeRegistry, image: Image
) -> None:
    registry.add("team/base", "1.0", [image])

    opener.open(f"{registry.host}/team/base:1.0").image.fetch_layers()

    assert all(opener.blobs.has(layer) for layer in image.manifest.layers)


def test_a_pinned_base_that_was_fetched_needs_no_registry(
    opener: Opener, registry: FakeRegistry, image: Image
) -> None:
    digest = registry.add("base", "1.0", [image])
    text = f"{registry.host}/base:1.0@{digest}"
    opener.open(text).image.fetch_layers()
    registry.seen.clear()

    base = opener.open(text)
    base.image.fetch_layers()

    assert registry.seen == []
    assert base.name == f"{registry.host}/base:1.0"


def test_a_mirror_gives_the_base_of_another_registry(
    opener: Opener, registry: FakeRegistry, image: Image
) -> None:
    registry.add("library/ubuntu", "24.04", [image])
    opener.registries["docker.io"] = RegistrySettings(mirrors=(registry.host,))

    base = opener.open("ubuntu:24.04")

    assert (base.digest, base.name) == (image.digest, "docker.io/library/ubuntu:24.04")


def test_a_layout_is_a_mirror(opener: Opener, image: Image, arm_image: Image) -> None:
    layout = ImageLayout.create(opener.folder / "world" / "library" / "ubuntu")
    layout.add([image, arm_image], name="24.04")
    opener.registries["docker.io"] = RegistrySettings(mirrors=("oci:world",))

    base = opener.open("ubuntu:24.04", platform=ARM64)

    assert (base.digest, base.name) == (arm_image.digest, "docker.io/library/ubuntu:24.04")


def test_a_layout_as_a_mirror_knows_digests(opener: Opener, image: Image, arm_image: Image) -> None:
    layout = ImageLayout.create(opener.folder / "world" / "library" / "ubuntu")
    index = layout.add([image, arm_image], name="24.04")
    opener.registries["docker.io"] = RegistrySettings(mirrors=("oci:world",))

    of_index = opener.open(f"ubuntu:24.04@{index.digest}", platform=ARM64)
    of_manifest = opener.open(f"ubuntu:24.04@{arm_image.digest}", platform=ARM64)

    assert (of_index.digest, of_manifest.digest) == (arm_image.digest, arm_image.digest)


def test_a_mirror_without_the_image_is_passed_over(
    opener: Opener, registry: FakeRegistry, image: Image
) -> None:
    registry.add("library/ubuntu", "24.04", [image])
    opener.registries["docker.io"] = RegistrySettings(mirrors=("oci:none", registry.host))

    assert opener.open("ubuntu:24.04").digest == image.digest


def test_when_nobody_has_it_everybody_is_named(
    opener: Opener, registry: FakeRegistry, image: Image
) -> None:
    registry.add("base", "1.0", [image])
    opener.registries[registry.host] = RegistrySettings(mirrors=("oci:none",))

    with pytest.raises(RegistryError) as caught:
        opener.open(f"{registry.host}/base:2.0")

    assert f"{opener.folder}/none/base" in caught.value.message
    assert "MANIFEST_UNKNOWN" in caught.value.message


def test_a_single_registry_that_has_it_not_is_named(opener: Opener, registry: FakeRegistry) -> None:
    with pytest.raises(RegistryError, match="no such image"):
        opener.open(f"{registry.host}/base:2.0")


def test_of_several_names_the_last_says_why_there_is_none(
    opener: Opener, registry: FakeRegistry
) -> None:
    names = [f"{registry.host}/base:1.{patch}" for patch in (1, 0)]
    opener.registries[registry.host] = RegistrySettings(mirrors=("oci:none",))

    with pytest.raises(ImageNotFoundError) as caught:
        open_first(
            names,
            platform=AMD64,
            settings=opener.settings,
            blobs=opener.blobs,
            reporter=SilentReporter(),
        )

    assert caught.value.message.startswith(f"there is no image {names[0]}, nor any down to")
    assert "/none/base: nothing is there" in caught.value.message
    assert "MANIFEST_UNKNOWN" in caught.value.message


def test_what_is_no_reference_is_refused(opener: Opener) -> None:
    with pytest.raises(SpecError):
        opener.open("Not A Reference")


def test_the_daemons_image_needs_docker(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ToolMissingError, match="docker"):
        opener.open("docker:ubuntu:24.04")


def docker_command(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a docker on PATH that is the shell script ``script``."""
    folder.mkdir()
    command = folder / "docker"
    command.write_text(f"#!/bin/sh\n{script}")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def docker_with(
    image: Image, folder: Path, monkeypatch: pytest.MonkeyPatch, *, then: str = ""
) -> None:
    """Let a docker have ``image``, which is saved in ``ubuntu.tar``; its saves are counted."""
    docker_command(
        folder / "bin",
        f"""case "$2" in
            inspect) echo {image.manifest.config.digest} ;;
            save) echo "$3" >> {folder}/saves; cat {folder}/ubuntu.tar; {then} ;;
        esac""",
        monkeypatch,
    )


def test_the_daemons_image_is_saved_once(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_save(tmp_path / "ubuntu.tar", image)
    docker_with(image, tmp_path, monkeypatch)

    bases = [opener.open("docker:ubuntu:24.04") for _ in range(2)]

    assert len({base.digest for base in bases}) == 1
    assert bases[0].image.config == image.config
    assert (tmp_path / "saves").read_text() == "ubuntu:24.04\n"
    assert list(tmp_path.rglob(".saved-*")) == []


def test_nobody_finds_the_daemons_image_by_its_name(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_save(tmp_path / "ubuntu.tar", image)
    docker_with(image, tmp_path, monkeypatch)

    # No registry has a manifest with this digest, whatever it has under the name.
    assert opener.open("docker:ubuntu:24.04").name is None


def test_the_daemons_layers_are_compressed(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_save(tmp_path / "ubuntu.tar", image)
    docker_with(image, tmp_path, monkeypatch)

    base = opener.open("docker:ubuntu:24.04")

    assert [layer.media_type for layer in base.image.manifest.layers] == [OCI_LAYER_GZIP]
    assert validate_image(base.image) == ()


def test_what_the_cache_has_lost_is_saved_again(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_save(tmp_path / "ubuntu.tar", image)
    docker_with(image, tmp_path, monkeypatch)
    before = opener.open("docker:ubuntu:24.04")
    opener.blobs.discard(before.image.manifest.layers[0].digest)

    after = opener.open("docker:ubuntu:24.04")

    assert after.digest == before.digest
    assert validate_image(after.image) == ()


def test_the_daemons_image_for_another_platform_is_named(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_save(tmp_path / "ubuntu.tar", image)
    docker_with(image, tmp_path, monkeypatch)

    with pytest.raises(ImageError, match=r"docker:ubuntu:24\.04: .* not for linux/arm64") as caught:
        opener.open("docker:ubuntu:24.04", platform=ARM64)

    assert "docker pull --platform linux/arm64 ubuntu:24.04" in str(caught.value.hint)


def test_a_save_that_breaks_off_leaves_nothing(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_save(tmp_path / "ubuntu.tar", image)
    docker_with(image, tmp_path, monkeypatch, then="exit 1")

    with pytest.raises(ToolFailedError, match="save"):
        opener.open("docker:ubuntu:24.04")

    assert list((tmp_path / "cache").rglob("*.*")) == []


def test_what_the_daemon_saved_is_compressed_too(
    opener: Opener, image: Image, tmp_path: Path
) -> None:
    docker_save(tmp_path / "saved.tar", image, tags=["example.org/team/base:1"])

    first, second = (opener.open(f"docker-archive:{tmp_path}/saved.tar") for _ in range(2))

    assert (first.name, first.digest) == (None, second.digest)
    assert first.image.config == image.config
    assert [layer.media_type for layer in first.image.manifest.layers] == [OCI_LAYER_GZIP]
    assert validate_image(first.image) == ()


def test_a_damaged_archive_of_the_daemons_is_named(
    opener: Opener, image: Image, tmp_path: Path
) -> None:
    path = docker_save(tmp_path / "saved.tar", image)
    path.write_bytes(path.read_bytes().replace(b"amd64", b"AMD64", 1))

    with pytest.raises(ImageError, match=r"saved\.tar is damaged") as caught:
        opener.open(f"docker-archive:{path}")

    assert caught.value.hint


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Error response from daemon: No such image: ubuntu:24.04", ImageError.exit_code),
        ("Cannot connect to the Docker daemon. Is it running?", ToolFailedError.exit_code),
    ],
)
def test_what_docker_says_decides_what_is_wrong(
    opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: int
) -> None:
    docker_command(tmp_path / "bin", f"echo '{said}' >&2; exit 1", monkeypatch)

    with pytest.raises(CondaboxError) as caught:
        opener.open("docker:ubuntu:24.04")

    assert caught.value.exit_code == code
