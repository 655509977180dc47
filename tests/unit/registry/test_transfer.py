"""Whole images out of a registry: every byte checked, nothing fetched twice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, RegistryError
from condabox.oci.document import canonical_json
from condabox.oci.mediatype import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from condabox.oci.validate import validate_image
from condabox.platforms import Platform
from tests.fakes.images import AMD64, ARM64, make_image
from tests.fakes.pulling import pulled
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.registry.transfer import Fetcher

V8 = Platform(os="linux", architecture="arm64", variant="v8")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 5000}, {"b": bytes(range(256)) * 300})


def left_in(blobs: BlobDirectory) -> list[str]:
    return sorted(path.name for path in blobs.path.glob("sha256/*"))


def test_an_image_arrives_whole(registry: FakeRegistry, fetcher: Fetcher, image: Image) -> None:
    registry.add("app", "1.0", [image])

    fetched = pulled(fetcher, "1.0")

    assert fetched.digest == image.digest
    assert validate_image(fetched) == ()


def test_the_second_time_only_the_tag_is_asked_for(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    pulled(fetcher, "1.0")
    registry.seen.clear()

    pulled(fetcher, "1.0")

    assert registry.lines == ["HEAD /v2/app/manifests/1.0"]


def test_a_digest_that_is_here_is_not_asked_for(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    digest = registry.add("app", "1.0", [image])
    pulled(fetcher, str(digest))
    registry.seen.clear()

    pulled(fetcher, str(digest))

    assert registry.seen == []


def test_an_image_can_be_opened_without_its_layers(
    registry: FakeRegistry, fetcher: Fetcher, blobs: BlobDirectory, image: Image
) -> None:
    registry.add("app", "1.0", [image])

    opened = fetcher.open("1.0", platform=AMD64)

    assert opened.digest == image.digest
    assert left_in(blobs) == sorted([image.digest.hex, image.manifest.config.digest.hex])


def test_layers_that_are_here_are_not_fetched(
    registry: FakeRegistry, fetcher: Fetcher, blobs: BlobDirectory, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    first, second = image.manifest.layers
    blobs.copy(first, source=image.blobs)

    pulled(fetcher, "1.0")

    assert f"GET /v2/app/blobs/{first.digest}" not in registry.lines
    assert f"GET /v2/app/blobs/{second.digest}" in registry.lines


def test_of_several_platforms_one_is_fetched(
    registry: FakeRegistry, fetcher: Fetcher, image: Image, tmp_path: Path
) -> None:
    other = make_image(tmp_path / "made", {"c": b"2"}, platform=V8)
    registry.add("app", "1.0", [image, other])

    fetched = pulled(fetcher, "1.0", platform=ARM64)

    assert fetched.digest == other.digest
    assert f"GET /v2/app/manifests/{image.digest}" not in registry.lines


def test_attestations_are_not_images(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    entry = image.descriptor.to_json()
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
    known = {"platform": {"os": "linux", "architecture": "amd64"}}
    registry.tag(
        "app",
        "buildkit",
        canonical_json(
            {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [
                    {**entry, **unknown, "digest": "sha256:" + "0" * 64},
                    {**entry, **known},
                ],
            }
        ),
    )

    assert pulled(fetcher, "buildkit").digest == image.digest


def test_a_missing_platform_is_explained(
    registry: FakeRegistry, fetcher: Fetcher, image: Image, tmp_path: Path
) -> None:
    other = make_image(
        tmp_path / "made", {"c": b"2"}, platform=Platform(os="linux", architecture="s390x")
    )
    registry.add("app", "1.0", [image, other])

    with pytest.raises(ImageError, match="linux/arm64") as caught:
        pulled(fetcher, "1.0", platform=ARM64)

    assert "linux/amd64, linux/s390x" in str(caught.value.hint)


def test_a_single_image_for_another_platform_is_not_downloaded(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])

    with pytest.raises(ImageError, match="linux/amd64, not for linux/arm64"):
        pulled(fetcher, "1.0", platform=ARM64)

    assert not any(
        f"GET /v2/app/blobs/{layer.digest}" in registry.lines for layer in image.manifest.layers
    )


def test_images_of_docker_are_read(registry: FakeRegistry, fetcher: Fetcher, image: Image) -> None:
    raw = image.manifest.raw.decode()
    for ours, theirs in (
        (OCI_MANIFEST, DOCKER_MANIFEST),
        (OCI_CONFIG, DOCKER_CONFIG),
        (OCI_LAYER_GZIP, DOCKER_LAYER_GZIP),
    ):
        raw = raw.replace(f'"{ours}"', f'"{theirs}"')
    registry.add("app", "1.0", [image])
    digest = registry.add_document("app", raw.encode())
    listing = {
        "schemaVersion": 2,
        "mediaType": DOCKER_INDEX,
        "manifests": [
            {
                "mediaType": DOCKER_MANIFEST,
                "digest": str(digest),
                "size": len(raw),
                "platform": {"os": "linux", "architecture": "amd64"},
            }
        ],
    }
    registry.tag("app", "docker", canonical_json(listing))

    fetched = pulled(fetcher, "docker")

    assert (fetched.digest, fetched.manifest.media_type) == (digest, DOCKER_MANIFEST)


def test_documents_need_not_say_their_type(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    document = json.loads(image.manifest.raw)
    del document["mediaType"]
    registry.tag("app", "old", canonical_json(document))

    assert pulled(fetcher, "old").manifest.layers == image.manifest.layers


def test_schema_1_is_refused_with_an_explanation(registry: FakeRegistry, fetcher: Fetcher) -> None:
    registry.tag("app", "ancient", b'{"schemaVersion": 1, "fsLayers": []}')

    with pytest.raises(ImageError, match="schema 1"):
        pulled(fetcher, "ancient")


def test_one_flipped_bit_is_found_and_nothing_is_kept(
    registry: FakeRegistry, fetcher: Fetcher, blobs: BlobDirectory, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    registry.behaviour.flipped = True

    with pytest.raises(RegistryError, match="damaged") as caught:
        pulled(fetcher, "1.0")

    assert "proxy" in str(caught.value.hint)
    assert left_in(blobs) == [image.digest.hex]


def test_a_blob_that_does_not_end_is_cut_off(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    layer = str(image.manifest.layers[0].digest)
    registry.blobs[layer] += b"more"

    with pytest.raises(RegistryError, match="more than"):
        pulled(fetcher, "1.0")


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no-ranges"])
def test_a_broken_connection_is_taken_up_again(
    registry: FakeRegistry, fetcher: Fetcher, image: Image, *, ranges: bool
) -> None:
    registry.add("app", "1.0", [image])
    registry.behaviour.ranges = ranges
    registry.behaviour.cuts = [100, 20, 5]

    fetched = pulled(fetcher, "1.0")

    assert validate_image(fetched) == ()
    assert "bytes=100-" in [seen.headers.get("range") for seen in registry.seen]


def test_a_connection_that_always_breaks_is_given_up(
    registry: FakeRegistry, fetcher: Fetcher, blobs: BlobDirectory, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    registry.behaviour.cuts = [0] * 100

    with pytest.raises(RegistryError, match="cannot be reached"):
        pulled(fetcher, "1.0")

    assert left_in(blobs) == [image.digest.hex]


def test_blobs_come_from_elsewhere(registry: FakeRegistry, fetcher: Fetcher, image: Image) -> None:
    registry.add("app", "1.0", [image])
    with FakeRegistry().running() as storage:
        storage.blobs = registry.blobs
        registry.behaviour.blob_redirect = storage.url
        fetched = pulled(fetcher, "1.0")

    assert validate_image(fetched) == ()


def test_a_missing_blob_is_named(registry: FakeRegistry, fetcher: Fetcher, image: Image) -> None:
    registry.add("app", "1.0", [image])
    lost = image.manifest.layers[1].digest
    del registry.blobs[str(lost)]

    with pytest.raises(RegistryError, match=str(lost)):
        pulled(fetcher, "1.0")


def test_a_layer_that_cannot_be_used_is_not_fetched(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    layers = [
        replace(layer, media_type="application/x-squashfs") for layer in image.manifest.layers
    ]
    document = json.loads(image.manifest.raw) | {"layers": [each.to_json() for each in layers]}
    registry.tag("app", "odd", canonical_json(document))

    with pytest.raises(ImageError, match="squashfs"):
        pulled(fetcher, "odd")


def test_a_config_that_is_too_large_is_not_fetched(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    config = image.manifest.config.to_json() | {"size": 40 << 20}
    document = json.loads(image.manifest.raw) | {"config": config}
    registry.tag("app", "large", canonical_json(document))

    with pytest.raises(ImageError, match="too many for a document"):
        pulled(fetcher, "large")

    assert not registry.requests("GET", "/blobs/")


def test_an_image_is_pulled_though_another_has_a_digest_of_another_kind(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    good = image.descriptor.to_json() | {"platform": {"os": "linux", "architecture": "amd64"}}
    other = good | {"digest": "sha512:" + "0" * 128}
    other["platform"] = {"os": "linux", "architecture": "s390x"}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [other, good]}
    registry.tag("app", "index", canonical_json(index))

    assert pulled(fetcher, "index").digest == image.digest


def test_a_type_that_does_not_end_is_not_repeated(registry: FakeRegistry, fetcher: Fetcher) -> None:
    registry.tag("app", "odd", canonical_json({"schemaVersion": 2, "mediaType": "x" * 3000}))

    with pytest.raises(ImageError) as caught:
        pulled(fetcher, "odd")

    assert len(caught.value.message) < 300
