from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.conda.packages.archive import PackageArchive
from condabox.conda.packages.metadata import (
    ListedPath,
    Placeholder,
    read_metadata,
)
from condabox.errors import InstallError, UnsafePathError
from tests.fakes.packages import (
    PLACEHOLDER,
    Directory,
    File,
    Link,
    make_package,
    write_archive,
)

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.packages.metadata import PackageMetadata


def metadata_of(path: Path) -> PackageMetadata:
    return read_metadata(PackageArchive(path=path, name=path.name))


def paths_json(*rows: object) -> dict[str, bytes]:
    return {"paths.json": json.dumps({"paths": rows, "paths_version": 1}).encode()}


def test_paths_are_read_as_they_are_listed(tmp_path: Path) -> None:
    path = make_package(
        tmp_path,
        "tool",
        files={
            "a": File(b"1", no_link=True),
            "b": Link("a"),
            "c": Directory(),
            "d": PLACEHOLDER,
            "e": PLACEHOLDER.encode() + b"\0",
            "f": File("x", listed=False),
        },
    )

    metadata = metadata_of(path)

    types = [(each.path, each.path_type, each.no_link, each.size) for each in metadata.paths]
    assert types == [
        ("a", "hardlink", True, 1),
        ("b", "softlink", False, 1),
        ("c", "directory", False, None),
        ("d", "hardlink", False, len(PLACEHOLDER)),
        ("e", "hardlink", False, len(PLACEHOLDER) + 1),
    ]
    assert [each.placeholder and each.placeholder.mode for each in metadata.paths] == [
        None,
        None,
        None,
        "text",
        "binary",
    ]
    assert {each.path for each in metadata.paths if each.sha256} == {"a", "b", "d", "e"}


def test_old_lists_say_the_same(tmp_path: Path) -> None:
    info = {
        "files": b"b\n./a\nsp ace\nq\r\n\nb\n",
        "has_prefix": b'a\n/short BINARY b\n"/sh ort" text "sp ace"\n"C:\\\\x" text "q"\n',
        "no_link": b"b\n",
        "no_softlink": b"q\n",
    }
    path = make_package(tmp_path, "old", old_style=True, info=info)

    assert metadata_of(path).paths == (
        ListedPath(path="b", placeholder=Placeholder(text="/short", mode="binary"), no_link=True),
        ListedPath(
            path="a", placeholder=Placeholder(text="/opt/anaconda1anaconda2anaconda3", mode="text")
        ),
        ListedPath(path="sp ace", placeholder=Placeholder(text="/sh ort", mode="text")),
        ListedPath(path="q", placeholder=Placeholder(text="C:\\x", mode="text"), no_link=True),
    )


def test_a_path_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    row = {"_path": "a", "path_type": "hardlink"}
    path = make_package(tmp_path, "tool", info=paths_json(row, {**row, "no_link": True}))

    assert metadata_of(path).paths == (ListedPath(path="a", path_type="hardlink", no_link=True),)


def test_a_placeholder_needs_text_and_mode(tmp_path: Path) -> None:
    row = {"_path": "a", "path_type": "hardlink"}
    path = make_package(
        tmp_path,
        "tool",
        info=paths_json(
            {**row, "prefix_placeholder": "", "file_mode": "text"},
            {**row, "_path": "b", "prefix_placeholder": "/x"},
        ),
    )

    assert [each.placeholder for each in metadata_of(path).paths] == [None, None]


@pytest.mark.parametrize(
    ("noarch", "is_python"), [("python", True), ("generic", False), (True, False), ("", False)]
)
def test_only_noarch_python_is_python(tmp_path: Path, noarch: object, *, is_python: bool) -> None:
    path = make_package(tmp_path, "tool", index={"noarch": noarch})

    assert metadata_of(path).noarch_python is is_python


def test_entry_points_are_those_of_noarch_python(tmp_path: Path) -> None:
    link = {"noarch": {"type": "python", "entry_points": ["a = b:c"]}}
    info = {"link.json": json.dumps(link).encode()}

    noarch = make_package(tmp_path, "tool", noarch="python", info=info)
    other = make_package(tmp_path, "other", info=info)

    assert [each.command for each in metadata_of(noarch).entry_points] == ["a"]
    assert metadata_of(other).entry_points == ()


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        (1_700_000_000_123, 1_700_000_000),
        (1_400_000_000, 1_400_000_000),
        (9_000_000_000, None),
        (10**30, None),
        (True, None),
        (0, None),
        (-5, None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_timestamps_are_in_seconds(tmp_path: Path, timestamp: object, seconds: int | None) -> None:
    path = make_package(tmp_path, "tool", index={"timestamp": timestamp})

    assert metadata_of(path).timestamp == seconds


def test_about_may_be_missing(tmp_path: Path) -> None:
    path = write_archive(
        tmp_path / "a-1-0.conda", info={"index.json": b"{}", "files": b""}, members=[]
    )

    assert metadata_of(path).about == {}


ROW = {"_path": "a", "path_type": "hardlink"}

BROKEN: dict[str, tuple[dict[str, bytes], str]] = {
    "no JSON": ({"index.json": b"{"}, r"info/index\.json: is not JSON"),
    "not UTF-8": ({"index.json": b'{"a": "\xff"}'}, r"info/index\.json: is not JSON"),
    "no number": ({"index.json": b'{"a": NaN}'}, r"info/index\.json: is not JSON: NaN"),
    "deep": ({"index.json": b"[" * 100_000}, r"info/index\.json: is not JSON"),
    "list": ({"index.json": b"[]"}, r"info/index\.json: expected a mapping, got a list"),
    "about": ({"about.json": b"1"}, r"info/about\.json: expected a mapping"),
    "paths": ({"paths.json": b"{}"}, r"info/paths\.json: paths: expected a list, got nothing"),
    "row": (paths_json(1), r"info/paths\.json: paths\[0\]: expected a mapping"),
    "no path": (paths_json({"path_type": "hardlink"}), r"paths\[0\]\._path: is missing"),
    "type": (paths_json({**ROW, "path_type": "socket"}), r"'socket' is not a known type"),
    "mode": (
        paths_json({**ROW, "prefix_placeholder": "/x", "file_mode": "ebcdic"}),
        r"paths\[0\]\.file_mode: 'ebcdic' is not a known mode",
    ),
    "NUL": (
        paths_json({**ROW, "prefix_placeholder": "/x\0y", "file_mode": "binary"}),
        r"paths\[0\]\.prefix_placeholder: is not a path",
    ),
    "long placeholder": (
        paths_json({**ROW, "prefix_placeholder": "/" * 5000, "file_mode": "text"}),
        r"paths\[0\]\.prefix_placeholder: is not a path",
    ),
    "size": (paths_json({**ROW, "size_in_bytes": "1"}), r"size_in_bytes: expected a whole number"),
}


@pytest.mark.parametrize(("info", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_makes_no_sense_is_an_install_error(
    tmp_path: Path, info: dict[str, bytes], message: str
) -> None:
    path = make_package(tmp_path, "tool", info=info)

    with pytest.raises(InstallError, match=rf"^tool-1\.0-0\.conda: .*{message}"):
        metadata_of(path)


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ({"noarch": {"entry_points": ["../x = a:b"]}}, "entry_points.*is not an entry point"),
        ({"noarch": {"entry_points": "x = a:b"}}, "entry_points: expected a list"),
        ({"noarch": []}, "noarch: expected a mapping"),
        ({}, "noarch: is missing"),
    ],
)
def test_broken_entry_points_are_an_install_error(
    tmp_path: Path, link: object, message: str
) -> None:
    info = {"link.json": json.dumps(link).encode()}
    path = make_package(tmp_path, "tool", noarch="python", info=info)

    with pytest.raises(InstallError, match=message):
        metadata_of(path)


@pytest.mark.parametrize("listed", ["../x", "/etc/passwd", "a/../../x", "", "a\0b", "\ud800"])
def test_paths_that_leave_the_prefix_are_unsafe(tmp_path: Path, listed: str) -> None:
    path = make_package(tmp_path, "tool", info=paths_json({**ROW, "_path": listed}))

    with pytest.raises(UnsafePathError, match=r"^tool-1\.0-0\.conda: "):
        metadata_of(path)


@pytest.mark.parametrize("name", ["files", "has_prefix"])
def test_old_lists_are_checked_as_well(tmp_path: Path, name: str) -> None:
    path = make_package(tmp_path, "old", old_style=True, info={"files": b"a", name: b"../x"})
    with pytest.raises(UnsafePathError):
        metadata_of(path)

    path = make_package(tmp_path, "old", old_style=True, info={"files": b"a", name: b"\xff"})
    with pytest.raises(InstallError, match=f"info/{name}: is not valid UTF-8"):
        metadata_of(path)


def test_a_package_without_any_list_is_an_install_error(tmp_path: Path) -> None:
    path = make_package(tmp_path, "old", old_style=True)

    with pytest.raises(InstallError, match=r"info/paths\.json: is missing, and so is info/files"):
        metadata_of(path)


def test_python_says_where_its_modules_are(tmp_path: Path) -> None:
    site_packages = "lib/python3.13t/site-packages"
    plain = make_package(tmp_path, "python", "3.12.1")
    free = make_package(
        tmp_path, "python", "3.13.1", index={"python_site_packages_path": site_packages}
    )

    assert [metadata_of(path).site_packages for path in (plain, free)] == [None, site_packages]


@pytest.mark.parametrize("site_packages", ["../x", "/lib", 3])
def test_python_cannot_put_modules_outside(tmp_path: Path, site_packages: object) -> None:
    path = make_package(
        tmp_path, "python", "3.13.1", index={"python_site_packages_path": site_packages}
    )

    with pytest.raises(InstallError):
        metadata_of(path)
