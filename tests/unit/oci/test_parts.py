"""All that an index leads to: each document once, and after what it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.oci.image import MemoryBlobs, index_of
from condabox.oci.manifest import ImageIndex
from condabox.oci.parts import parts_of, read_parts
from tests.fakes.images import ARM64, make_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import Image


@pytest.fixture
def images(tmp_path: Path) -> tuple[Image, Image]:
    return (
        make_image(tmp_path, {"a": b"1"}),
        make_image(tmp_path, {"a": b"arm"}, platform=ARM64),
    )


def nested(start: Sequence[Descriptor], depth: int) -> list[ImageIndex]:
    """Make an index of ``start``, and each time one that has the last one many times."""
    indexes = [ImageIndex.create(start)]
    for _ in range(depth):
        indexes.append(ImageIndex.create([indexes[-1].descriptor] * 50))
    return indexes


def memory(images: Sequence[Image], indexes: Sequence[ImageIndex]) -> MemoryBlobs:
    documents = [image.manifest for image in images] + list(indexes)
    return MemoryBlobs({each.descriptor.digest: each.raw for each in documents})


def test_what_is_made_and_what_is_read_are_the_same(images: tuple[Image, Image]) -> None:
    index = index_of(images)

    read = read_parts(memory(images, [index]), index.descriptor)

    made = parts_of(images)
    assert {part.document.raw for part in read} == {part.document.raw for part in made}
    assert read[-1].document == made[-1].document == index
    assert parts_of(images[:1])[-1].document == images[0].manifest


def test_what_stands_there_many_times_is_read_once(images: tuple[Image, Image]) -> None:
    indexes = nested(index_of(images).manifests, 3)

    found = read_parts(memory(images, indexes), indexes[-1].descriptor)

    assert [part.document for part in found[2:]] == indexes
    assert len(found) == 2 + len(indexes)


def test_deeper_is_refused(images: tuple[Image, Image]) -> None:
    indexes = nested(index_of(images).manifests, 4)

    with pytest.raises(ImageError, match="nested too deeply"):
        read_parts(memory(images, indexes), indexes[-1].descriptor)


def test_the_layers_and_the_config_are_those_of_manifests(images: tuple[Image, Image]) -> None:
    *_, manifest, index = parts_of(images)

    assert (index.layers, index.configs) == ((), ())
    assert manifest.layers == images[1].manifest.layers
    assert manifest.configs == (images[1].manifest.config,)
