"""What is a file, and what an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, SpecError
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.subjects import check_subject, is_description
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *[("app.yml", True), ("APP.YAML", True), ("app.Lock", True), ("ALL.TXT", True)],
        *[("app.tar", False), ("pixi.json", False), ("app", False)],
    ],
)
def test_a_description_is_told_by_its_name_in_any_case(
    tmp_path: Path, name: str, *, is_one: bool
) -> None:
    (tmp_path / name).touch()

    assert is_description(str(tmp_path / name)) is is_one
    assert not is_description(str(tmp_path / "missing" / name))


@pytest.mark.parametrize("target", ["app.yml", "App.Tar", "dist/app.tar.gz", "./a", "./a:1"])
def test_what_can_only_be_a_file_has_to_be_there(settings: Settings, target: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_subject(target, settings=settings)

    assert caught.value.message == f"{target}: there is no such file"


@pytest.mark.parametrize(
    "target",
    [
        *["ubuntu", "team/app", "ghcr.io/o/t:v1.lock", "host:5000/team/app.tar"],
        *["oci-archive:dist/app.tar", "team/app.yml@sha256:" + 64 * "a"],
    ],
)
def test_what_may_be_an_image_is_left_to_those_who_look_for_it(
    settings: Settings, target: str
) -> None:
    check_subject(target, settings=settings)


def test_a_file_or_an_image_that_is_called_so_is_there(settings: Settings, tmp_path: Path) -> None:
    image = make_image(tmp_path / "made", {"a": b"1"})
    LocalStore(settings.cache_dir).save([image], names=[Reference.parse("team/app.yml")])
    (tmp_path / "app.tar").touch()

    check_subject("team/app.yml", settings=settings)
    check_subject("app.tar", settings=settings)


def test_a_store_that_is_damaged_is_not_called_a_missing_file(
    settings: Settings, tmp_path: Path
) -> None:
    image = make_image(tmp_path / "made", {"a": b"1"})
    LocalStore(settings.cache_dir).save([image], names=[Reference.parse("team/app.yml")])
    (tmp_path / "cache" / "store" / "index.json").write_text("{")

    with pytest.raises(ImageError):
        check_subject("team/app.yml", settings=settings)
