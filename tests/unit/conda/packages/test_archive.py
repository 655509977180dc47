from __future__ import annotations

import bz2
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
import zstandard

from condabox.conda.packages import archive as archive_module
from condabox.conda.packages.archive import MemberKind, PackageArchive
from condabox.content import CHUNK_SIZE
from condabox.errors import InstallError, UnsafePathError
from tests.fakes.packages import (
    File,
    HardLink,
    Link,
    file_member,
    make_package,
    special_member,
    tar_bytes,
    write_archive,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.packages import ArchiveFormat, Member

FORMATS = pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])


def opened(path: Path) -> PackageArchive:
    return PackageArchive(path=path, name=path.name)


def members_of(path: Path) -> list[tuple[str, MemberKind, bool, str, bytes]]:
    return [
        (member.path, member.kind, member.executable, member.target, b"".join(member.chunks()))
        for member in opened(path).members()
        if not member.path.startswith("info/")
    ]


@FORMATS
def test_members_of_every_kind(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    path = make_package(
        tmp_path,
        "tool",
        files={
            "bin/tool": File(b"run", executable=True),
            "bin/other": HardLink("bin/tool"),
            "lib/link": Link("../bin/tool"),
            "empty": b"",
        },
        archive_format=archive_format,
    )

    assert members_of(path) == [
        ("bin/tool", MemberKind.FILE, True, "", b"run"),
        ("bin/other", MemberKind.HARD_LINK, False, "bin/tool", b""),
        ("lib/link", MemberKind.LINK, True, "../bin/tool", b""),
        ("empty", MemberKind.FILE, False, "", b""),
    ]


@FORMATS
def test_info_files_are_read_by_name(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    path = make_package(
        tmp_path,
        "tool",
        files={"a": "x"},
        archive_format=archive_format,
        info={"extra": b"e", "sub/files": b"e", "no_link": b"a"},
    )

    info = opened(path).info_files()

    assert sorted(info) == ["about.json", "index.json", "no_link", "paths.json"]
    assert info["no_link"] == b"a"


def test_the_format_is_told_by_the_bytes(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", files={"a": "x"}).rename(tmp_path / "0123abcd")

    assert [member[0] for member in members_of(path)] == ["a"]


def test_names_are_made_normal(tmp_path: Path) -> None:
    members = [
        (special_member("./", tarfile.DIRTYPE), b""),
        file_member("./bin//tool"),
        (special_member("bin/", tarfile.DIRTYPE), b""),
        (special_member("bin", tarfile.DIRTYPE), b""),
    ]

    found = members_of(write_archive(tmp_path / "a-1-0.conda", info={}, members=members))

    assert [(path, kind) for path, kind, *_ in found] == [
        ("bin/tool", MemberKind.FILE),
        ("bin", MemberKind.DIRECTORY),
        ("bin", MemberKind.DIRECTORY),
    ]


def test_files_come_in_small_chunks(tmp_path: Path) -> None:
    size = 3 * CHUNK_SIZE + 7
    path = make_package(tmp_path, "big", files={"big": bytes(size)})

    sizes = [
        len(chunk)
        for member in opened(path).members()
        if member.path == "big"
        for chunk in member.chunks()
    ]

    assert sum(sizes) == size
    assert max(sizes) <= CHUNK_SIZE


def test_compressed_in_several_frames(tmp_path: Path) -> None:
    path = make_package(tmp_path, "a", files={"x": b"1" * 5000, "y": b"2" * 5000})
    tar = tar_bytes([file_member("x", b"1" * 5000), file_member("y", b"2" * 5000)])
    frames = [zstandard.compress(part) for part in (tar[:4000], b"", tar[4000:])]
    _replace_component(path, "pkg-", b"".join(frames))

    assert [(name, len(data)) for name, *_, data in members_of(path)] == [("x", 5000), ("y", 5000)]


UNSAFE: dict[str, list[Member]] = {
    "parent": [file_member("../evil")],
    "parent inside": [file_member("lib/../../evil")],
    "absolute": [file_member("/etc/passwd")],
    "only dots": [file_member("./.")],
    "absolute hard link": [
        file_member("a"),
        (special_member("b", tarfile.LNKTYPE, target="/etc/passwd"), b""),
    ],
    "hard link above": [(special_member("b", tarfile.LNKTYPE, target="../x"), b"")],
    "fifo": [(special_member("pipe", tarfile.FIFOTYPE), b"")],
    "character device": [(special_member("null", tarfile.CHRTYPE), b"")],
    "block device": [(special_member("sda", tarfile.BLKTYPE), b"")],
    "behind a link": [
        (special_member("lib", tarfile.SYMTYPE, target="/etc"), b""),
        file_member("lib/passwd"),
    ],
    "far behind a link": [
        (special_member("lib", tarfile.SYMTYPE, target="share"), b""),
        file_member("lib/a/b/c"),
    ],
    "name that is not UTF-8": [file_member("caf\udce9")],
    "target that is not UTF-8": [(special_member("l", tarfile.SYMTYPE, target="caf\udce9"), b"")],
}


@FORMATS
@pytest.mark.parametrize("members", UNSAFE.values(), ids=UNSAFE.keys())
def test_what_reaches_out_is_refused(
    tmp_path: Path, archive_format: ArchiveFormat, members: list[Member]
) -> None:
    path = write_archive(tmp_path / f"evil-1-0.{archive_format}", info={}, members=members)

    with pytest.raises(UnsafePathError, match=rf"^evil-1-0\.{archive_format}: "):
        members_of(path)


@FORMATS
def test_members_that_are_there_twice_are_refused(
    tmp_path: Path, archive_format: ArchiveFormat
) -> None:
    path = write_archive(
        tmp_path / f"evil-1-0.{archive_format}",
        info={},
        members=[file_member("a", b"1"), file_member("./a", b"2")],
    )

    with pytest.raises(InstallError, match="a is there twice"):
        members_of(path)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_package(tmp_path, "a", files={str(number): "" for number in range(20)})
    monkeypatch.setattr(archive_module, "MAX_MEMBERS", 10)

    with pytest.raises(InstallError, match="more than 10 members"):
        members_of(path)


def test_large_info_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_package(tmp_path, "a", info={"index.json": b" " * 5000})
    monkeypatch.setattr(archive_module, "MAX_INFO_SIZE", 4000)

    with pytest.raises(InstallError, match=r"info/index\.json is larger than 4000 bytes"):
        opened(path).info_files()


def test_extended_headers_of_any_size_are_refused(tmp_path: Path) -> None:
    header = special_member("x", tarfile.XHDTYPE)
    header.size = 1 << 40
    claim = header.tobuf(tarfile.GNU_FORMAT)
    path = make_package(tmp_path, "a")
    _replace_component(path, "pkg-", zstandard.compress(claim + bytes(4096)))

    with pytest.raises(InstallError, match="a header of 1099511627776 bytes"):
        members_of(path)


def test_negative_sizes_are_refused(tmp_path: Path) -> None:
    members = [file_member("x", b"1" * 600), file_member("y")]
    tar = bytearray(tar_bytes(members))
    second = tar.index(b"y\0")
    tar[second + 124 : second + 136] = b"\xff" * 10 + b"\xfe\x00"  # base 256, as GNU has it
    tar[second + 148 : second + 156] = b" " * 8
    checksum = sum(tar[second : second + 512])
    tar[second + 148 : second + 156] = b"%06o\0 " % checksum
    path = make_package(tmp_path, "a")
    _replace_component(path, "pkg-", zstandard.compress(bytes(tar)))

    with pytest.raises(InstallError, match="a header of -512 bytes"):
        members_of(path)


def test_sparse_files_are_refused(tmp_path: Path) -> None:
    sparse = special_member("sparse", tarfile.GNUTYPE_SPARSE)
    path = write_archive(tmp_path / "evil-1-0.conda", info={}, members=[(sparse, b"")])

    with pytest.raises(UnsafePathError, match="sparse is no file"):
        members_of(path)


@FORMATS
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_archives_are_install_errors(
    tmp_path: Path, archive_format: ArchiveFormat, part: float
) -> None:
    path = make_package(
        tmp_path, "a", files={"x": bytes(range(256)) * 64}, archive_format=archive_format
    )
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])

    with pytest.raises(InstallError, match=rf"^a-1\.0-0\.{archive_format}"):
        members_of(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an archive at all",
        b"PK\x03\x04" + b"junk" * 100,
        b"BZh9" + b"junk" * 100,
        bz2.compress(b"not a tar" * 500),
        bz2.compress(b""),
    ],
)
def test_other_files_are_install_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a-1-0.conda"
    path.write_bytes(data)

    with pytest.raises(InstallError, match=r"^a-1-0\.conda"):
        members_of(path)


def test_a_missing_file_is_an_install_error(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"a-1-0\.conda cannot be read"):
        members_of(tmp_path / "a-1-0.conda")
    with pytest.raises(InstallError, match=r"a-1-0\.conda cannot be read"):
        assert opened(tmp_path / "a-1-0.conda").size


@pytest.mark.parametrize("data", [b"", b"not zstd", zstandard.compress(b"not a tar" * 500)])
def test_broken_components_are_install_errors(tmp_path: Path, data: bytes) -> None:
    path = make_package(tmp_path, "a", files={"x": "1"})
    _replace_component(path, "pkg-", data)

    with pytest.raises(InstallError, match="cannot be read"):
        members_of(path)


@pytest.mark.parametrize("names", [["info-a.tar.zst"], ["pkg-a.tar.zst", "pkg-b.tar.zst"]])
def test_components_must_be_there_once(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "a-1-0.conda"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, zstandard.compress(tar_bytes([])))

    with pytest.raises(InstallError, match=r"has not exactly one stored pkg-\*\.tar\.zst"):
        members_of(path)


def test_deflated_components_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a-1-0.conda"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pkg-a.tar.zst", zstandard.compress(bytes(100_000)))

    with pytest.raises(InstallError, match="has not exactly one stored"):
        members_of(path)


def test_info_of_old_archives_is_found_behind_the_payload(tmp_path: Path) -> None:
    payload = [file_member("bin/tool", b"x")]
    info = [file_member("info/index.json", b"{}"), file_member("info/files", b"bin/tool\n")]
    path = tmp_path / "old-1-0.tar.bz2"
    path.write_bytes(bz2.compress(tar_bytes([*payload, *info])))

    assert sorted(opened(path).info_files()) == ["files", "index.json"]


def test_info_at_the_front_is_read_without_the_payload(tmp_path: Path) -> None:
    path = make_package(tmp_path, "a", files={"x": b"1" * 100_000}, archive_format="tar.bz2")
    tar = bz2.decompress(path.read_bytes())
    payload = tar.index(b"1" * 1000)
    # Even a payload that cannot be read does not matter: nobody looks at it.
    path.write_bytes(bz2.compress(tar[:payload]) + b"broken")

    assert "paths.json" in opened(path).info_files()


def _replace_component(path: Path, prefix: str, data: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            new.writestr(info, data if info.filename.startswith(prefix) else old.read(info))
    path.write_bytes(buffer.getvalue())
