"""Blob directories and layouts: whole or not at all, whoever else writes."""

from __future__ import annotations

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import MemoryBlobs
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.mediatype import OCI_CONFIG, OCI_INDEX
from condabox.oci.names import FULL_NAME, REF_NAME
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import BlobSource, Image

HELLO = Descriptor(media_type=OCI_CONFIG, digest=Digest.of(b"hello"), size=5)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "blobs")


@pytest.fixture
def layout(tmp_path: Path) -> ImageLayout:
    return ImageLayout.create(tmp_path / "layout")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/hello": b"hello"})


@pytest.fixture
def arm_image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/hello": b"arm"}, platform=ARM64)


def files(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    }


def test_a_blob_is_named_by_its_digest(blobs: BlobDirectory) -> None:
    assert blobs.add(b"hello") == HELLO.digest
    assert files(blobs.path) == {f"sha256/{HELLO.digest.hex}"}


def test_a_blob_directory_is_a_source(blobs: BlobDirectory) -> None:
    source: BlobSource = blobs
    blobs.add(b"hello")

    with source.open(HELLO) as stream:
        assert stream.read() == b"hello"


def test_a_missing_blob_is_an_image_error(blobs: BlobDirectory) -> None:
    assert (blobs.size(HELLO.digest), blobs.has(HELLO)) == (None, False)
    with pytest.raises(ImageError, match=f"has no blob {HELLO.digest}"):
        blobs.open(HELLO)


def test_a_blob_of_another_size_is_not_there(blobs: BlobDirectory) -> None:
    blobs.add(b"hello")

    assert (blobs.has(HELLO), blobs.has(replace(HELLO, size=4))) == (True, False)


@pytest.mark.parametrize("data", [b"hellO", b"hell", b"hello!"], ids=["damaged", "short", "long"])
def test_what_was_not_expected_is_not_kept(blobs: BlobDirectory, data: bytes) -> None:
    def write() -> None:
        with blobs.writer(HELLO) as writer:
            writer.write(data)

    with pytest.raises(DigestMismatchError):
        write()
    assert files(blobs.path) == set()


def test_an_interrupted_blob_is_not_kept(blobs: BlobDirectory) -> None:
    def write() -> None:
        with blobs.writer() as writer:
            writer.write(b"hel")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert files(blobs.path) == set()


def test_a_blob_that_is_there_stays(blobs: BlobDirectory) -> None:
    path = blobs.path_of(blobs.add(b"hello"))
    before = path.stat()

    blobs.add(b"hello")

    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_blob_that_was_cut_off_is_replaced(blobs: BlobDirectory) -> None:
    path = blobs.path_of(blobs.add(b"hello"))
    path.write_bytes(b"hel")

    blobs.add(b"hello")

    assert path.read_bytes() == b"hello"


def test_blobs_can_be_read_by_everybody(blobs: BlobDirectory) -> None:
    assert blobs.path_of(blobs.add(b"hello")).stat().st_mode & 0o777 == 0o644


def test_copy_verifies_its_source(blobs: BlobDirectory) -> None:
    with pytest.raises(DigestMismatchError):
        blobs.copy(HELLO, source=MemoryBlobs({HELLO.digest: b"hellO"}))
    assert files(blobs.path) == set()


def test_copy_does_not_open_what_is_there(blobs: BlobDirectory) -> None:
    blobs.add(b"hello")

    blobs.copy(HELLO, source=MemoryBlobs({}))

    assert blobs.has(HELLO)


def test_a_directory_that_cannot_be_written_is_an_image_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ImageError) as caught:
        BlobDirectory(tmp_path / "file").add(b"hello")

    assert caught.value.message == f"cannot write {tmp_path}/file/sha256: Not a directory"


def test_a_full_disk_is_an_image_error(
    blobs: BlobDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullFile(io.FileIO):
        def write(self, _data: object, /) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("condabox.oci.layout.FileIO", FullFile)

    with pytest.raises(ImageError, match="No space left on device"):
        blobs.add(b"hello")
    assert files(blobs.path) == set()


def test_an_empty_layout_has_the_files_of_the_spec(layout: ImageLayout) -> None:
    assert json.loads((layout.path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((layout.path / "index.json").read_text()) == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [],
    }


def test_creating_a_layout_keeps_the_one_that_is_there(layout: ImageLayout, image: Image) -> None:
    layout.add([image], name="a")

    assert ImageLayout.create(layout.path).names() == ("a",)


def test_a_directory_that_is_no_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is not an OCI image layout: it has no oci-layout"):
        ImageLayout.open(tmp_path)


def test_an_image_is_resolved_as_it_was_added(layout: ImageLayout, image: Image) -> None:
    descriptor = layout.add([image], name="a")

    resolved = layout.resolve("a", platform=None)

    assert descriptor.digest == image.digest
    assert (resolved.manifest, resolved.config) == (image.manifest, image.config)
    assert files(layout.path) == {
        "oci-layout",
        "index.json",
        ".lock",
        f"blobs/sha256/{image.digest.hex}",
        f"blobs/sha256/{image.config.digest.hex}",
        f"blobs/sha256/{image.manifest.layers[0].digest.hex}",
    }


def test_the_index_names_image_and_platform(layout: ImageLayout, image: Image) -> None:
    layout.add([image], name="docker.io/library/ai:1.0")

    [entry] = layout.index().manifests
    assert entry == replace(
        image.descriptor,
        platform=AMD64,
        annotations={
            REF_NAME: "docker.io/library/ai:1.0",
            FULL_NAME: "docker.io/library/ai:1.0",
        },
    )


def test_several_platforms_are_one_index(
    layout: ImageLayout, image: Image, arm_image: Image
) -> None:
    descriptor = layout.add([image, arm_image], name="a")

    assert (layout.find("a").digest, descriptor.media_type) == (descriptor.digest, OCI_INDEX)
    assert layout.resolve("a", platform=AMD64).digest == image.digest
    assert layout.resolve("a", platform=ARM64).digest == arm_image.digest


def test_the_order_of_platforms_does_not_matter(
    tmp_path: Path, image: Image, arm_image: Image
) -> None:
    layouts = [ImageLayout.create(tmp_path / name) for name in ("x", "y")]

    descriptors = {
        layouts[0].add([image, arm_image], name="a"),
        layouts[1].add([arm_image, image], name="a"),
    }

    assert len(descriptors) == 1


def test_one_platform_twice_is_refused(layout: ImageLayout, image: Image) -> None:
    with pytest.raises(ImageError, match="one image for each platform"):
        layout.add([image, image], name="a")


def test_a_name_stands_for_what_was_added_last(
    layout: ImageLayout, image: Image, arm_image: Image
) -> None:
    layout.add([image], name="a")
    layout.add([arm_image], name="a")

    assert layout.names() == ("a",)
    assert layout.resolve("a", platform=None).digest == arm_image.digest


def test_names_stand_in_their_order(layout: ImageLayout, image: Image) -> None:
    layout.add([image], name="b")
    layout.add([image], name="a")

    assert layout.names() == ("a", "b")


def test_many_may_add_at_a_time(layout: ImageLayout, image: Image) -> None:
    names = [f"n{number:02}" for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: layout.add([image], name=name), names))

    assert layout.names() == tuple(names)


def test_an_image_for_another_platform_is_refused(layout: ImageLayout, image: Image) -> None:
    layout.add([image], name="a")

    with pytest.raises(ImageError, match="for linux/amd64, not for linux/arm64"):
        layout.resolve("a", platform=ARM64)


def test_a_damaged_manifest_is_found(layout: ImageLayout, image: Image) -> None:
    layout.add([image], name="a")
    path = layout.blobs.path_of(image.digest)
    path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaversion"))

    with pytest.raises(DigestMismatchError):
        layout.resolve("a", platform=None)


def test_a_broken_index_says_where_it_is(tmp_path: Path) -> None:
    layout = ImageLayout.create(tmp_path)
    (tmp_path / "index.json").write_text("{")

    with pytest.raises(ImageError, match=re.escape(f"{tmp_path}: index.json: ")):
        layout.index()
