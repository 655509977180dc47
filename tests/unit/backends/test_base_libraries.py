from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.backends.base_libraries import glibc_problems, libraries_of
from condabox.base import Base
from condabox.errors import ImageError
from condabox.oci.image import MemoryBlobs
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "usr/lib/x86_64-linux-gnu/libz.so.1.3": b"z" * 30,
    "lib/libc.so.6": b"c" * 6,
    "etc/ld.so.conf.d/cuda.conf": b"/usr/local/cuda",
    "usr/lib/libstatic.a": b"a",
}


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return Base(image=make_image(tmp_path / "base", FILES), name=None)


def unreadable(base: Base) -> Base:
    return replace(base, image=replace(base.image, blobs=MemoryBlobs({})))


def test_libraries_are_found_by_their_names(base: Base, tmp_path: Path) -> None:
    assert libraries_of(base, cache_dir=tmp_path) == {
        "usr/lib/x86_64-linux-gnu/libz.so.1.3": 30,
        "lib/libc.so.6": 6,
    }


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("lib64/ld-linux-x86-64.so.2", 0),
        ("usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1", 0),
        ("lib/ld-musl-x86_64.so.1", 1),
        ("usr/lib/libz.so.1", 1),
    ],
)
def test_a_base_without_glibc_is_told(tmp_path: Path, path: str, count: int) -> None:
    base = Base(image=make_image(tmp_path, {path: b""}), name=None)

    told = list(glibc_problems(libraries_of(base, cache_dir=tmp_path)))

    assert len(told) == count
    assert all("the base has no glibc" in each for each in told)


def test_a_base_without_any_library_has_no_glibc() -> None:
    assert len(list(glibc_problems(()))) == 1


def test_a_base_is_read_once(base: Base, tmp_path: Path) -> None:
    before = libraries_of(base, cache_dir=tmp_path)

    assert libraries_of(unreadable(base), cache_dir=tmp_path) == before


def test_a_damaged_note_is_written_again(base: Base, tmp_path: Path) -> None:
    before = libraries_of(base, cache_dir=tmp_path)
    (note,) = (tmp_path / "bases").iterdir()
    note.write_text("[")

    assert libraries_of(base, cache_dir=tmp_path) == before


def test_a_layer_that_cannot_be_read_is_an_error(base: Base, tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        libraries_of(unreadable(base), cache_dir=tmp_path)
