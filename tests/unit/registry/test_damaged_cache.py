"""Documents that are here and damaged: they are fetched anew, and nobody need remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.oci.image import index_of
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.registry.transfer import Fetcher
    from tests.fakes.registry import FakeRegistry


@pytest.fixture
def images(tmp_path: Path) -> tuple[Image, Image]:
    return (
        make_image(tmp_path / "made", {"a": b"1"}),
        make_image(tmp_path / "made", {"a": b"arm"}, platform=ARM64),
    )


def index(images: tuple[Image, Image]) -> Digest:
    return index_of(images).descriptor.digest


def manifest(images: tuple[Image, Image]) -> Digest:
    return images[0].digest


def config(images: tuple[Image, Image]) -> Digest:
    return images[0].manifest.config.digest


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"!" + data[-1:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("document", [index, manifest, config])
@pytest.mark.parametrize("damage", [flip, cut, empty])
def test_a_damaged_document_is_fetched_again(
    registry: FakeRegistry,
    fetcher: Fetcher,
    images: tuple[Image, Image],
    document: Callable[[tuple[Image, Image]], Digest],
    damage: Callable[[Path], None],
) -> None:
    digest = registry.add("app", "1.0", images)
    fetcher.open(str(digest), platform=AMD64)
    damaged = fetcher.blobs.path_of(document(images))
    whole = damaged.read_bytes()
    damage(damaged)

    opened = fetcher.open(str(digest), platform=AMD64)

    assert opened.digest == images[0].digest
    assert damaged.read_bytes() == whole


def test_where_the_registry_is_gone_that_is_what_is_told(
    registry: FakeRegistry, fetcher: Fetcher, blobs: BlobDirectory, images: tuple[Image, Image]
) -> None:
    digest = registry.add("app", "1.0", images)
    fetcher.open(str(digest), platform=AMD64)
    flip(blobs.path_of(manifest(images)))
    registry.manifests.clear()

    with pytest.raises(RegistryError, match="has no such image"):
        fetcher.open(str(digest), platform=AMD64)
