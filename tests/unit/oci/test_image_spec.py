"""What image-spec says of descriptors, manifests and indexes.

Each class is a section of a document, each test a rule of it, for what is read or what is written.
The other documents are in the files beside this one.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest, VerifyingReader
from condabox.oci.image import MemoryBlobs, read_document
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.oci.mediatype import (
    OCI_CONFIG,
    OCI_MANIFEST,
)
from tests.fakes.imagedocuments import (
    ABSENT,
    config,
    descriptor,
    index,
    manifest,
    read,
)
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.imagedocuments import Written

HEX = "6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b"
DIGEST = re.compile("[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"


class TestDescriptorProperties:
    @pytest.mark.parametrize("key", ["mediaType", "digest", "size"])
    def test_media_type_digest_and_size_are_required(self, key: str) -> None:
        with pytest.raises(ImageError, match=f"config.{key}: is missing"):
            ImageManifest.parse(manifest(config=descriptor(**{key: ABSENT})))

    def test_every_descriptor_that_is_written_has_them(self, ours: Written) -> None:
        found = list(ours.descriptors())

        assert len(found) == 1 + 2 + 2 * 5
        assert all({"mediaType", "digest", "size"} <= set(each) for each in found)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "json", "application/", "/json", "a/b/c", "application/ json", "a/b\n", "é/x"),
            *("text/html; charset=utf-8", f"x/{'a' * 128}", ".a/b", "a/+b", 7, None),
        ],
    )
    def test_media_types_must_comply_with_rfc_6838(self, text: object) -> None:
        with pytest.raises(ImageError, match=r"config\.mediaType"):
            ImageManifest.parse(manifest(config=descriptor(mediaType=text)))

    @pytest.mark.parametrize("text", ["x/y", f"x/{'a' * 127}", "application/vnd.a-b_c^d+e.f!#$&"])
    def test_every_name_that_rfc_6838_has_is_taken(self, text: str) -> None:
        found = ImageManifest.parse(manifest(config=descriptor(mediaType=text)))

        assert found.config.media_type == text

    @pytest.mark.parametrize("size", [-1, 2**63, 1.5, "2", True, None])
    def test_the_size_is_an_int64_and_must_not_be_negative(self, size: object) -> None:
        with pytest.raises(ImageError, match=r"config\.size"):
            ImageManifest.parse(manifest(config=descriptor(size=size)))

    @pytest.mark.parametrize("size", [3, 5])
    def test_content_of_another_length_should_not_be_trusted(self, size: int) -> None:
        blob = Descriptor(media_type=OCI_CONFIG, digest=Digest.of(b"{  }"), size=size)

        with pytest.raises(DigestMismatchError):
            read_document(MemoryBlobs({blob.digest: b"{  }"}), blob)

    @pytest.mark.parametrize("urls", ["https://a/b", [1], ["no scheme"], ["http://a b"], ["/a"]])
    def test_each_url_must_conform_to_rfc_3986(self, urls: object) -> None:
        with pytest.raises(ImageError, match=r"config\.urls"):
            ImageManifest.parse(manifest(config=descriptor(urls=urls)))

    def test_urls_go_with_the_layer_that_they_are_of(self, tmp_path: Path) -> None:
        base = make_image(tmp_path, {"a": b"a"})
        [found] = base.manifest.layers
        layer = replace(found, urls=("https://example.com/a?b=%20#c",))
        base = replace(base, manifest=replace(base.manifest, layers=(layer,)))

        made = make_image(tmp_path, {"b": b"b"}, base=base)

        assert json.loads(made.manifest.raw)["layers"][0]["urls"] == list(layer.urls)

    def test_embedded_data_takes_the_place_of_no_content(self) -> None:
        """It may be a lie, and then nothing comes of it."""
        raw = manifest(config=descriptor(config(), data="e30="), layers=[descriptor()])

        assert read(raw, config()).config.raw == config()

    @pytest.mark.parametrize(
        ("artifact_type", "is_image"),
        [(ABSENT, True), (OCI_CONFIG, True), ("application/vnd.example.sbom.v1", False)],
    )
    def test_the_artifact_type_tells_what_an_image_manifest_is(
        self, artifact_type: object, *, is_image: bool
    ) -> None:
        entry = descriptor(mediaType=OCI_MANIFEST, artifactType=artifact_type)

        assert bool(ImageIndex.parse(index(entry)).images) == is_image

    def test_descriptors_of_manifests_should_include_the_platform(self, ours: Written) -> None:
        found = [each for each in ours.descriptors() if each["mediaType"] == OCI_MANIFEST]

        assert [each["platform"] for each in found] == [
            {"os": "linux", "architecture": "arm64"},
            {"os": "linux", "architecture": "amd64"},
        ]


class TestDigests:
    def test_a_digest_must_match_the_grammar(self, ours: Written) -> None:
        for found in ours.descriptors():
            assert DIGEST.fullmatch(str(found["digest"]))

    def test_the_content_is_what_the_digest_says(self, ours: Written) -> None:
        for found in ours.descriptors():
            data = ours.blob(found)
            assert (str(Digest.of(data)), len(data)) == (found["digest"], found["size"])

    @pytest.mark.parametrize(
        "text",
        [f"sha256:{HEX.upper()}", f"sha256:{HEX[1:]}", f"sha256:{HEX}0", "sha256:", HEX, "", ":"],
    )
    def test_of_sha256_there_must_be_64_lower_case_hex_digits(self, text: str) -> None:
        with pytest.raises(ImageError, match=r"config\.digest: .* is not a digest"):
            ImageManifest.parse(manifest(config=descriptor(digest=text)))

    @pytest.mark.parametrize(
        "text",
        [
            f"sha512:{HEX}{HEX}",
            f"blake3:{HEX}",
            "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
            "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
        ],
    )
    def test_algorithms_that_need_not_be_implemented_are_named(self, text: str) -> None:
        """Nothing that cannot be verified is taken: the specification would rather let it pass."""
        with pytest.raises(ImageError, match=f"{re.escape(text[:20])}.*expected sha256"):
            ImageManifest.parse(manifest(config=descriptor(digest=text)))

    def test_the_size_should_be_verified_before_the_digest(self) -> None:
        class Endless(io.RawIOBase):
            read_so_far = 0

            def read(self, size: int = -1, /) -> bytes:
                self.read_so_far += size
                return bytes(size)

        source = Endless()
        reader = VerifyingReader(source, digest=Digest.of(b""), size=10)  # type: ignore[arg-type]

        with pytest.raises(DigestMismatchError, match="more than 10"):
            reader.read(4096)
        assert source.read_so_far == 4096


class TestEmbeddedContent:
    def test_no_data_is_put_into_descriptors(self, ours: Written) -> None:
        assert not any("data" in each for each in ours.descriptors())
