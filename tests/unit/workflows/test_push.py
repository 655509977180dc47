"""Where an image goes that is pushed, and what is known of that place before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, SpecError
from condabox.events import SilentReporter
from condabox.oci.digest import Digest
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.push import PushRequest, known_places, push_image
from tests.fakes.images import AMD64, ARM64, make_image
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.registry.push import PushResult


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1"}, {"b": b"2"})


@pytest.fixture
def arm(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"arm"}, platform=ARM64)


def push(settings: Settings, image: str, *references: str) -> tuple[PushResult, ...]:
    request = PushRequest(image=image, references=references)
    return push_image(request, settings=settings, reporter=SilentReporter())


def save(settings: Settings, name: str, *images: Image) -> None:
    LocalStore(settings.cache_dir).save(images, names=[Reference.parse(name)])


def test_an_image_of_the_store_goes_where_it_is_told(
    settings: Settings, registry: FakeRegistry, image: Image
) -> None:
    save(settings, "ai:1.0", image)

    (result,) = push(settings, "ai:1.0", f"{registry.host}/team/ai:2.0")

    assert (result.digest, result.tags) == (image.digest, ("2.0",))
    assert ("team/ai", "2.0") in registry.manifests


def test_without_a_place_it_goes_to_that_of_its_name(
    settings: Settings, registry: FakeRegistry, image: Image
) -> None:
    name = f"{registry.host}/team/ai:1.0"
    save(settings, name, image)

    (result,) = push(settings, name)

    assert str(result) == f"{registry.host}/team/ai@{image.digest}"


@pytest.mark.parametrize("name", ["ai:1.0", "docker.io/library/ai:1.0"])
def test_a_name_without_a_registry_is_no_place(settings: Settings, image: Image, name: str) -> None:
    save(settings, name, image)

    with pytest.raises(SpecError, match=r"ai:1\.0 names no registry") as caught:
        push(settings, name)

    assert f"condabox push {name} registry.example/" in str(caught.value.hint)


@pytest.mark.parametrize("place", ["mini:1.0", "docker.io/library/mini:1.0"])
def test_a_place_without_a_registry_is_none_either(
    settings: Settings, registry: FakeRegistry, image: Image, place: str
) -> None:
    save(settings, "ai:1.0", image)

    with pytest.raises(SpecError, match=r"mini:1\.0 names no registry") as caught:
        push(settings, "ai:1.0", f"{registry.host}/ai:1.0", place)

    assert "condabox push ai:1.0 registry.example/" in str(caught.value.hint)
    assert registry.seen == []


def test_one_platform_of_an_image_does_not_replace_the_whole(
    settings: Settings, registry: FakeRegistry, image: Image, arm: Image
) -> None:
    whole = registry.add("app", "1.0", [image, arm])
    request = PushRequest(image=f"{registry.host}/app:1.0", platform=AMD64)

    with pytest.raises(SpecError, match="other platforms than linux/amd64") as caught:
        push_image(request, settings=settings, reporter=SilentReporter())

    assert "say where" in str(caught.value.hint)
    assert Digest.of(registry.manifests["app", "1.0"]) == whole


def test_an_image_without_a_name_needs_a_place(
    settings: Settings, image: Image, tmp_path: Path
) -> None:
    ImageLayout.create(tmp_path / "layout").add([image], name="latest")

    with pytest.raises(SpecError, match="has no name"):
        push(settings, str(tmp_path / "layout"))


def test_all_platforms_go_or_the_one_that_is_wanted(
    settings: Settings, registry: FakeRegistry, image: Image, arm: Image
) -> None:
    save(settings, "ai:1.0", image, arm)
    place = f"{registry.host}/ai:1.0"

    (both,) = push(settings, "ai:1.0", place)
    request = PushRequest(image="ai:1.0", references=(place,), platform=ARM64)
    (one,) = push_image(request, settings=settings, reporter=SilentReporter())

    assert both.digest not in {image.digest, arm.digest}
    assert one.digest == arm.digest


def test_from_one_registry_into_another(
    settings: Settings, registry: FakeRegistry, image: Image
) -> None:
    with FakeRegistry().running() as source:
        source.add("ai", "1.0", [image])
        request = PushRequest(
            image=f"{source.host}/ai:1.0",
            references=(f"{registry.host}/copy:1.0",),
            platform=AMD64,
        )
        (result,) = push_image(request, settings=settings, reporter=SilentReporter())

    assert result.digest == image.digest


def test_a_place_that_is_none_is_refused_before_anything_is_asked(
    settings: Settings, registry: FakeRegistry, image: Image
) -> None:
    save(settings, "ai:1.0", image)

    with pytest.raises(SpecError, match="not an image reference"):
        push(settings, "ai:1.0", f"{registry.host}/ai:1.0", "Not A Name")

    assert registry.seen == []


def test_a_damaged_image_says_what_to_do(
    settings: Settings, registry: FakeRegistry, image: Image
) -> None:
    save(settings, "ai:1.0", image)
    layer = image.manifest.layers[0]
    path = LocalStore(settings.cache_dir).blobs.path_of(layer.digest)
    path.write_bytes(b"x" * layer.size)

    with pytest.raises(ImageError, match=r"ai:1\.0 is damaged") as caught:
        push(settings, "ai:1.0", f"{registry.host}/ai:1.0")

    assert "build it" in str(caught.value.hint)


def test_other_names_on_the_same_registry_may_have_the_layers(
    settings: Settings, image: Image
) -> None:
    save(settings, "here.example/one:1.0", image)
    save(settings, "elsewhere.example/two:1.0", image)

    places = known_places([Reference.parse("here.example/three:1.0")], settings=settings)

    one = Reference.parse("here.example/one:1.0")
    assert places == {layer.digest: [one] for layer in image.manifest.layers}


def test_what_is_wrong_with_other_images_is_no_hindrance(
    settings: Settings, registry: FakeRegistry, image: Image, arm: Image, tmp_path: Path
) -> None:
    save(settings, f"{registry.host}/other:1.0", arm)
    BlobDirectory(settings.cache_dir / "store" / "blobs").path_of(arm.digest).unlink()
    ImageLayout.create(tmp_path / "layout").add([image], name="1.0")

    (result,) = push(settings, str(tmp_path / "layout"), f"{registry.host}/ai:1.0")

    assert result.digest == image.digest
