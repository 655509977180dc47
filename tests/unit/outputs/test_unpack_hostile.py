"""Layers that try to get out of the image."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.outputs.unpack import RootDirectory, remove_tree
from tests.fakes.tars import directory, entry, hardlink, layer, symlink, tree, unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.tars import Entry

HOST = "of the host"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a directory of the host that holds a file."""
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o755)
    (folder / "secret").write_text(HOST)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> RootDirectory:
    path = tmp_path / "root"
    path.mkdir()
    return RootDirectory(path, ownership=False)


@pytest.mark.parametrize("name", ["d/.wh...", "d/.wh.", "d/.wh.."])
def test_a_whiteout_of_the_directory_above_is_refused(root: RootDirectory, name: str) -> None:
    with pytest.raises(ImageError, match="whiteout"):
        unpacked(root, layer("d/a"), layer(name))


def test_a_whiteout_removes_a_link_and_not_its_target(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer(symlink("out", str(outside))), layer(".wh.out"))

    assert tree(root.path) == {}
    assert (outside / "secret").read_text() == HOST


def test_an_absolute_link_starts_at_the_root_of_the_image(
    root: RootDirectory, outside: Path
) -> None:
    unpacked(root, layer(symlink("out", str(outside))), layer("out/new"))

    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert (root.path / str(outside).lstrip("/") / "new").read_text() == "out/new"


def test_a_relative_link_ends_at_the_root_of_the_image(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer(symlink("out", "../" * 40 + "outside")), layer("out/new"))

    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert (root.path / "outside" / "new").read_text() == "out/new"


def test_a_file_does_not_go_through_a_link_of_its_name(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer(symlink("f", str(outside / "secret"))), layer(("f", b"new")))

    assert (outside / "secret").read_text() == HOST
    assert (root.path / "f").read_text() == "new"


def test_a_second_name_of_a_link_is_not_gone_through_either(
    root: RootDirectory, outside: Path
) -> None:
    unpacked(
        root,
        layer(symlink("s", str(outside / "secret")), hardlink("h", "s")),
        layer(("h", b"new")),
    )

    assert (outside / "secret").read_text() == HOST


@pytest.mark.parametrize("target", ["../outside/secret", "/../outside/secret", "a/../../x"])
def test_a_hard_link_out_of_the_image_is_refused(
    root: RootDirectory, outside: Path, target: str
) -> None:
    with pytest.raises(ImageError, match="leads out"):
        unpacked(root, layer(hardlink("h", target)))

    assert (outside / "secret").stat().st_nlink == 1


def test_a_hard_link_through_a_link_stays_inside(root: RootDirectory, outside: Path) -> None:
    with pytest.raises(ImageError, match="not a directory"):
        unpacked(root, layer(symlink("out", str(outside)), hardlink("h", "out/secret")))

    assert (outside / "secret").stat().st_nlink == 1


@pytest.mark.parametrize("target", ["nothing", "d", ".", ""])
def test_a_hard_link_to_no_file_is_refused(root: RootDirectory, target: str) -> None:
    with pytest.raises(ImageError, match="link to"):
        unpacked(root, layer(directory("d"), hardlink("h", target)))


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x"])
def test_a_name_out_of_the_image_is_refused(root: RootDirectory, name: str) -> None:
    with pytest.raises(ImageError, match="leads out"):
        unpacked(root, layer(name))


def test_a_circle_of_links_is_refused(root: RootDirectory) -> None:
    with pytest.raises(ImageError, match="too many links"):
        unpacked(root, layer(symlink("a", "b"), symlink("b", "a"), "a/x"))


def test_the_mode_of_a_directory_does_not_go_through_a_link(
    root: RootDirectory, outside: Path
) -> None:
    (outside / "d").mkdir(mode=0o755)

    unpacked(root, layer(directory("a/d", 0o777), symlink("a", str(outside))))

    assert stat.S_IMODE((outside / "d").stat().st_mode) == 0o755


def test_removing_a_tree_does_not_follow_links(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "out").symlink_to(outside)

    remove_tree(tmp_path / "tree")

    assert (outside / "secret").read_text() == HOST


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not a tar at all" * 100, id="garbage"),
        pytest.param(layer(("f", b"x" * 5000)).getvalue()[:2000], id="cut-off"),
    ],
)
def test_what_is_no_tar_is_refused(root: RootDirectory, data: bytes) -> None:
    with pytest.raises(ImageError, match="layer sha256:abc is not a tar"):
        root.apply(io.BytesIO(data), name="sha256:abc")


def test_a_name_that_the_system_refuses_is_explained(root: RootDirectory) -> None:
    with pytest.raises(ImageError, match="cannot be unpacked"):
        unpacked(root, layer("n" * 300))


def test_holes_are_not_written(root: RootDirectory) -> None:
    """A file of a gigabyte is 8 bytes in a layer."""
    size = 1 << 30
    pax = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(size)}
    pax["GNU.sparse.map"] = f"4096,4,{size - 4},4"
    header = entry("disk.img", size=8, pax_headers=pax).tobuf(tarfile.PAX_FORMAT)

    root.apply(io.BytesIO(header + b"headtail".ljust(512, b"\0") + bytes(1024)), name="x")

    with (root.path / "disk.img").open("rb") as file:
        status = os.fstat(file.fileno())
        read = [(file.seek(at), file.read(8))[1] for at in (0, 4096, size - 8)]
    assert read == [bytes(8), b"head" + bytes(4), bytes(4) + b"tail"]
    assert (status.st_size, status.st_blocks * 512 < 1 << 20) == (size, True)


def test_a_file_larger_than_any_disk_is_refused(root: RootDirectory) -> None:
    pax = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 62)}
    pax["GNU.sparse.map"] = f"{1 << 61},4"
    header = entry("disk.img", size=4, pax_headers=pax).tobuf(tarfile.PAX_FORMAT)

    with pytest.raises(ImageError, match="cannot be unpacked"):
        root.apply(io.BytesIO(header + bytes(512 + 1024)), name="x")


def test_a_zero_byte_in_a_link_is_refused(root: RootDirectory) -> None:
    evil = symlink("s", "x")
    evil.pax_headers = {"linkpath": "/etc/passwd\0x"}

    with pytest.raises(ImageError):
        unpacked(root, layer(evil))


def test_the_images_files_are_read_inside(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer("etc/real", symlink("etc/out", str(outside / "secret"))))
    unpacked(root, layer(symlink("etc/link", "/etc/real"), symlink("etc/loop", "loop")))

    found = [root.read(f"etc/{name}") for name in ("real", "link", "out", "loop", "none")]

    assert found == [b"etc/real", b"etc/real", b"", b"", b""]


def test_a_file_of_the_host_replaces_a_link(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer(symlink("etc/resolv.conf", str(outside / "secret"))))

    root.write("etc/resolv.conf", b"nameserver 127.0.0.1\n")

    assert (outside / "secret").read_text() == HOST
    assert (root.path / "etc/resolv.conf").read_text() == "nameserver 127.0.0.1\n"


def test_a_directory_is_made_inside(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer(symlink("srv", str(outside))))

    made = root.make_directory("/srv/new")

    assert made == root.path / str(outside).lstrip("/") / "new"
    assert made.is_dir()


NAMES = st.lists(st.sampled_from(["a", "b", "c", "..", ".", ""]), min_size=1, max_size=4).map(
    "/".join
)
TARGETS = st.lists(st.sampled_from(["a", "b", "..", "outside", "secret"]), min_size=1).map("/".join)
ENTRIES = st.one_of(
    NAMES.map(lambda name: (name, b"content")),
    st.builds(directory, NAMES, st.sampled_from([0o777, 0o555, 0])),
    st.builds(symlink, NAMES, st.one_of(TARGETS, TARGETS.map("/".__add__), st.just("OUTSIDE"))),
    st.builds(hardlink, NAMES, st.one_of(NAMES, TARGETS)),
    st.builds("{}/.wh.{}".format, NAMES, st.sampled_from(["a", "b", "..", ".wh..opq"])),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(st.lists(st.lists(ENTRIES, max_size=8), max_size=3))
def test_no_layers_touch_the_host(
    tmp_path_factory: pytest.TempPathFactory, layers: list[list[Entry]]
) -> None:
    top = tmp_path_factory.mktemp("case")
    outside = top / "outside"
    outside.mkdir(mode=0o750)
    (outside / "secret").write_text(HOST)
    (top / "root").mkdir()
    root = RootDirectory(top / "root", ownership=False)

    for entries in layers:
        for each in entries:
            if isinstance(each, tarfile.TarInfo) and each.linkname == "OUTSIDE":
                each.linkname = str(outside)
        try:
            root.apply(layer(*entries), name="evil")
        except ImageError:
            continue

    assert sorted(path.name for path in top.iterdir()) == ["outside", "root"]
    assert tree(outside) == {"secret": HOST}
    assert (outside / "secret").stat().st_nlink == 1
    assert stat.S_IMODE(outside.stat().st_mode) == 0o750
    remove_tree(top / "root")
    assert tree(outside) == {"secret": HOST}
