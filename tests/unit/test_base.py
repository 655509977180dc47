"""Bases, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.base import open_base, path_and_name
from condabox.errors import (
    CondaboxError,
    ImageError,
    RegistryError,
    SpecError,
    ToolFailedError,
    ToolMissingError,
)
from condabox.events import SilentReporter
from condabox.oci.archive import write_archive
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.registry.credentials import Anonymous
from condabox.settings import RegistrySettings, Settings
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

    def open(self, text: str, *, platform: Platform = AMD64) -> Base:
        return open_base(
            text,
            platform=platform,
            settings=Settings(
                path=self.folder / "condabox.toml",
                cache_dir=self.folder / "cache",
                registries=self.registries,
            ),
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


def test_the_daemons_image_is_saved_once(
    opener: Opener, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(tmp_path / "ubuntu.tar", [image], names=[])
    docker_command(
        tmp_path / "bin",
        f"""case "$2" in
            inspect) echo {image.manifest.config.digest} ;;
            save) echo "$3" >> {tmp_path}/saves; cat {tmp_path}/ubuntu.tar ;;
        esac""",
        monkeypatch,
    )

    bases = [opener.open("docker:ubuntu:24.04") for _ in range(2)]

    assert {base.digest for base in bases} == {image.digest}
    assert bases[0].name == "docker.io/library/ubuntu:24.04"
    assert (tmp_path / "saves").read_text() == "ubuntu:24.04\n"


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
