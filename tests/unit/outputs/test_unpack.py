"""Layers laid over each other."""

from __future__ import annotations

import os
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.outputs.unpack import RootDirectory, remove_tree
from tests.fakes.tars import directory, entry, hardlink, layer, symlink, unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.tars import Entry


@pytest.fixture
def root(tmp_path: Path) -> RootDirectory:
    path = tmp_path / "root"
    path.mkdir()
    return RootDirectory(path, ownership=False)


def test_files_directories_and_links_come_out(root: RootDirectory) -> None:
    found = unpacked(
        root,
        layer(directory("d"), "d/f", symlink("s", "d/f"), hardlink("h", "d/f"), "./dot", "/abs"),
    )

    assert found == {
        "abs": "/abs",
        "d": "/",
        "d/f": "d/f",
        "dot": "./dot",
        "h": "d/f",
        "s": "-> d/f",
    }
    assert (root.path / "h").samefile(root.path / "d" / "f")


def test_parents_that_no_layer_names_are_made(root: RootDirectory) -> None:
    assert unpacked(root, layer("a/b/c")) == {"a": "/", "a/b": "/", "a/b/c": "a/b/c"}


def test_an_upper_layer_covers_a_lower(root: RootDirectory) -> None:
    assert unpacked(root, layer(("f", b"lower")), layer(("f", b"upper"))) == {"f": "upper"}


def test_a_covered_file_does_not_change_its_other_links(root: RootDirectory) -> None:
    found = unpacked(root, layer(("f", b"lower"), hardlink("h", "f")), layer(("f", b"upper")))

    assert found == {"f": "upper", "h": "lower"}


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        pytest.param(["x/y"], ["x"], {"x": "x"}, id="directory-by-file"),
        pytest.param(["x"], ["x/y"], {"x": "/", "x/y": "x/y"}, id="file-by-directory"),
        pytest.param(
            [symlink("x", "y"), directory("y")],
            [directory("x"), "x/z"],
            {"x": "/", "x/z": "x/z", "y": "/"},
            id="link-by-directory",
        ),
        pytest.param(["x/y"], [symlink("x", "z")], {"x": "-> z"}, id="directory-by-link"),
        pytest.param(["x/y"], [directory("x")], {"x": "/", "x/y": "x/y"}, id="directory-again"),
    ],
)
def test_what_is_there_is_replaced_by_what_comes(
    root: RootDirectory, lower: list[Entry], upper: list[Entry], expected: dict[str, str]
) -> None:
    assert unpacked(root, layer(*lower), layer(*upper)) == expected


def test_a_whiteout_hides_what_is_below(root: RootDirectory) -> None:
    found = unpacked(root, layer("d/a", "d/b", "e/f"), layer("d/.wh.a", ".wh.e"))

    assert found == {"d": "/", "d/b": "d/b"}


@pytest.mark.parametrize("first", [True, False], ids=["whiteout-first", "file-first"])
def test_a_whiteout_does_not_hide_what_is_in_its_own_layer(
    root: RootDirectory, *, first: bool
) -> None:
    entries: list[Entry] = [".wh.f", ("f", b"upper")]
    upper = layer(*(entries if first else reversed(entries)))

    assert unpacked(root, layer(("f", b"lower")), upper) == {"f": "upper"}


def test_an_opaque_directory_hides_all_that_is_below(root: RootDirectory) -> None:
    found = unpacked(
        root,
        layer("d/a", "d/s/b", "e"),
        layer("d/new", "d/s/new", "d/.wh..wh..opq"),
    )

    assert found == {"d": "/", "d/new": "d/new", "d/s": "/", "d/s/new": "d/s/new", "e": "e"}


def test_a_whiteout_hides_what_is_below_a_directory_of_its_own_layer(root: RootDirectory) -> None:
    found = unpacked(root, layer("d/a", "d/s/b"), layer("d/s/new", ".wh.d"))

    assert found == {"d": "/", "d/s": "/", "d/s/new": "d/s/new"}


def test_a_whiteout_leaves_what_its_own_layer_puts_in_the_place_of_a_file(
    root: RootDirectory,
) -> None:
    found = unpacked(root, layer("a/b"), layer("a/b/c", ".wh.a"))

    assert found == {"a": "/", "a/b": "/", "a/b/c": "a/b/c"}


def test_a_whiteout_of_nothing_is_nothing(root: RootDirectory) -> None:
    assert unpacked(root, layer("d/a"), layer("d/.wh.b", ".wh..wh.plnk")) == {
        "d": "/",
        "d/a": "d/a",
    }


def test_links_inside_are_followed_on_the_way(root: RootDirectory) -> None:
    found = unpacked(root, layer(directory("usr/lib"), symlink("lib", "usr/lib")), layer("lib/x"))

    assert found == {"lib": "-> usr/lib", "usr": "/", "usr/lib": "/", "usr/lib/x": "lib/x"}


def test_modes_are_kept(root: RootDirectory) -> None:
    data = entry("f", mode=0o640)
    unpacked(root, layer(data, directory("d", 0o1777)))

    assert stat.S_IMODE((root.path / "f").stat().st_mode) == 0o640
    assert stat.S_IMODE((root.path / "d").stat().st_mode) == 0o1777


def test_setuid_means_nothing_without_owners(root: RootDirectory) -> None:
    unpacked(root, layer(entry("f", mode=0o6755)))

    assert stat.S_IMODE((root.path / "f").stat().st_mode) == 0o755


def test_a_directory_without_write_permission_can_be_filled_and_removed(
    root: RootDirectory,
) -> None:
    found = unpacked(root, layer(directory("d", 0o555), "d/a"), layer("d/b"))
    (root.path / "d").chmod(0)

    remove_tree(root.path)

    assert found == {"d": "/", "d/a": "d/a", "d/b": "d/b"}
    assert not root.path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_with_ownership_files_belong_to_whom_the_layer_says(tmp_path: Path) -> None:
    root = RootDirectory(tmp_path, ownership=True)
    link = symlink("s", "f")
    link.uid = 7
    root.apply(layer(entry("f", mode=0o4755, uid=1000, gid=100), link), name="0")

    status = (tmp_path / "f").lstat()

    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1000, 100, 0o4755)
    assert (tmp_path / "s").lstat().st_uid == 7


def test_times_are_kept(root: RootDirectory) -> None:
    unpacked(root, layer(entry("f", mtime=1_700_000_000), entry("g", mtime=1e300)))

    assert (root.path / "f").stat().st_mtime == 1_700_000_000


def test_devices_are_left_out(root: RootDirectory) -> None:
    found = unpacked(
        root,
        layer(entry("null", tarfile.CHRTYPE, devmajor=1), entry("sda", tarfile.BLKTYPE), "f"),
    )

    assert found == {"f": "f"}


def test_a_pipe_is_made(root: RootDirectory) -> None:
    root.apply(layer(entry("p", tarfile.FIFOTYPE)), name="0")

    assert stat.S_ISFIFO((root.path / "p").lstat().st_mode)
