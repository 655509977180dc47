"""Reading images, and putting layers on them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci.config import ContainerConfig, Healthcheck, History
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json
from condabox.oci.image import (
    MemoryBlobs,
    blob_chunks,
    index_of,
    new_image,
    read_document,
    read_image,
    rfc3339,
)
from condabox.oci.layout import BlobDirectory
from condabox.oci.manifest import ImageIndex
from condabox.oci.mediatype import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from condabox.oci.validate import validate_image
from tests.fakes.images import AMD64, ARM64, EPOCH, make_image, make_layer

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import BlobSource, Image

CREATED = "2023-11-14T22:13:20Z"


def docker_image(
    *, layer_types: tuple[str, ...] = (DOCKER_LAYER, DOCKER_LAYER_GZIP), **config: object
) -> Image:
    """Make an image as a registry keeps one of Docker's schema 2; it has no layer blobs."""
    layers = [f"layer {number}".encode() for number in range(len(layer_types))]
    raw_config = canonical_json(
        {
            "os": "linux",
            "architecture": "amd64",
            "created": "2020-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(each)) for each in layers]},
            "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["bash"]},
            "docker_version": "20.10",
            **config,
        }
    )
    raw_manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {
                "mediaType": DOCKER_CONFIG,
                "digest": str(Digest.of(raw_config)),
                "size": len(raw_config),
            },
            "layers": [
                {"mediaType": kind, "digest": str(Digest.of(each)), "size": len(each)}
                for kind, each in zip(layer_types, layers, strict=True)
            ],
        }
    )
    blobs = MemoryBlobs({Digest.of(each): each for each in (raw_config, raw_manifest, *layers)})
    descriptor = Descriptor(
        media_type=DOCKER_MANIFEST, digest=Digest.of(raw_manifest), size=len(raw_manifest)
    )
    return read_image(blobs, descriptor, platform=None)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path, {"bin/hello": b"hello"})


def put_on(base: Image | None, tmp_path: Path) -> Image:
    return make_image(tmp_path, {"opt/env/a": b"a"}, {"opt/env/b": b"b"}, base=base)


def test_an_image_without_base_holds_its_layers(tmp_path: Path) -> None:
    layers = [make_layer(tmp_path, {"a": b"a"}), make_layer(tmp_path, {"b": b"b"})]
    config = ContainerConfig(env={"A": "b"}, cmd=("/a",), healthcheck=Healthcheck(test=("NONE",)))

    image = new_image(
        base=None,
        layers=[(layers[0], "made a"), (layers[1], "made b")],
        blobs=BlobDirectory(tmp_path / "blobs"),
        config=config,
        platform=ARM64,
        epoch=EPOCH,
        annotations={"org.opencontainers.image.title": "ai"},
    )

    assert image.manifest.layers == tuple(layer.descriptor for layer in layers)
    assert image.manifest.annotations == {"org.opencontainers.image.title": "ai"}
    assert image.config.diff_ids == tuple(layer.diff_id for layer in layers)
    assert (image.config.config, image.platform, image.config.created) == (config, ARM64, CREATED)
    assert image.config.history == (
        History(created=CREATED, created_by="made a"),
        History(created=CREATED, created_by="made b"),
    )
    assert validate_image(image) == ()


def test_the_same_inputs_give_the_same_image(tmp_path: Path) -> None:
    assert put_on(None, tmp_path / "x").digest == put_on(None, tmp_path / "y").digest


def test_the_image_that_is_made_reads_back(image: Image) -> None:
    again = read_image(image.blobs, image.descriptor, platform=AMD64)

    assert (again.manifest, again.config) == (image.manifest, image.config)


def test_layers_go_on_top_of_the_base(image: Image, tmp_path: Path) -> None:
    top = put_on(image, tmp_path / "top")

    assert top.manifest.layers[0] == image.manifest.layers[0]
    assert len(top.manifest.layers) == len(top.config.diff_ids) == len(top.config.history) == 3
    assert validate_image(top) == ()


def test_images_can_be_put_on_images_that_are_nowhere_stored(tmp_path: Path) -> None:
    image = put_on(put_on(put_on(None, tmp_path / "x"), tmp_path / "y"), tmp_path / "z")

    assert validate_image(image) == ()


def test_on_a_base_of_docker_stands_a_pure_oci_image(tmp_path: Path) -> None:
    base = docker_image(history=[{"created_by": "ADD"}, {"created_by": "RUN"}])

    image = put_on(base, tmp_path)

    document = json.loads(image.manifest.raw)
    assert document["mediaType"] == OCI_MANIFEST
    assert document["config"]["mediaType"] == OCI_CONFIG
    assert [layer["mediaType"] for layer in document["layers"]] == [
        OCI_LAYER,
        OCI_LAYER_GZIP,
        OCI_LAYER_GZIP,
        OCI_LAYER_GZIP,
    ]
    assert [layer.digest for layer in image.manifest.layers[:2]] == [
        layer.digest for layer in base.manifest.layers
    ]
    assert b"docker" not in image.manifest.raw + image.config.raw


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([], id="none"),
        pytest.param([{"created_by": "ADD"}], id="too little"),
        pytest.param([{"created_by": "ADD"}] * 3, id="too much"),
    ],
)
def test_a_base_whose_history_is_no_use_gets_one(
    tmp_path: Path, history: list[dict[str, str]]
) -> None:
    image = put_on(docker_image(history=history), tmp_path)

    assert image.config.history[:2] == (
        History(created="2020-01-01T00:00:00Z", created_by="base image"),
        History(created="2020-01-01T00:00:00Z", created_by="base image"),
    )
    assert len(image.config.history) == 4


def test_a_base_for_another_platform_is_refused(image: Image, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="for linux/amd64, not for linux/arm64"):
        make_image(tmp_path, {"a": b"a"}, base=image, platform=ARM64)


def test_the_image_has_the_platform_of_its_base(tmp_path: Path) -> None:
    arm_v8 = replace(ARM64, variant="v8")
    base = make_image(tmp_path, {"a": b"a"}, platform=arm_v8)

    assert make_image(tmp_path, {"b": b"b"}, base=base, platform=ARM64).platform == arm_v8


def test_a_base_with_unknown_layers_is_refused(tmp_path: Path) -> None:
    base = docker_image(layer_types=("application/vnd.docker.image.rootfs.foreign",))

    with pytest.raises(ImageError, match="a layer of type"):
        put_on(base, tmp_path)


@pytest.mark.parametrize(
    ("epoch", "text"),
    [(0, "1970-01-01T00:00:00Z"), (EPOCH, CREATED), (253402300799, "9999-12-31T23:59:59Z")],
)
def test_times_are_rfc_3339(epoch: int, text: str) -> None:
    assert rfc3339(epoch) == text


@pytest.mark.parametrize("epoch", [253402300800, 10**30])
def test_a_time_that_is_none_is_an_image_error(epoch: int) -> None:
    with pytest.raises(ImageError, match="is not a time"):
        rfc3339(epoch)


def test_an_index_is_followed_to_the_platform(tmp_path: Path) -> None:
    images = [make_image(tmp_path, {"a": b"a"}, platform=each) for each in (AMD64, ARM64)]
    index = index_of(images)
    blobs = _stored(tmp_path, images, index)

    assert read_image(blobs, index.descriptor, platform=ARM64).digest == images[1].digest


def test_an_index_that_is_nested_without_end_is_refused(tmp_path: Path, image: Image) -> None:
    indexes = [index_of([image])]
    for _ in range(5):
        indexes.append(ImageIndex.create([indexes[-1].descriptor]))
    blobs = _stored(tmp_path, [image], *indexes)

    with pytest.raises(ImageError, match="nested too deeply"):
        read_image(blobs, indexes[-1].descriptor, platform=AMD64)


def _stored(tmp_path: Path, images: list[Image], *indexes: ImageIndex) -> BlobSource:
    blobs = BlobDirectory(tmp_path / "blobs")
    for index in indexes:
        blobs.add(index.raw)
    for image in images:
        blobs.add(image.manifest.raw)
        blobs.add(image.config.raw)
    return blobs


def test_an_image_with_too_few_diff_ids_is_refused() -> None:
    with pytest.raises(ImageError, match="has 2 layers and 0 diff IDs"):
        docker_image(rootfs={"type": "layers", "diff_ids": []})


def test_a_blob_of_another_type_is_no_image(image: Image) -> None:
    with pytest.raises(ImageError, match="is not an image"):
        read_image(image.blobs, replace(image.descriptor, media_type="text/html"), platform=None)


@pytest.mark.parametrize("media_type", [OCI_INDEX, OCI_MANIFEST])
def test_a_document_without_end_is_not_read(media_type: str) -> None:
    descriptor = Descriptor(media_type=media_type, digest=Digest.of(b""), size=1 << 40)

    with pytest.raises(ImageError, match="too many for a document"):
        read_image(MemoryBlobs({}), descriptor, platform=None)


def test_documents_are_verified(image: Image) -> None:
    blobs = MemoryBlobs({image.digest: image.manifest.raw + b"\n"})

    with pytest.raises(DigestMismatchError):
        read_document(blobs, image.descriptor)


def test_chunks_of_a_blob_are_its_bytes(tmp_path: Path) -> None:
    blobs = BlobDirectory(tmp_path)
    data = bytes(range(256)) * 10_000
    descriptor = Descriptor(media_type="x", digest=blobs.add(data), size=len(data))

    chunks = list(blob_chunks(blobs, descriptor))

    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 1 << 20


def test_a_document_that_is_nowhere_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="there is no blob"):
        MemoryBlobs({}).open(Descriptor(media_type="x", digest=Digest.of(b""), size=0))
