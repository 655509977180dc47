"""What image-spec image-layout.md says, of directories and of archives of them."""

from __future__ import annotations

import json
import re
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci.archive import read_archive, write_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.mediatype import OCI_MANIFEST
from condabox.oci.names import REF_NAME
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from tests.fakes.imagedocuments import ABSENT, Written, descriptor, index, manifest, written
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from condabox.oci.archive import ImageArchive
    from condabox.oci.image import Image

    Open = Callable[[Written], ImageLayout | ImageArchive]

NAME = "registry.example/team/ai:1.0"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path, {"a": b"a"}, {"b": b"b"})


@pytest.fixture
def layout(tmp_path: Path, image: Image) -> Written:
    return written(tmp_path / "layout", image)


@pytest.fixture(params=["directory", "archive"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Return what opens a layout where it is, or when it was put into a tar."""

    def archived(layout: Written) -> ImageArchive:
        with tarfile.open(tmp_path / "layout.tar", "w") as tar:
            tar.add(layout.path, arcname=".")
        return read_archive(tmp_path / "layout.tar")

    return archived if request.param == "archive" else lambda layout: ImageLayout.open(layout.path)


def header(layout: Written, **changes: object) -> None:
    """Write another ``oci-layout``."""
    document = {"imageLayoutVersion": "1.0.0"} | changes
    document = {key: value for key, value in document.items() if value is not ABSENT}
    (layout.path / "oci-layout").write_text(json.dumps(document))


class TestContent:
    def test_every_part_must_be_there_even_of_an_empty_layout(self, tmp_path: Path) -> None:
        layout = ImageLayout.create(tmp_path / "layout")

        assert (layout.path / "blobs").is_dir()
        assert Written(layout.path).entries == []
        assert (layout.path / "oci-layout").is_file()

    def test_an_archive_that_is_written_has_them_too(self, image: Image, tmp_path: Path) -> None:
        path = tmp_path / "image.tar"
        write_archive(path, [image], names=[Reference.parse(NAME)])

        with tarfile.open(path) as tar:
            tar.extractall(tmp_path / "unpacked", filter="data")

        layout = Written(tmp_path / "unpacked")
        assert layout.entries[0]["digest"] == str(image.digest)
        assert all(layout.blob(each) for each in layout.descriptors())
        assert validate_image(ImageLayout.open(layout.path).resolve(NAME, platform=None)) == ()

    @pytest.mark.parametrize("name", ["oci-layout", "index.json"])
    def test_without_its_files_it_is_no_layout(
        self, layout: Written, opened: Open, name: str
    ) -> None:
        (layout.path / name).unlink()

        with pytest.raises(ImageError, match=r"no image: neither|not an OCI image layout"):
            opened(layout).resolve(NAME, platform=None)

    def test_unknown_files_should_not_be_an_error(self, layout: Written, opened: Open) -> None:
        (layout.path / "manifest.json").write_text("no JSON")
        (layout.path / "blobs" / "sha512").mkdir()
        (layout.path / "blobs" / "sha512" / "x").touch()
        (layout.path / "blobs" / "sha256" / "README").touch()

        assert validate_image(opened(layout).resolve(NAME, platform=None)) == ()


class TestBlobs:
    def test_they_are_named_by_algorithm_and_encoded_hash(self, layout: Written) -> None:
        names = [each.relative_to(layout.path / "blobs") for each in _files(layout.path / "blobs")]

        assert names
        assert all(re.fullmatch("sha256/[a-f0-9]{64}", str(each)) for each in names)

    def test_the_content_must_match_the_digest(self, layout: Written, opened: Open) -> None:
        for path in _files(layout.path / "blobs"):
            before = path.read_bytes()
            path.write_bytes(before[:-1] + b"!")
            with pytest.raises(DigestMismatchError):
                _validate(opened(layout))
            path.write_bytes(before)
        _validate(opened(layout))

    def test_those_that_nothing_refers_to_may_be_there(self, layout: Written, opened: Open) -> None:
        (layout.path / "blobs" / "sha256" / ("0" * 64)).write_text("whatever")

        _validate(opened(layout))

    def test_those_that_are_referred_to_may_be_missing(self, layout: Written, opened: Open) -> None:
        """Somebody else may have them: what needs none of them works."""
        for each in layout.descriptors():
            if str(each["mediaType"]).endswith("gzip"):
                (layout.path / "blobs" / str(each["digest"]).replace(":", "/")).unlink()

        found = opened(layout).resolve(NAME, platform=None)

        assert [each.split(" ")[-1] for each in validate_image(found)] == [
            str(layer.digest) for layer in found.manifest.layers
        ]


class TestLayoutFile:
    @pytest.mark.parametrize("version", [ABSENT, None, "", "2.0.0", 1, "1", "x1.0.0"])
    def test_it_must_contain_a_version_that_is_known(
        self, layout: Written, opened: Open, version: object
    ) -> None:
        header(layout, imageLayoutVersion=version)

        with pytest.raises(ImageError, match="of version"):
            opened(layout)

    @pytest.mark.parametrize("text", ["", "[]", '"1.0.0"', "{", '{"imageLayoutVersion":"1.0.0"}x'])
    def test_it_must_be_a_json_object(self, layout: Written, opened: Open, text: str) -> None:
        (layout.path / "oci-layout").write_text(text)

        with pytest.raises(ImageError, match="oci-layout is not a JSON mapping"):
            opened(layout)

    def test_it_may_include_additional_fields(self, layout: Written, opened: Open) -> None:
        header(layout, more={"a": 1})

        assert opened(layout).names() == (NAME,)

    def test_what_is_written_says_1_0_0(self, layout: Written) -> None:
        assert json.loads((layout.path / "oci-layout").read_bytes()) == {
            "imageLayoutVersion": "1.0.0"
        }


class TestIndexFile:
    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", manifest(), index(manifests=None)])
    def test_it_must_be_an_image_index(self, layout: Written, opened: Open, raw: bytes) -> None:
        (layout.path / "index.json").write_bytes(raw)

        with pytest.raises(ImageError):
            opened(layout).names()

    def test_an_unknown_media_type_must_not_be_an_error(
        self, layout: Written, opened: Open
    ) -> None:
        other = descriptor(b"<xml>", mediaType="application/xml", annotations={"a.b": "c"})
        (layout.path / "index.json").write_bytes(index(other, *layout.entries))

        assert opened(layout).names() == (NAME,)

    def test_any_text_can_be_a_name(self, image: Image, tmp_path: Path) -> None:
        """No semantic restriction is given for it."""
        layout = ImageLayout.create(tmp_path / "named")
        for name in ("v1.0.0-vendor.0", "no reference: at all", "ü"):
            layout.add([image], name=name)

            assert layout.resolve(name, platform=None).digest == image.digest

    def test_names_are_annotations_of_its_entries(self, layout: Written) -> None:
        [entry] = layout.entries

        annotations = entry["annotations"]
        assert isinstance(annotations, dict)
        assert (entry["mediaType"], annotations[REF_NAME]) == (OCI_MANIFEST, NAME)

    def test_others_keep_their_entries_and_fields(self, layout: Written, image: Image) -> None:
        other = descriptor(b"<xml>", mediaType="application/xml", data="PHhtbD4=", more=[1])
        raw = index(other, annotations={"com.example.revision": "r1"}, more={"a": 1})
        (layout.path / "index.json").write_bytes(raw)

        ImageLayout(layout.path).add([image], name="a")

        document = json.loads((layout.path / "index.json").read_bytes())
        assert other in document["manifests"]
        assert {key: document[key] for key in ("annotations", "more")} == {
            "annotations": {"com.example.revision": "r1"},
            "more": {"a": 1},
        }


def _validate(found: ImageLayout | ImageArchive) -> None:
    """Read every byte of the image; raise what goes wrong with the first that is damaged."""
    image = found.resolve(NAME, platform=None)
    problems = validate_image(image)
    if problems:
        raise DigestMismatchError(problems[0])


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]
