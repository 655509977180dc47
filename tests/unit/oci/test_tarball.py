"""Layers' tars: what Python's tarfile reads back, and what is refused."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.content import BytesContent
from condabox.errors import ImageError
from condabox.oci.digest import Digest
from condabox.oci.tarball import TarDirectory, TarFile, TarLink, tar_chunks, write_tar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from condabox.oci.tarball import TarEntry

MTIME = 1_700_000_000


@dataclass
class FakeContent:
    """Content that does not hold what it says."""

    size: int
    data: tuple[bytes, ...] = ()

    def chunks(self) -> Iterator[bytes]:
        yield from self.data


def tar_of(entries: Iterable[TarEntry], *, mtime: int = MTIME) -> bytes:
    chunks: list[bytes] = []
    write_tar(entries, mtime=mtime, write=chunks.append)
    return b"".join(chunks)


def read_back(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
    assert len({member.name for member in members}) == len(members)
    return {member.name: member for member in members}


def file(path: str, data: bytes = b"x", **fields: int) -> TarFile:
    return TarFile(path=path, content=BytesContent(data), **fields)


def sort(entries: Sequence[TarEntry]) -> list[TarEntry]:
    return sorted(entries, key=lambda entry: entry.path.encode())


parts = st.sampled_from(["a", "b", "a-b", "a.", "aa"]) | st.text(
    st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=60
).filter(lambda part: part not in {".", ".."} and not part.startswith(".wh."))
owners = st.integers(0, 2**31)


@st.composite
def trees(draw: st.DrawFn) -> list[TarEntry]:
    """Draw entries that no two of are one, and none of is in a file."""
    paths = draw(st.sets(st.lists(parts, min_size=1, max_size=6).map("/".join), max_size=8))
    inner = {path[: path.index("/", start)] for path in paths for start in _slashes(path)}
    entries: list[TarEntry] = []
    for path in paths:
        uid, gid = draw(owners), draw(owners)
        kind = "directory" if path in inner else draw(st.sampled_from(["file", "link"]))
        if kind == "directory":
            mode = draw(st.integers(0, 0o7777))
            entries.append(TarDirectory(path=path, mode=mode, uid=uid, gid=gid))
        elif kind == "file":
            content = BytesContent(draw(st.binary(max_size=1500)))
            mode = draw(st.integers(0, 0o7777))
            entries.append(TarFile(path=path, content=content, mode=mode, uid=uid, gid=gid))
        else:
            target = draw(st.lists(parts, min_size=1, max_size=4).map("/".join))
            entries.append(TarLink(path=path, target=target, uid=uid, gid=gid))
    return sort(entries)


def _slashes(path: str) -> list[int]:
    return [position for position, letter in enumerate(path) if letter == "/"]


@given(trees(), st.integers(0, 2**33 - 1))
def test_tarfile_reads_back_what_was_written(entries: list[TarEntry], mtime: int) -> None:
    data = tar_of(entries, mtime=mtime)

    members = read_back(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in entries:
            member = members[entry.path]
            assert (member.uid, member.gid, member.mtime) == (entry.uid, entry.gid, mtime)
            match entry:
                case TarFile():
                    content = tar.extractfile(member)
                    assert content is not None
                    assert (content.read(), member.mode) == (
                        b"".join(entry.content.chunks()),
                        entry.mode,
                    )
                case TarLink():
                    assert (member.issym(), member.linkname) == (True, entry.target)
                case TarDirectory():
                    assert (member.isdir(), member.mode) == (True, entry.mode)


@given(trees())
def test_every_parent_is_a_directory_before_what_is_in_it(entries: list[TarEntry]) -> None:
    seen: set[str] = set()
    for name, member in read_back(tar_of(entries)).items():
        parent = name.rpartition("/")[0]
        assert not parent or parent in seen
        if member.isdir():
            seen.add(name)


@given(trees())
def test_members_stand_in_the_order_of_their_names_in_the_tar(entries: list[TarEntry]) -> None:
    members = read_back(tar_of(entries)).items()

    names = [(name + "/" if member.isdir() else name).encode() for name, member in members]

    assert names == sorted(names)


@given(trees())
def test_directories_that_need_no_entry_may_have_one(entries: list[TarEntry]) -> None:
    there = {entry.path for entry in entries}
    parents = {entry.path[:slash] for entry in entries for slash in _slashes(entry.path)} - there

    explicit = sort([*entries, *(TarDirectory(path=path) for path in parents)])

    assert tar_of(explicit) == tar_of(entries)


@given(trees())
def test_no_member_names_a_user_or_has_another_time(entries: list[TarEntry]) -> None:
    for member in read_back(tar_of(entries)).values():
        assert (member.uname, member.gname, member.mtime) == ("", "", MTIME)


def test_an_empty_layer_is_an_empty_tar() -> None:
    assert tar_of([]) == bytes(1024)


def test_parents_are_written_once_with_mode_0755() -> None:
    members = read_back(tar_of([file("a/b/c"), file("a/b/d"), file("a/e")]))

    assert list(members) == ["a", "a/b", "a/b/c", "a/b/d", "a/e"]
    assert [members[name].mode for name in ("a", "a/b")] == [0o755, 0o755]


def test_a_directory_stands_after_files_that_sort_before_its_slash() -> None:
    entries: list[TarEntry] = [
        TarDirectory(path="a", mode=0o700),
        TarDirectory(path="a-b"),
        file("a.c"),
        file("a/d"),
    ]

    members = read_back(tar_of(entries))

    assert list(members) == ["a-b", "a.c", "a", "a/d"]
    assert members["a"].mode == 0o700


@pytest.mark.parametrize(
    ("path", "pax"),
    [
        pytest.param("x" * 100, False, id="100 characters"),
        pytest.param("x" * 101, True, id="101 characters"),
        pytest.param("p" * 155 + "/" + "x" * 100, False, id="prefix and name full"),
        pytest.param("p" * 156 + "/" + "x" * 100, True, id="prefix too long"),
        pytest.param("p/" * 100 + "x", False, id="deep"),
        pytest.param("p/" * 200 + "x", True, id="too deep"),
        pytest.param("ü", True, id="not ASCII"),
    ],
)
def test_only_names_that_ustar_cannot_hold_need_pax(path: str, *, pax: bool) -> None:
    [*_, member] = read_back(tar_of([file(path)])).values()

    assert (member.name, "path" in member.pax_headers) == (path, pax)


@pytest.mark.parametrize("length", [99, 100, 154, 155, 156, 300])
def test_long_directories_keep_their_names(length: int) -> None:
    path = "d" * length

    assert list(read_back(tar_of([TarDirectory(path=path)]))) == [path]


def test_link_targets_may_be_long_and_absolute() -> None:
    target = "/" + "t/" * 100

    assert read_back(tar_of([TarLink(path="l", target=target)]))["l"].linkname == target


def test_owners_beyond_ustar_are_kept() -> None:
    member = read_back(tar_of([file("f", uid=1_000_660_000, gid=2_097_151)]))["f"]

    assert (member.uid, member.gid) == (1_000_660_000, 2_097_151)
    assert dict(member.pax_headers) == {"uid": "1000660000"}


@pytest.mark.parametrize(
    ("size", "pax"), [(2**33 - 1, {}), (2**33, {"size": str(2**33)})], ids=["below", "from"]
)
def test_sizes_of_8_gib_need_pax(size: int, pax: dict[str, str]) -> None:
    entry = TarFile(path="f", content=FakeContent(size))

    header = next(iter(tar_chunks([entry], mtime=0)))

    member = tarfile.TarInfo.frombuf(header[-512:], "utf-8", "strict")
    assert member.size == (0 if pax else size)
    assert (b"size=8589934592\n" in header) == bool(pax)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "a/../b", "..", ".", "./a", "a//b", "a/", "a\0b", "\udcff"],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(ImageError):
        tar_of([file(path)])


@pytest.mark.parametrize("path", ["a/.wh.b", ".wh..wh..opq", ".wh.d/x"])
def test_whiteouts_are_refused(path: str) -> None:
    with pytest.raises(ImageError, match="delete files in an image"):
        tar_of([file(path)])


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([file("a"), file("a")], id="two files"),
        pytest.param([file("a"), TarDirectory(path="a")], id="file and directory"),
        pytest.param([TarDirectory(path="a"), TarDirectory(path="a")], id="two directories"),
        pytest.param([file("a"), TarLink(path="a", target="b")], id="file and link"),
    ],
)
def test_a_path_twice_is_refused(entries: list[TarEntry]) -> None:
    with pytest.raises(ImageError, match="a: is twice in a layer"):
        tar_of(entries)


def test_entries_out_of_order_are_refused() -> None:
    with pytest.raises(ImageError, match="a: is out of order"):
        tar_of([file("b"), file("a")])


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([file("a"), file("a/b")], id="next"),
        pytest.param([file("a"), file("a-b"), file("a/b/c")], id="later"),
        pytest.param([TarLink(path="a", target="/etc"), file("a/b")], id="link"),
        pytest.param([file("a/b"), TarDirectory(path="a/b/c")], id="directory in it"),
    ],
)
def test_a_file_that_has_entries_in_it_is_refused(entries: list[TarEntry]) -> None:
    with pytest.raises(ImageError, match="is a file and has"):
        tar_of(entries)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(FakeContent(3, (b"ab",)), "got 2 bytes, want 3", id="short"),
        pytest.param(FakeContent(3, (b"ab", b"cd")), "got more than 3 bytes, want 3", id="long"),
        pytest.param(FakeContent(0, (b"a",)), "got more than 0 bytes, want 0", id="not empty"),
    ],
)
def test_content_of_another_size_is_refused(content: FakeContent, message: str) -> None:
    with pytest.raises(ImageError, match=f"f: {message}"):
        tar_of([TarFile(path="f", content=content)])


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(TarLink(path="l", target=""), id="empty target"),
        pytest.param(TarLink(path="l", target="a\0b"), id="target with NUL"),
        pytest.param(TarLink(path="l", target="\udcff"), id="target that is not Unicode"),
        pytest.param(file("f", mode=0o10000), id="mode"),
        pytest.param(file("f", uid=-1), id="owner"),
    ],
)
def test_fields_that_cannot_be_written_are_refused(entry: TarEntry) -> None:
    with pytest.raises(ImageError):
        tar_of([entry])


@pytest.mark.parametrize("mtime", [-1, 2**33])
def test_times_that_cannot_be_written_are_refused(mtime: int) -> None:
    with pytest.raises(ImageError, match="a layer's time"):
        tar_of([], mtime=mtime)


def test_the_bytes_are_pinned() -> None:
    # A change of these bytes changes every image's digests: raise layercache.RECIPE with it.
    entries: list[TarEntry] = [
        file("opt/env/bin/ä", mode=0o755),
        TarLink(path="opt/env/lib", target="lib64"),
    ]

    digest = Digest.of(tar_of(entries))

    assert str(digest) == "sha256:64a5a7d200499a8d6aa8ff5078d933bee2f7b27512b86b6bd3b81002c32efec7"
