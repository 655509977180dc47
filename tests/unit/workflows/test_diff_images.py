"""Which texts name locks, and which images."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from condabox.errors import SpecError
from condabox.events import SilentReporter
from condabox.inspection.image_diff import Change
from condabox.oci.archive import write_archive
from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.diff_images import (
    ImageDiffRequest,
    Side,
    diff_images,
    side_of,
    what_to_compare,
)
from tests.fakes.contents import conda_record
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", dict([conda_record("numpy", "a")]))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image) -> None:
    """Go where there is one of everything."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_archive(folder / "ai.tar", [image], names=[Reference.parse("ai:1")])
    (folder / "ai.tar.gz").write_bytes(gzip.compress(b"x"))
    ImageLayout.create(folder / "layout").add([image], name="ai:1")
    for name in ("ai.yml", "ai.conda-lock.yml", "explicit", "oci"):
        (folder / name).write_text("dependencies: []\n")


@pytest.mark.parametrize(
    ("text", "side"),
    [
        pytest.param("ai.yml", Side.LOCK, id="an environment"),
        pytest.param("ai.conda-lock.yml", Side.LOCK, id="a lock"),
        pytest.param("explicit", Side.LOCK, id="a file of any other name"),
        pytest.param("ai.tar", Side.IMAGE, id="an archive"),
        pytest.param("ai.tar.gz", Side.IMAGE, id="a compressed one, which will be explained"),
        pytest.param("layout", Side.IMAGE, id="a layout"),
        pytest.param("oci:layout", Side.IMAGE, id="a layout with a prefix"),
        pytest.param("docker-archive:ai.tar:ai:1", Side.IMAGE, id="an archive with a name"),
        pytest.param("HEAD~1:ai.yml", Side.LOCK, id="in a commit"),
        pytest.param("main:./ai.conda-lock.yml", Side.LOCK, id="in a commit, from here"),
        pytest.param("HEAD:envs/ai", Side.LOCK, id="no reference"),
        pytest.param("HEAD@{2026-01-01 12:00}:pixi.lock", Side.LOCK, id="at a time"),
        pytest.param("missing.yml", Side.LOCK, id="a lock that is not there"),
        pytest.param("envs/Missing", Side.LOCK, id="nothing that an image is called"),
        pytest.param("ubuntu:24.04", Side.IMAGE, id="a reference"),
        pytest.param("ghcr.io/team/ai", Side.IMAGE, id="a reference without a tag"),
        pytest.param("ai@sha256:" + "0" * 64, Side.IMAGE, id="a digest"),
        pytest.param("a" * 5000, Side.LOCK, id="too long for anything"),
        pytest.param("./Missing.tar", Side.IMAGE, id="an archive that is not there"),
    ],
)
def test_what_a_text_names(text: str, side: Side, settings: Settings) -> None:
    assert side_of(text, settings=settings) is side


def test_a_name_in_the_local_store_is_an_image(settings: Settings, image: Image) -> None:
    names = ["ai:1", "main:pixi.lock", "team/ai.lock"]
    LocalStore(settings.cache_dir).save([image], names=[Reference.parse(name) for name in names])

    assert side_of("ai:1", settings=settings) is Side.IMAGE
    assert side_of("team/ai.lock", settings=settings) is Side.IMAGE
    with pytest.raises(SpecError, match="may be a file in a commit, too") as caught:
        side_of("main:pixi.lock", settings=settings)
    assert "REV:./path" in str(caught.value.hint)
    assert side_of("main:./pixi.lock", settings=settings) is Side.LOCK


def test_a_lock_is_not_compared_with_an_image(settings: Settings) -> None:
    with pytest.raises(SpecError, match=r"ai.yml stands for a lock file, and ai.tar for an image"):
        what_to_compare("ai.yml", "ai.tar", settings=settings)

    assert what_to_compare("ai.tar", "layout", settings=settings) is Side.IMAGE


def test_images_are_compared_wherever_they_are(tmp_path: Path, settings: Settings) -> None:
    newer = [
        make_image(
            tmp_path / "newer", dict([conda_record("numpy", "a", version="2")]), platform=platform
        )
        for platform in (AMD64, ARM64)
    ]
    write_archive(tmp_path / "new.tar", newer, names=[Reference.parse("ai:2")])

    diff = diff_images(
        ImageDiffRequest(old="layout", new=str(tmp_path / "new.tar"), platform=AMD64),
        settings=settings,
        reporter=SilentReporter(),
    )

    (change,) = diff.packages
    assert (change.either.name, change.change) == ("numpy", Change.VERSION)
