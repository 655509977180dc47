"""The local store: images under names, and what else the user may call an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.oci.archive import write_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.outputs.store import LocalStore, StoredImage, open_path
from condabox.platforms import Platform
from tests.fakes.images import AMD64, ARM64, make_image, named

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

AI = Reference.parse("ai:1.0")
TEAM = Reference.parse("registry.example/team/ai:latest")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1"}, {"b": b"2"})


@pytest.fixture
def arm_image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"3"}, platform=ARM64)


def listed(image: Image, name: str) -> StoredImage:
    return StoredImage(
        name=name,
        digest=image.digest,
        platform=image.platform,
        size=sum(layer.size for layer in image.manifest.layers),
        created="2023-11-14T22:13:20Z",
    )


def test_a_store_that_was_never_used_is_empty(store: LocalStore, tmp_path: Path) -> None:
    assert store.list() == ()
    assert store.get(AI) is None
    assert not (tmp_path / "cache").exists()


def test_an_image_is_kept_whole(store: LocalStore, image: Image) -> None:
    store.save([image], names=[AI])

    found = store.get(AI)

    assert found is not None
    assert found.names == (AI,)
    assert [each.digest for each in found.images] == [image.digest]
    assert validate_image(found.images[0]) == ()


def test_every_name_and_every_platform_is_listed(
    store: LocalStore, image: Image, arm_image: Image
) -> None:
    store.save([image, arm_image], names=[TEAM, AI])

    assert store.list() == (
        listed(image, "ai:1.0"),
        listed(arm_image, "ai:1.0"),
        listed(image, "registry.example/team/ai:latest"),
        listed(arm_image, "registry.example/team/ai:latest"),
    )


def test_a_name_means_the_newest_image(store: LocalStore, image: Image, arm_image: Image) -> None:
    store.save([image], names=[AI])
    store.save([arm_image], names=[AI])

    assert store.list() == (listed(arm_image, "ai:1.0"),)


def test_blobs_of_builds_are_those_of_the_store(store: LocalStore, tmp_path: Path) -> None:
    built = make_image(tmp_path / "cache" / "store", {"a": b"1"})

    assert store.blobs.has(built.manifest.layers[0])


def test_a_platform_is_selected(image: Image, arm_image: Image) -> None:
    found = named(image, arm_image)

    chosen = found.select(Platform(os="linux", architecture="arm64", variant="v8"))

    assert chosen.digest == arm_image.digest


def test_a_platform_that_is_missing_is_explained(image: Image, arm_image: Image) -> None:
    found = named(image, arm_image)

    with pytest.raises(ImageError, match="not for linux/s390x") as caught:
        found.select(Platform(os="linux", architecture="s390x"))

    assert "linux/amd64, linux/arm64" in str(caught.value.hint)


@pytest.mark.parametrize("prefix", ["", "oci:"])
def test_a_layout_is_opened_by_its_path(
    image: Image, arm_image: Image, tmp_path: Path, prefix: str
) -> None:
    ImageLayout.create(tmp_path / "out").add([image, arm_image], name=str(TEAM))

    found = open_path(f"{prefix}{tmp_path}/out")

    assert found is not None
    assert found.names == (TEAM,)
    assert [each.platform for each in found.images] == [AMD64, ARM64]


def test_one_image_of_a_layout_is_opened_by_its_name(
    image: Image, arm_image: Image, tmp_path: Path
) -> None:
    layout = ImageLayout.create(tmp_path / "out")
    layout.add([image], name="one")
    layout.add([arm_image], name="two")

    found = open_path(f"oci:{tmp_path}/out:two")

    assert found is not None
    assert [each.digest for each in found.images] == [arm_image.digest]


def test_a_tag_of_a_layout_is_no_name_elsewhere(image: Image, tmp_path: Path) -> None:
    ImageLayout.create(tmp_path / "out").add([image], name="24.04")

    found = open_path(str(tmp_path / "out"))

    assert found is not None
    assert found.names == ()


@pytest.mark.parametrize("prefix", ["", "oci-archive:", "docker-archive:"])
def test_an_archive_is_opened_by_its_path(image: Image, tmp_path: Path, prefix: str) -> None:
    write_archive(tmp_path / "x.tar", [image], names=[TEAM, AI])

    found = open_path(f"{prefix}{tmp_path}/x.tar")

    assert found is not None
    assert set(found.names) == {AI, TEAM}
    assert [each.digest for each in found.images] == [image.digest]


def test_what_is_no_path_is_left_to_others(tmp_path: Path) -> None:
    assert open_path(str(tmp_path / "ai")) is None


def test_a_directory_that_is_no_layout_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not an OCI image layout"):
        open_path(str(tmp_path))
