from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.packages.entry import DirectoryEntry, LinkEntry, Spool, sorted_entries
from condabox.content import CHUNK_SIZE, BytesContent
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@given(st.lists(st.lists(st.binary(max_size=20), max_size=4), max_size=6))
def test_spool_returns_what_was_added_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, contents: list[list[bytes]]
) -> None:
    with Spool(tmp_path_factory.getbasetemp()) as spool:
        kept = [spool.add(chunks) for chunks in contents]

        read = [b"".join(content.chunks()) for content in reversed(kept)]

    assert read == [b"".join(chunks) for chunks in reversed(contents)]
    assert [content.size for content in kept] == [sum(map(len, chunks)) for chunks in contents]


def test_contents_may_be_read_at_once_and_again(tmp_path: Path) -> None:
    data = bytes(range(256)) * (CHUNK_SIZE // 128)
    with Spool(tmp_path) as spool:
        first, second = spool.add([data]), spool.add([data[::-1]])

        together = list(zip(first.chunks(), second.chunks(), strict=True))

        assert b"".join(chunk for chunk, _ in together) == data
        assert b"".join(chunk for _, chunk in together) == data[::-1]
        assert b"".join(first.chunks()) == data


def test_contents_may_be_made_of_others(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        first = spool.add([b"a" * (CHUNK_SIZE + 5)])

        second = spool.add(chunk.upper() for chunk in first.chunks())

        assert b"".join(second.chunks()) == b"A" * (CHUNK_SIZE + 5)


def test_no_chunk_is_larger_than_promised(tmp_path: Path) -> None:
    data = b"x" * (2 * CHUNK_SIZE + 1)
    with Spool(tmp_path) as spool:
        sizes = [len(chunk) for chunk in spool.add([data]).chunks()]

    assert sizes == [CHUNK_SIZE, CHUNK_SIZE, 1]
    assert [len(chunk) for chunk in BytesContent(data).chunks()] == sizes


def test_a_source_that_fails_leaves_the_spool_as_it_was(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"half of it"
        raise InstallError("broken")

    with Spool(tmp_path) as spool:
        first = spool.add([b"first"])
        with pytest.raises(InstallError, match="broken"):
            spool.add(failing())
        third = spool.add([b"third"])

        assert b"".join(first.chunks()) == b"first"
        assert b"".join(third.chunks()) == b"third"


def test_much_content_goes_to_the_directory_and_leaves_nothing(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        content = spool.add(b"x" * CHUNK_SIZE for _ in range(17))

        assert content.size == 17 * CHUNK_SIZE
        assert sum(map(len, content.chunks())) == 17 * CHUNK_SIZE

    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_an_install_error(tmp_path: Path) -> None:
    with (
        Spool(tmp_path / "missing") as spool,
        pytest.raises(InstallError, match="cannot keep unpacked files"),
    ):
        spool.add(b"x" * CHUNK_SIZE for _ in range(17))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Fail writes beyond ``size`` bytes of a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_is_an_install_error_however_little_is_missing(
    tmp_path: Path,
) -> None:
    with largest_file(17 * CHUNK_SIZE), Spool(tmp_path) as spool:
        spool.add(b"x" * CHUNK_SIZE for _ in range(17))

        with pytest.raises(InstallError, match="cannot keep unpacked files"):
            spool.add([b"x"])


def test_entries_are_sorted_by_bytes() -> None:
    entries = [DirectoryEntry(path=path) for path in ("ä", "a/b", "a.b", "Z", "a")]

    ordered = sorted_entries([*entries, LinkEntry(path="z", target="a")])

    assert [entry.path for entry in ordered] == ["Z", "a", "a.b", "a/b", "z", "ä"]
