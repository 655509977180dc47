"""Images as archives and layouts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.oci.archive import read_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.outputs.files import check_output, write_images
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

AI = Reference.parse("ai:1.0")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1"})


def test_a_name_with_tar_is_an_archive(image: Image, tmp_path: Path) -> None:
    write_images(tmp_path / "x.tar", [image], names=[AI])

    assert read_archive(tmp_path / "x.tar").names() == (str(AI),)


def test_any_other_name_is_a_layout(image: Image, tmp_path: Path) -> None:
    other = make_image(tmp_path / "made", {"a": b"2"}, platform=ARM64)

    write_images(tmp_path / "x", [image, other], names=[AI])

    layout = ImageLayout.open(tmp_path / "x")
    found = [layout.resolve("ai:1.0", platform=each).digest for each in (AMD64, ARM64)]
    assert found == [image.digest, other.digest]


def test_a_layout_keeps_its_other_images(image: Image, tmp_path: Path) -> None:
    write_images(tmp_path / "x", [image], names=[AI])
    write_images(tmp_path / "x", [image], names=[Reference.parse("ai:2.0")])

    names = ImageLayout.open(tmp_path / "x").names()

    assert names == ("docker.io/library/ai:1.0", "docker.io/library/ai:2.0")


def test_an_image_without_a_name_is_the_latest(image: Image, tmp_path: Path) -> None:
    write_images(tmp_path / "x", [image], names=[])

    assert ImageLayout.open(tmp_path / "x").names() == ("latest",)


def test_an_archive_does_not_replace_a_directory(image: Image, tmp_path: Path) -> None:
    (tmp_path / "x.tar").mkdir()

    with pytest.raises(ImageError, match="is a directory"):
        write_images(tmp_path / "x.tar", [image], names=[AI])


def test_an_archive_replaces_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.tar")

    with pytest.raises(ImageError) as caught:
        check_output(tmp_path / "x.tar")

    assert caught.value.message == f"cannot write {tmp_path}/x.tar: it is not a file"


def test_a_layout_does_not_replace_a_file(image: Image, tmp_path: Path) -> None:
    (tmp_path / "x").touch()

    with pytest.raises(ImageError, match="is a file") as caught:
        write_images(tmp_path / "x", [image], names=[AI])

    assert ".tar" in str(caught.value.hint)


def test_a_layout_does_not_replace_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")

    with pytest.raises(ImageError, match="is a file"):
        check_output(tmp_path / "x")
