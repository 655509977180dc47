"""What ``--volume`` may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import SpecError
from condabox.outputs.volumes import Volume

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("data:/data", Volume(source="data", target="/data")),
        ("data:/data/:ro", Volume(source="data", target="/data", options="ro")),
        ("/srv/data:/data", Volume(source="/srv/data", target="/data")),
        ("/data", Volume(source="", target="/data")),
        ("data://data//x/./y/../z/", Volume(source="data", target="/data/x/z")),
    ],
)
def test_a_volume_has_a_source_a_target_and_options(text: str, volume: Volume) -> None:
    assert Volume.parse(text) == volume


@pytest.mark.parametrize("text", ["data:/data", "data:/data:ro,z", "/srv/data:/data", "/data"])
def test_engines_get_what_was_written(text: str) -> None:
    assert str(Volume.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "path"),
    [(".:/x", "."), ("./a b:/x", "a b"), ("a/b:/x", "a/b"), ("../up:/x", "../up")],
)
def test_a_path_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str
) -> None:
    monkeypatch.chdir(tmp_path)

    volume = Volume.parse(text)

    assert volume.source == str((tmp_path / path).resolve())
    assert volume.path == (tmp_path / path).resolve()


def test_a_drive_of_windows_is_part_of_a_path() -> None:
    assert Volume.parse(r"C:\data:/data").path is not None


def test_a_name_is_no_path() -> None:
    assert Volume.parse("data:/data").path is None
    assert Volume.parse("/data").path is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data",
        "data:",
        ":/data",
        "data:data",
        "a:/b:c:d",
        "/a\0:/b",
        "da ta:/x",
        "-v:/x",
        "x:/y",
    ],
)
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        Volume.parse(text)


def test_a_folder_that_looks_like_a_name_is_explained() -> None:
    with pytest.raises(SpecError) as caught:
        Volume.parse("my data:/data")

    assert caught.value.hint == "if it is a folder here, write ./my data"


@pytest.mark.parametrize(
    ("text", "path"),
    [("~:/x", ""), ("~/work:/x", "work"), ("~/my work/a:/x:ro", "my work/a")],
)
def test_a_path_may_begin_with_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Volume.parse(text).path == tmp_path / path


@pytest.mark.parametrize("text", ["~nobody-at-all:/x", "~nobody-at-all/work:/x"])
def test_a_home_of_nobody_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="nobody has the home"):
        Volume.parse(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("data:/x", True),
        ("./data:/x:z", True),
        ("/x", False),
        ("data:/x:ro", False),
        ("data:/x:z,ro", False),
        ("data:/x:readonly", False),
    ],
)
def test_what_has_a_source_and_can_be_written_is_kept(text: str, *, kept: bool) -> None:
    assert Volume.parse(text).is_kept is kept
