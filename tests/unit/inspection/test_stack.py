"""Layers over each other, as a container sees them."""

from __future__ import annotations

import posixpath
import tarfile
from typing import TYPE_CHECKING

from hypothesis import assume, example, given
from hypothesis import strategies as st

from condabox.inspection.stack import stacked
from condabox.outputs.unpack import RootDirectory
from tests.fakes.contents import contents
from tests.fakes.tars import directory, hardlink, layer, symlink

if TYPE_CHECKING:
    import pytest

    from condabox.inspection.stack import Stack
    from tests.fakes.tars import Entry


def stack(*layers: list[Entry]) -> Stack:
    return stacked(contents(*each) for each in layers)


def test_the_upper_layer_wins() -> None:
    found = stack(["a", "b"], [("a", b"123"), "c"])

    assert found.files == {"a": 1, "b": 0, "c": 1}
    assert found.written == [{"a": 1, "b": 1}, {"a": 3, "c": 1}]
    assert found.removed == [frozenset(), frozenset()]


def test_what_is_removed_is_told_file_by_file() -> None:
    found = stack(["a/b", "a/c/d", "e/f", "g"], [".wh.a", "e/.wh..wh..opq", "e/h", ".wh.nothing"])

    assert found.files == {"e/h": 1, "g": 0}
    assert found.removed[1] == {"a/b", "a/c/d", "e/f"}


def test_a_whiteout_says_nothing_of_its_own_layer() -> None:
    found = stack(["a/b"], ["a/b", ".wh.a"])

    assert found.files == {"a/b": 1}
    assert found.removed[1] == {"a/b"}


def test_a_path_through_a_link_is_where_the_link_leads() -> None:
    found = stack(["usr/lib/libc.so", symlink("lib", "usr/lib")], ["lib/libc.so", "lib/.wh.x"])

    assert found.files == {"usr/lib/libc.so": 1}
    assert found.paths.real("lib/libc.so") == "usr/lib/libc.so"


def test_what_takes_the_place_of_a_file_removes_it() -> None:
    found = stack(
        ["a", "b", "c", "d/e"],
        ["a/x", symlink("b", "a"), hardlink("c", "a/x"), "d"],
    )

    assert found.files == {"a/x": 1, "d": 1}
    assert found.removed[1] == {"a", "b", "c", "d/e"}
    assert found.hardlinks == {"c": "a/x"}


def test_links_in_a_circle_lead_nowhere() -> None:
    found = stack([symlink("a", "b"), symlink("b", "a"), symlink("c", "c/c")], ["a/x", "c/x/y"])

    assert found.files == {"a/x": 1, "c/x/y": 1}


def test_only_digests_of_what_is_seen_count() -> None:
    large = bytes(1 << 17)

    assert list(stack([("a", large), ("b", large)], [("a", b"1")]).digests) == ["b"]


NAMES = st.sampled_from(["a", "a/b", "a/b/c", "d", "d/a", "d/a/b"])
WHITEOUTS = st.sampled_from([".wh.a", "a/.wh.b", "a/b/.wh.c", "d/.wh.a", ".wh.d", "a/.wh..wh..opq"])
LINKS = st.builds(symlink, st.sampled_from(["l", "d/l"]), st.sampled_from(["a", "/d", "../d", "x"]))
BEHIND_LINKS = frozenset({"l/f", "d/l/f"})
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    NAMES, NAMES.map(directory), WHITEOUTS, LINKS, st.sampled_from(sorted(BEHIND_LINKS))
)


def is_plain(entries: list[Entry]) -> bool:
    """Say whether a layer has each path once, and no file or link where it has a directory.

    image-spec layer.md asks for the first; who does the second leaves it to the order of entries.
    """
    names = [each.name if isinstance(each, tarfile.TarInfo) else str(each) for each in entries]
    solid = {
        name
        for name, each in zip(names, entries, strict=True)
        if not (isinstance(each, tarfile.TarInfo) and each.isdir())
    }
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "/"}
    return len(set(names)) == len(names) and not solid & parents


def writes_through_links_and_hides(entries: list[Entry]) -> bool:
    """Say whether what a layer hides may be the link that it writes through.

    Whether that is still there then is left to the order of entries.
    """
    return not BEHIND_LINKS.isdisjoint(map(str, entries)) and any(
        ".wh." in str(each) for each in entries
    )


@given(layers=st.lists(st.lists(ENTRIES, max_size=6), max_size=4))
@example(layers=[["a/b"], ["a/b/c", ".wh.a"]])
@example(layers=[["a/b"], ["a/.wh.b", ".wh.a"]])
@example(layers=[["a/b"], ["a/b/.wh..wh..opq", ".wh.a"]])
def test_the_files_are_those_that_unpacking_makes(
    layers: list[list[Entry]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume(all(map(is_plain, layers)))
    assume(not any(map(writes_through_links_and_hides, layers)))
    top = tmp_path_factory.mktemp("root")
    root = RootDirectory(top, ownership=False)
    for number, each in enumerate(layers):
        root.apply(layer(*each), name=str(number))
    unpacked = {
        str(path.relative_to(top))
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink()
    }

    found = stack(*layers)

    assert set(found.files) == unpacked
    for number, (written, removed) in enumerate(zip(found.written, found.removed, strict=True)):
        before = {path for lower in found.written[:number] for path in lower}
        assert removed <= before
        assert all(posixpath.normpath(path) == path for path in written)
