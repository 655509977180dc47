"""Layers laid over each other, and layers that try to get out."""

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

if TYPE_CHECKING:
    from pathlib import Path

HOST = "of the host"


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = 0o755
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def directory(name: str, mode: int = 0o755) -> tarfile.TarInfo:
    return entry(name, tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> tarfile.TarInfo:
    return entry(name, tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> tarfile.TarInfo:
    return entry(name, tarfile.LNKTYPE, linkname=target)


Entry = tarfile.TarInfo | str | tuple[str, bytes]


def layer(*entries: Entry) -> io.BytesIO:
    """Make a tar; a name alone is a file that holds its name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in entries:
            if isinstance(each, tarfile.TarInfo):
                archive.addfile(each, io.BytesIO(b""))
                continue
            name, data = (each, each.encode()) if isinstance(each, str) else each
            archive.addfile(entry(name, size=len(data), mode=0o644), io.BytesIO(data))
    buffer.seek(0)
    return buffer


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


def unpacked(root: RootDirectory, *layers: io.BytesIO) -> dict[str, str]:
    """Apply layers and return every path with its content, its target or ``/``."""
    for number, each in enumerate(layers):
        root.apply(each, name=str(number))
    return tree(root.path)


def tree(top: Path) -> dict[str, str]:
    found = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"  # noqa: PTH115  (as it was written)
        else:
            found[name] = "/" if path.is_dir() else path.read_text()
    return found


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
    entries = [".wh.f", ("f", b"upper")] if first else [("f", b"upper"), ".wh.f"]

    assert unpacked(root, layer(("f", b"lower")), layer(*entries)) == {"f": "upper"}


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


def test_a_whiteout_of_nothing_is_nothing(root: RootDirectory) -> None:
    assert unpacked(root, layer("d/a"), layer("d/.wh.b", ".wh..wh.plnk")) == {
        "d": "/",
        "d/a": "d/a",
    }


@pytest.mark.parametrize("name", ["d/.wh...", "d/.wh.", "d/.wh.."])
def test_a_whiteout_of_the_directory_above_is_refused(root: RootDirectory, name: str) -> None:
    with pytest.raises(ImageError, match="whiteout"):
        unpacked(root, layer("d/a"), layer(name))


def test_a_whiteout_removes_a_link_and_not_its_target(root: RootDirectory, outside: Path) -> None:
    unpacked(root, layer(symlink("out", str(outside))), layer(".wh.out"))

    assert tree(root.path) == {}
    assert (outside / "secret").read_text() == HOST


def test_links_inside_are_followed_on_the_way(root: RootDirectory) -> None:
    found = unpacked(root, layer(directory("usr/lib"), symlink("lib", "usr/lib")), layer("lib/x"))

    assert found == {"lib": "-> usr/lib", "usr": "/", "usr/lib": "/", "usr/lib/x": "lib/x"}


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


def test_removing_a_tree_does_not_follow_links(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "out").symlink_to(outside)

    remove_tree(tmp_path / "tree")

    assert (outside / "secret").read_text() == HOST


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
    unpacked(root, layer(symlink("work", str(outside))))

    made = root.make_directory("/work/new")

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
