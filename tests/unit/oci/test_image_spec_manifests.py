"""What image-spec manifest.md and image-index.md say: each class is a section, each test a rule."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, BinaryIO

import pytest

from condabox.errors import ImageError
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.oci.contents import layer_entries
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import BlobSource, MemoryBlobs, new_image, read_image
from condabox.oci.layout import ImageLayout
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.oci.mediatype import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
)
from tests.fakes.imagedocuments import (
    ABSENT,
    config,
    descriptor,
    docker_base,
    index,
    manifest,
    read,
)
from tests.fakes.images import AMD64, EPOCH, make_layer
from tests.fakes.tars import layer as tar_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.imagedocuments import Written

HEX = "6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b"
DIGEST = re.compile("[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"


class TestImageManifest:
    @pytest.mark.parametrize("version", [ABSENT, None, 1, 3, "2", [2]])
    def test_the_schema_version_must_be_2(self, version: object) -> None:
        with pytest.raises(ImageError, match="schema"):
            ImageManifest.parse(manifest(schemaVersion=version))

    @pytest.mark.parametrize("media_type", [OCI_INDEX, OCI_CONFIG, "", "text/html", 1, [], {}])
    def test_the_media_type_must_be_that_of_a_manifest(self, media_type: object) -> None:
        with pytest.raises(ImageError, match="cannot read a manifest of type"):
            ImageManifest.parse(manifest(mediaType=media_type))

    def test_the_media_type_should_be_used(self, ours: Written) -> None:
        manifests = ours.of_type(OCI_MANIFEST)

        assert {(each["mediaType"], each["schemaVersion"]) for each in manifests} == {
            (OCI_MANIFEST, 2)
        }

    def test_an_artifact_type_that_is_unknown_must_not_be_an_error(self) -> None:
        raw = manifest(config=descriptor(config()), layers=[descriptor()], artifactType="a/b")

        assert read(raw, config()).manifest.raw == raw

    @pytest.mark.parametrize("value", [ABSENT, None, [], "", str(Digest.of(b""))])
    def test_the_config_is_required(self, value: object) -> None:
        with pytest.raises(ImageError, match="config: expected a mapping"):
            ImageManifest.parse(manifest(config=value))

    @pytest.mark.parametrize("media_type", [EMPTY, "application/vnd.example.config.v1+json"])
    def test_content_of_an_unknown_type_must_not_be_parsed(self, media_type: str) -> None:
        class Watched(BlobSource):
            opened: list[str]

            def open(self, descriptor: Descriptor) -> BinaryIO:
                self.opened.append(descriptor.media_type)
                return MemoryBlobs({Digest.of(raw): raw}).open(descriptor)

        raw = manifest(config=descriptor(mediaType=media_type))
        found = Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(raw), size=len(raw))
        blobs = Watched()
        blobs.opened = []

        with pytest.raises(ImageError, match="which is not an image"):
            read_image(blobs, found, platform=None)
        assert blobs.opened == [OCI_MANIFEST]

    @pytest.mark.parametrize("layers", [ABSENT, None, {}, "", [1], [[]], [{}], [None]])
    def test_each_layer_must_be_a_descriptor(self, layers: object) -> None:
        with pytest.raises(ImageError, match="layers"):
            ImageManifest.parse(manifest(layers=layers))

    @pytest.mark.parametrize("restricted", [False, True], ids=["", "nondistributable"])
    @pytest.mark.parametrize("suffix", ["", "+gzip", "+zstd"])
    def test_layers_of_these_types_must_be_supported(
        self, tmp_path: Path, suffix: str, *, restricted: bool
    ) -> None:
        made = {
            "": lambda: tar_of("a").getvalue(),
            "+gzip": lambda: blob_of(tmp_path, OCI_LAYER_GZIP),
            "+zstd": lambda: blob_of(tmp_path, OCI_LAYER_ZSTD),
        }
        data = made[suffix]()
        media_type = (NONDISTRIBUTABLE if restricted else OCI_LAYER) + suffix
        found = Descriptor(media_type=media_type, digest=Digest.of(data), size=len(data))

        [entry] = layer_entries(MemoryBlobs({found.digest: data}), found)

        assert entry.path == "a"

    def test_copying_must_not_fail_on_a_layer_of_an_unknown_type(self, tmp_path: Path) -> None:
        layer = descriptor(b"whatever", mediaType="application/vnd.example.layer")
        raw = manifest(config=descriptor(config()), layers=[layer])
        layout = ImageLayout.create(tmp_path / "layout")

        layout.add([read(raw, config(), b"whatever")], name="a")

        assert layout.resolve("a", platform=None).manifest.raw == raw

    def test_the_base_must_be_at_index_0_and_others_follow_in_stack_order(
        self, tmp_path: Path
    ) -> None:
        base = docker_base(tmp_path)
        layers = [make_layer(tmp_path, {name: b""}) for name in ("z", "a")]

        made = new_image(
            base=base,
            layers=[(each, "") for each in layers],
            blobs=base.blobs,
            config=ContainerConfig(),
            platform=AMD64,
            epoch=EPOCH,
            annotations={},
        )

        found = json.loads(made.manifest.raw)["layers"]
        want = [*base.manifest.layers, *(each.descriptor for each in layers)]
        assert [each["digest"] for each in found] == [str(each.digest) for each in want]

    def test_a_subject_makes_an_image_no_other(self) -> None:
        raw = manifest(config=descriptor(config()), layers=[descriptor()], subject=descriptor())

        assert read(raw, config()).platform == AMD64


def blob_of(folder: Path, media_type: str) -> bytes:
    """Return a layer with the file ``a``, compressed as ``media_type`` says."""
    compression = next(each for each in Compression if each.media_type == media_type)
    layer = make_layer(folder, {"a": b"a"}, compression=compression)
    return (folder / "blobs" / "sha256" / layer.descriptor.digest.hex).read_bytes()


class TestImageIndex:
    @pytest.mark.parametrize("version", [ABSENT, None, 1, "2"])
    def test_the_schema_version_must_be_2(self, version: object) -> None:
        with pytest.raises(ImageError, match="schema"):
            ImageIndex.parse(index(schemaVersion=version))

    @pytest.mark.parametrize("media_type", [OCI_MANIFEST, "", 1, []])
    def test_the_media_type_must_be_that_of_an_index(self, media_type: object) -> None:
        with pytest.raises(ImageError, match="of type"):
            ImageIndex.parse(index(mediaType=media_type))

    def test_what_is_written_says_both(self, ours: Written) -> None:
        assert [(each["schemaVersion"], each["mediaType"]) for each in ours.of_type(OCI_INDEX)] == [
            (2, OCI_INDEX)
        ]

    @pytest.mark.parametrize("manifests", [ABSENT, None, {}, [1], [{}]])
    def test_manifests_are_required(self, manifests: object) -> None:
        with pytest.raises(ImageError, match="manifests"):
            _ = ImageIndex.parse(index(manifests=manifests)).manifests

    def test_there_may_be_none(self) -> None:
        assert ImageIndex.parse(index()).manifests == ()

    def test_an_unknown_media_type_must_not_be_an_error(self) -> None:
        image = descriptor(
            mediaType=OCI_MANIFEST, platform={"os": "linux", "architecture": "s390x"}
        )
        other = descriptor(b"<xml>", mediaType="application/xml")

        assert ImageIndex.parse(index(other, image)).select(None).media_type == OCI_MANIFEST

    @pytest.mark.parametrize("key", ["os", "architecture"])
    @pytest.mark.parametrize("value", [ABSENT, None, 1])
    def test_a_platform_has_os_and_architecture(self, key: str, value: object) -> None:
        platform = {"os": "linux", "architecture": "amd64", key: value}
        platform = {name: each for name, each in platform.items() if each is not ABSENT}

        with pytest.raises(ImageError, match=rf"manifests\[0\].platform.{key}"):
            _ = ImageIndex.parse(index(descriptor(platform=platform))).manifests

    def test_other_properties_of_a_platform_are_optional(self) -> None:
        platform = {
            "os": "linux",
            "architecture": "amd64",
            "variant": None,
            "features": ["sse4"],
            "os.version": "10.0.14393.1066",
            "os.features": ["win32k"],
        }

        found = ImageIndex.parse(index(descriptor(mediaType=OCI_MANIFEST, platform=platform)))

        assert found.select(AMD64) == found.manifests[0]

    def test_of_several_that_match_the_first_should_be_used(self) -> None:
        platform = {"os": "linux", "architecture": "amd64"}
        entries = [
            descriptor(data, mediaType=OCI_MANIFEST, platform=platform) for data in (b"1", b"2")
        ]

        assert ImageIndex.parse(index(*entries)).select(AMD64).digest == Digest.of(b"1")

    def test_a_nested_index_should_be_supported(self) -> None:
        raw = manifest(config=descriptor(config()), layers=[descriptor()])
        inner = index(descriptor(raw, mediaType=OCI_MANIFEST))
        outer = index(descriptor(inner, mediaType=OCI_INDEX))
        blobs = MemoryBlobs({Digest.of(each): each for each in (config(), raw, inner, outer)})
        found = Descriptor(media_type=OCI_INDEX, digest=Digest.of(outer), size=len(outer))

        assert read_image(blobs, found, platform=AMD64).manifest.raw == raw
