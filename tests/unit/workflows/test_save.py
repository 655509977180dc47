"""Images out of the store and into files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import SpecError
from condabox.events import SilentReporter
from condabox.oci.archive import read_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.save import SaveRequest, SaveResult, save_image
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

AI = Reference.parse("ai:1.0")


@pytest.fixture
def images(tmp_path: Path) -> tuple[Image, Image]:
    return (
        make_image(tmp_path / "made", {"a": b"1"}),
        make_image(tmp_path / "made", {"a": b"2"}, platform=ARM64),
    )


@pytest.fixture
def settings(tmp_path: Path, images: tuple[Image, Image]) -> Settings:
    found = Settings(cache_dir=tmp_path / "cache")
    LocalStore(found.cache_dir).save(images, names=[AI])
    return found


def test_all_platforms_go_into_an_archive(
    settings: Settings, images: tuple[Image, Image], tmp_path: Path
) -> None:
    request = SaveRequest(image="ai:1.0", output=tmp_path / "x.tar")

    result = save_image(request, settings=settings, reporter=SilentReporter())

    assert result == SaveResult(
        output=tmp_path / "x.tar",
        names=("ai:1.0",),
        digests=((AMD64, images[0].digest), (ARM64, images[1].digest)),
    )
    archive = read_archive(tmp_path / "x.tar")
    assert archive.resolve(None, platform=ARM64).digest == images[1].digest


def test_one_platform_goes_into_a_layout(
    settings: Settings, images: tuple[Image, Image], tmp_path: Path
) -> None:
    request = SaveRequest(image="ai:1.0", output=tmp_path / "x", platform=ARM64)

    result = save_image(request, settings=settings, reporter=SilentReporter())

    assert result.digests == ((ARM64, images[1].digest),)
    assert ImageLayout.open(tmp_path / "x").resolve("ai:1.0", platform=None).platform == ARM64


def test_the_same_image_gives_the_same_archive(settings: Settings, tmp_path: Path) -> None:
    for name in ("1.tar", "2.tar"):
        save_image(
            SaveRequest(image="ai:1.0", output=tmp_path / name),
            settings=settings,
            reporter=SilentReporter(),
        )

    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_a_file_that_is_missing_is_no_image_of_a_registry(
    settings: Settings, tmp_path: Path
) -> None:
    request = SaveRequest(image="dist/typo.tar", output=tmp_path / "x.tar")

    with pytest.raises(SpecError, match=r"dist/typo\.tar: there is no such file"):
        save_image(request, settings=settings, reporter=SilentReporter())

    assert not (tmp_path / "x.tar").exists()
