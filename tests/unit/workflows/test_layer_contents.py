"""Layers that are read once, and pulled only for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.events import SilentReporter
from condabox.inspection.contents_cache import ContentsCache
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.images import host_platform
from condabox.workflows.inspect import InspectRequest, inspect_image
from condabox.workflows.layer_contents import read_contents
from tests.fakes.images import make_image
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.inspection.report import ImageReport
    from condabox.oci.image import Image

BLOBS = r"/blobs/sha256:"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    files = ({"a": b"1"}, {"b": b"22"}, {"a": b"1"})
    return make_image(tmp_path / "made", *files, platform=host_platform())


@pytest.fixture
def registry(image: Image) -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        running.add("team/ai", "1.0", [image])
        yield running


def pulled(registry: FakeRegistry, image: Image) -> list[str]:
    """Return the layers that were asked for since the last time, by what they hold."""
    names = {
        str(layer.digest): name for layer, name in zip(image.manifest.layers, "ab", strict=False)
    }
    found = [names.get(each.path.rpartition("/")[2]) for each in registry.requests("GET", BLOBS)]
    registry.seen.clear()
    return sorted(name for name in found if name)


def inspect(registry: FakeRegistry, settings: Settings) -> ImageReport:
    request = InspectRequest(image=f"{registry.host}/team/ai:1.0")
    return inspect_image(request, settings=settings, reporter=SilentReporter())


def test_each_layer_is_pulled_once_and_never_again(
    registry: FakeRegistry, image: Image, settings: Settings
) -> None:
    first = inspect(registry, settings)
    assert pulled(registry, image) == ["a", "b"]

    again = inspect(registry, settings)

    assert pulled(registry, image) == []
    assert again == first
    assert [each.files for each in first.layers] == [1, 1, 1]


def test_only_layers_that_are_new_are_pulled(
    registry: FakeRegistry, image: Image, settings: Settings, tmp_path: Path
) -> None:
    inspect(registry, settings)
    pulled(registry, image)
    newer = make_image(tmp_path / "made", {"a": b"1"}, {"c": b"3"}, platform=host_platform())
    registry.add("team/ai", "1.0", [newer])

    inspect(registry, settings)

    asked = [each.path.rpartition("/")[2] for each in registry.requests("GET", BLOBS)]
    assert str(newer.manifest.layers[0].digest) not in asked
    assert asked.count(str(newer.manifest.layers[1].digest)) == 1


def test_what_was_read_is_not_kept(
    registry: FakeRegistry, image: Image, settings: Settings
) -> None:
    inspect(registry, settings)

    store = LocalStore(settings.cache_dir).blobs
    assert not any(store.has(layer) for layer in image.manifest.layers)
    assert list((settings.cache_dir / "tmp").iterdir()) == []


def test_a_layer_that_the_store_has_is_not_pulled(
    registry: FakeRegistry, image: Image, settings: Settings
) -> None:
    store = LocalStore(settings.cache_dir).blobs
    store.copy(image.manifest.layers[0], source=image.blobs)

    inspect(registry, settings)

    assert pulled(registry, image) == ["b"]
    assert store.has(image.manifest.layers[0])


def test_a_damaged_layer_is_told_and_not_remembered(
    image: Image, settings: Settings, tmp_path: Path
) -> None:
    layer = image.manifest.layers[0]
    path = tmp_path / "made" / "blobs" / "sha256" / layer.digest.hex
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(ImageError, match="the image is damaged") as caught:
        read_contents(image, settings=settings, reporter=SilentReporter())

    assert "again" in str(caught.value.hint)
    assert ContentsCache(settings.cache_dir).get(layer.digest) is None
