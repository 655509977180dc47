"""What users call images, and which of them they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, RegistryError
from condabox.events import SilentReporter
from condabox.oci.archive import write_archive
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.platforms import Platform
from condabox.settings import Settings
from condabox.workflows.images import find_images, host_platform, list_images, select_image
from tests.fakes.images import ARM64, make_image, named
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.outputs.store import NamedImages

AI = Reference.parse("ai:1.0")
HOST = host_platform()
OTHER = Platform(os="linux", architecture="s390x")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1"}, platform=HOST)


@pytest.fixture
def other_image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"2"}, platform=OTHER)


def find(text: str, settings: Settings, *, platform: Platform | None = None) -> NamedImages:
    return find_images(text, platform=platform, settings=settings, reporter=SilentReporter())


def test_the_store_is_listed(settings: Settings, image: Image) -> None:
    LocalStore(settings.cache_dir).save([image], names=[AI])

    assert [each.name for each in list_images(settings=settings)] == ["ai:1.0"]


@pytest.mark.parametrize("text", ["ai:1.0", "docker.io/library/ai:1.0"])
def test_a_name_in_the_store_is_found(settings: Settings, image: Image, text: str) -> None:
    LocalStore(settings.cache_dir).save([image], names=[AI])

    assert [each.digest for each in find(text, settings).images] == [image.digest]


def test_a_name_in_the_store_comes_before_a_path(
    settings: Settings, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalStore(settings.cache_dir).save([image], names=[Reference.parse("ai")])
    (tmp_path / "ai").mkdir()
    monkeypatch.chdir(tmp_path)

    assert [each.digest for each in find("ai", settings).images] == [image.digest]


def test_a_path_is_found(settings: Settings, image: Image, tmp_path: Path) -> None:
    write_archive(tmp_path / "X.tar", [image], names=[AI])

    found = find(str(tmp_path / "X.tar"), settings)

    assert (found.names, [each.digest for each in found.images]) == ((AI,), [image.digest])


def test_a_registry_has_the_rest(settings: Settings, image: Image) -> None:
    with FakeRegistry().running() as registry:
        registry.add("team/ai", "1.0", [image])
        found = find(f"{registry.host}/team/ai:1.0", settings)

    assert [str(name) for name in found.names] == [f"{registry.host}/team/ai:1.0"]
    assert [each.digest for each in found.images] == [image.digest]


def test_a_registry_gives_the_platform_that_was_asked_for(
    settings: Settings, image: Image, other_image: Image
) -> None:
    with FakeRegistry().running() as registry:
        registry.add("ai", "1.0", [image, other_image])
        found = find(f"{registry.host}/ai:1.0", settings, platform=OTHER)

    assert [each.digest for each in found.images] == [other_image.digest]


def test_what_nobody_has_is_looked_for_in_a_registry_last(settings: Settings) -> None:
    with FakeRegistry().running() as registry, pytest.raises(RegistryError) as caught:
        find(f"{registry.host}/ai:1.0", settings)

    assert "neither the local store nor this folder has it" in caught.value.message
    assert "no such image" in caught.value.message


def test_what_is_no_name_at_all_is_explained(settings: Settings) -> None:
    with pytest.raises(ImageError, match=r"\./Missing\.tar") as caught:
        find("./Missing.tar", settings)

    assert "condabox images" in str(caught.value.hint)


def test_the_only_image_is_selected_whatever_it_is_for(other_image: Image) -> None:
    found = named(other_image)

    assert select_image(found, None).digest == other_image.digest


def test_of_several_the_one_for_this_machine_is_selected(image: Image, other_image: Image) -> None:
    found = named(other_image, image)

    assert select_image(found, None).digest == image.digest
    assert select_image(found, OTHER).digest == other_image.digest


def test_the_wrong_platform_is_refused_even_if_it_is_the_only_one(other_image: Image) -> None:
    with pytest.raises(ImageError, match="linux/arm64"):
        select_image(named(other_image), ARM64)


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [("x86_64", "amd64"), ("AMD64", "amd64"), ("arm64", "arm64"), ("aarch64", "arm64")],
)
def test_images_for_this_machine_are_linux_images(
    monkeypatch: pytest.MonkeyPatch, machine: str, architecture: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)

    assert host_platform() == Platform(os="linux", architecture=architecture)
