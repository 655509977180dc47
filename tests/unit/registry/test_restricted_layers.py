"""Layers that may not be passed on: they are not pushed, and come from where the image says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, ImageNotFoundError, RegistryError
from condabox.oci.config import ContainerConfig
from condabox.oci.image import new_image, read_document
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import (
    DOCKER_LAYER_FOREIGN,
    OCI_LAYER_RESTRICTED,
    OCI_LAYER_RESTRICTED_GZIP,
    OCI_LAYER_RESTRICTED_ZSTD,
)
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from tests.fakes.httpserver import unanswered_url
from tests.fakes.images import AMD64, EPOCH, make_layer
from tests.fakes.pulling import pulled
from tests.fakes.registry_behaviour import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.registry.push import Pusher
    from condabox.registry.transfer import Fetcher
    from tests.fakes.registry import FakeRegistry

TYPES = [
    OCI_LAYER_RESTRICTED,
    OCI_LAYER_RESTRICTED_GZIP,
    OCI_LAYER_RESTRICTED_ZSTD,
    DOCKER_LAYER_FOREIGN,
]


def restricted_image(
    folder: Path, *urls: str, media_type: str = OCI_LAYER_RESTRICTED_GZIP
) -> Image:
    """Make an image whose first layer may not be passed on."""
    first = make_layer(folder, {"windows": b"1" * 5000})
    second = make_layer(folder, {"app": b"2"})
    descriptor = replace(first.descriptor, media_type=media_type, urls=urls)
    return new_image(
        base=None,
        layers=[(replace(first, descriptor=descriptor), "theirs"), (second, "ours")],
        blobs=BlobDirectory(folder / "blobs"),
        config=ContainerConfig(),
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )


def layer_bytes(image: Image) -> bytes:
    return read_document(image.blobs, image.manifest.layers[0])


def stored(registry: FakeRegistry, image: Image) -> None:
    """Let ``registry`` have all of the image but what it may not pass on."""
    registry.add("app", "1.0", [image])
    restricted = str(image.manifest.layers[0].digest)
    registry.links.discard(("app", restricted))
    del registry.blobs[restricted]


@pytest.mark.parametrize("media_type", TYPES)
def test_they_are_not_pushed(
    registry: FakeRegistry, pusher: Pusher, tmp_path: Path, media_type: str
) -> None:
    image = restricted_image(tmp_path, "https://example.com/layer", media_type=media_type)
    reference = Reference.parse(f"{registry.host}/app:1.0")
    BlobDirectory(tmp_path / "blobs").path_of(image.manifest.layers[0].digest).unlink()

    (result,) = pusher.push(parts_of([image]), references=[reference], elsewhere={})

    _, ours = image.manifest.layers
    sent = (ours, image.manifest.config, image.descriptor)
    assert (result.digest, result.present) == (image.digest, 0)
    assert result.uploaded == sum(each.size for each in sent)
    assert set(registry.blobs) == {str(ours.digest), str(image.manifest.config.digest)}
    assert registry.manifests["app", "1.0"] == image.manifest.raw


def test_a_registry_that_takes_no_addresses_is_explained(
    registry: FakeRegistry, pusher: Pusher, tmp_path: Path
) -> None:
    image = restricted_image(tmp_path, "https://example.com/layer")
    reference = Reference.parse(f"{registry.host}/app:1.0")
    fault = Fault(method="PUT", path="/manifests/", status=400, code="MANIFEST_BLOB_UNKNOWN")
    registry.behaviour.faults = [fault]

    with pytest.raises(RegistryError, match="MANIFEST_BLOB_UNKNOWN") as caught:
        pusher.push(parts_of([image]), references=[reference], elsewhere={})

    assert "validation.manifests.urls" in str(caught.value.hint)


def test_one_without_an_address_that_the_registry_lacks_would_be_lost(
    registry: FakeRegistry, pusher: Pusher, tmp_path: Path
) -> None:
    image = restricted_image(tmp_path)
    reference = Reference.parse(f"{registry.host}/app:1.0")

    with pytest.raises(ImageError, match="may not be passed on") as caught:
        pusher.push(parts_of([image]), references=[reference], elsewhere={})

    assert caught.value.hint
    assert str(image.manifest.layers[0].digest) not in registry.blobs
    assert registry.manifests == {}


def test_one_without_an_address_may_be_mounted(
    registry: FakeRegistry, pusher: Pusher, tmp_path: Path
) -> None:
    image = restricted_image(tmp_path)
    theirs = image.manifest.layers[0]
    registry.link("base", layer_bytes(image))
    reference, base = (Reference.parse(f"{registry.host}/{each}") for each in ("app:1.0", "base"))

    (result,) = pusher.push(
        parts_of([image]), references=[reference], elsewhere={theirs.digest: [base]}
    )

    assert result.mounted == theirs.size


def test_they_come_from_their_addresses(
    registry: FakeRegistry, other: FakeRegistry, fetcher: Fetcher, tmp_path: Path
) -> None:
    gone, wrong = unanswered_url(), other.link("x", b"of another length")
    image = restricted_image(tmp_path)
    theirs = other.link("storage", layer_bytes(image))
    urls = [f"{gone}/x", "ftp://example.com/x", f"{other.url}/v2/none"]
    urls += [f"{other.url}/v2/storage/blobs/{each}" for each in (wrong, theirs)]
    image = restricted_image(tmp_path, *urls)
    stored(registry, image)

    opened = pulled(fetcher, "1.0")

    assert layer_bytes(opened) == layer_bytes(image)
    assert all("authorization" not in each.headers for each in other.seen)


def test_a_registry_that_has_one_is_asked_first(
    registry: FakeRegistry, other: FakeRegistry, fetcher: Fetcher, tmp_path: Path
) -> None:
    image = restricted_image(tmp_path, f"{other.url}/v2/storage/blobs/x")
    registry.add("app", "1.0", [image])

    pulled(fetcher, "1.0")

    assert other.seen == []


def test_other_layers_come_from_no_other_address(
    registry: FakeRegistry, other: FakeRegistry, fetcher: Fetcher, tmp_path: Path
) -> None:
    plain = make_layer(tmp_path, {"windows": b"1" * 5000}).descriptor.media_type
    image = restricted_image(tmp_path, f"{other.url}/v2/x", media_type=plain)
    stored(registry, image)

    with pytest.raises(ImageNotFoundError):
        pulled(fetcher, "1.0")

    assert other.seen == []


@pytest.mark.parametrize("secret", ["", "?signature=secret"])
def test_one_that_cannot_be_had_is_named(
    registry: FakeRegistry, other: FakeRegistry, fetcher: Fetcher, tmp_path: Path, secret: str
) -> None:
    urls = [f"{other.url}/v2/none{secret}"] if secret else []
    image = restricted_image(tmp_path, *urls)
    stored(registry, image)

    with pytest.raises(ImageNotFoundError, match="may not be passed on") as caught:
        pulled(fetcher, "1.0")

    assert str(image.manifest.layers[0].digest) in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.hint
