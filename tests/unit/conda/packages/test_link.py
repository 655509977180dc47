from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry, Spool
from condabox.conda.packages.link import link_conda_package
from condabox.conda.packages.python import PythonInfo
from condabox.errors import InstallError, UnsafePathError
from tests.fakes.packages import (
    PLACEHOLDER,
    Directory,
    File,
    HardLink,
    Link,
    file_member,
    locked,
    make_package,
    special_member,
    write_archive,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.packages.entry import PrefixEntry
    from tests.fakes.packages import ArchiveFormat, Shipped

PYTHON = PythonInfo(version="3.11.2")
FORMATS = pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])


def linked(
    path: Path, *, prefix: str = "/opt/env", python: PythonInfo | None = PYTHON
) -> dict[str, object]:
    """Link ``path`` and return what its entries are; all but the record."""
    with Spool(path.parent) as spool:
        entries = link_conda_package(path, locked(path), prefix=prefix, python=python, spool=spool)
        paths = [entry.path for entry in entries]
        assert paths == sorted(paths, key=str.encode)
        return {
            entry.path: _described(entry)
            for entry in entries
            if not entry.path.startswith("conda-meta/")
        }


def listing(types: Mapping[str, str], **extra: object) -> dict[str, bytes]:
    rows = [{"_path": path, "path_type": kind, **extra} for path, kind in types.items()]
    return {"index.json": b"{}", "paths.json": json.dumps({"paths": rows}).encode()}


def _described(entry: PrefixEntry) -> object:
    match entry:
        case FileEntry():
            data = b"".join(entry.content.chunks())
            assert len(data) == entry.content.size
            return (data, "x") if entry.executable else data
        case LinkEntry():
            return ("->", entry.target)
        case DirectoryEntry():
            return "directory"


@FORMATS
@pytest.mark.parametrize("old_style", [False, True])
def test_files_links_and_directories(
    tmp_path: Path, archive_format: ArchiveFormat, *, old_style: bool
) -> None:
    path = make_package(
        tmp_path,
        "tool",
        files={
            "bin/tool": File(f"#!{PLACEHOLDER}/bin/sh\n", executable=True),
            "lib/lib.so": b"\0" + PLACEHOLDER.encode() + b"/x\0y",
            "lib/link": Link("../bin/tool"),
            "share/empty": b"",
            "share/dir": Directory(),
        },
        archive_format=archive_format,
        old_style=old_style,
    )

    assert linked(path) == {
        "bin/tool": (b"#!/opt/env/bin/sh\n", "x"),
        "lib/lib.so": b"\0/opt/env/x" + bytes(len(PLACEHOLDER) - len("/opt/env")) + b"\0y",
        "lib/link": ("->", "../bin/tool"),
        "share/empty": b"",
        "share/dir": "directory",
    }


def test_the_record_is_one_of_the_entries(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", "1.2", build="h1_3", files={"a": "x"})

    with Spool(tmp_path) as spool:
        entries = link_conda_package(path, locked(path), prefix="/p", python=None, spool=spool)

    assert [entry.path for entry in entries] == ["a", "conda-meta/tool-1.2-h1_3.json"]


def test_the_same_package_gives_the_same_record_everywhere(tmp_path: Path) -> None:
    records = []
    for folder in ("here", "there"):
        path = make_package(tmp_path / folder, "tool", files={"a": PLACEHOLDER})
        with Spool(tmp_path) as spool:
            entry = link_conda_package(path, locked(path), prefix="/p", python=None, spool=spool)[1]
            assert isinstance(entry, FileEntry)
            records.append(b"".join(entry.content.chunks()))

    assert records[0] == records[1]
    assert str(tmp_path).encode() not in records[0]


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": "6.6"}])
def test_a_package_is_the_one_that_is_locked(tmp_path: Path, change: Mapping[str, str]) -> None:
    path = make_package(tmp_path, "tool", "1.2", files={"a": "x"})
    package = replace(locked(path), **change)  # type: ignore[arg-type]

    with Spool(tmp_path) as spool, pytest.raises(InstallError) as caught:
        link_conda_package(path, package, prefix="/p", python=None, spool=spool)

    assert "says that it is tool 1.2" in caught.value.message
    assert f"`condabox lock --update {package.name}`" in str(caught.value.hint)


def test_what_is_not_listed_is_not_linked(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", files={"a": "x", "b": File("y", listed=False)})

    assert linked(path) == {"a": b"x"}


def test_info_files_are_linked_where_they_are_listed(tmp_path: Path) -> None:
    info = {**listing({"a": "hardlink", "info/extra": "hardlink"}), "extra": b"e"}
    path = make_package(tmp_path, "tool", files={"a": "x"}, info=info)

    assert linked(path) == {"a": b"x", "info/extra": b"e"}


def test_a_listed_directory_needs_no_member(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", info=listing({"share/dir": "directory"}))

    assert linked(path) == {"share/dir": "directory"}


@FORMATS
def test_hard_links_are_files_of_their_own(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    path = make_package(
        tmp_path,
        "git",
        files={
            "bin/git": File(f"{PLACEHOLDER}/git", executable=True),
            "bin/git-add": HardLink("bin/git"),
            "bin/git-rm": HardLink("bin/git-add"),
        },
        archive_format=archive_format,
    )

    # Only what is listed with a placeholder is patched, also where the bytes are the same.
    assert linked(path) == {
        "bin/git": (b"/opt/env/git", "x"),
        "bin/git-add": (b"/opt/env/git", "x"),
        "bin/git-rm": (f"{PLACEHOLDER}/git".encode(), "x"),
    }


def test_hard_links_to_what_is_not_linked(tmp_path: Path) -> None:
    path = make_package(
        tmp_path,
        "tool",
        files={
            "hidden": File(b"x" * 100, listed=False),
            "seen": HardLink("hidden"),
            "link": Link("seen"),
            "again": HardLink("link"),
        },
    )

    assert linked(path) == {"seen": b"x" * 100, "link": ("->", "seen"), "again": ("->", "seen")}


def test_hard_links_to_nothing_are_an_install_error(tmp_path: Path) -> None:
    path = write_archive(
        tmp_path / "evil-1-0.conda",
        info=listing({"a": "hardlink"}),
        members=[(special_member("a", tarfile.LNKTYPE, target="b"), b"")],
    )

    with pytest.raises(InstallError, match="a is a hard link to b, which is not there"):
        linked(path)


def test_noarch_python_goes_where_python_looks(tmp_path: Path) -> None:
    path = make_package(
        tmp_path,
        "tool",
        noarch="python",
        files={
            "site-packages/tool.py": f"x = '{PLACEHOLDER}'",
            "python-scripts/run": File("#!/bin/sh\n", executable=True),
            "share/data": "1",
            "site-packages/up": Link("../../bin/run"),
        },
        entry_points=["tool = tool:main"],
    )

    found = linked(path)

    script = found.pop("bin/tool")
    assert isinstance(script, tuple)
    assert script[0].startswith(b"#!/opt/env/bin/python3.11\n")
    assert found == {
        "lib/python3.11/site-packages/tool.py": b"x = '/opt/env'",
        "lib/python3.11/site-packages/up": ("->", "../../bin/run"),
        "bin/run": (b"#!/bin/sh\n", "x"),
        "share/data": b"1",
    }


def test_an_entry_point_replaces_the_packages_own_file(tmp_path: Path) -> None:
    path = make_package(
        tmp_path,
        "tool",
        noarch="python",
        files={"bin/tool": "old"},
        entry_points=["tool = tool:main"],
    )

    (script,) = linked(path).values()

    assert isinstance(script, tuple)
    assert b"from tool import main" in script[0]


def test_noarch_python_without_python_is_an_install_error(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", noarch="python", files={"site-packages/a": "x"})

    with pytest.raises(InstallError, match="is for any Python, and the environment has none"):
        linked(path, python=None)


def test_two_files_for_one_place_are_an_install_error(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {"site-packages/a": "1", "lib/python3.11/site-packages/a": "2"}
    path = make_package(tmp_path, "tool", noarch="python", files=files)

    with pytest.raises(InstallError, match=r"are both for lib/python3\.11/site-packages/a"):
        linked(path)


@pytest.mark.parametrize("path_type", ["hardlink", "softlink"])
def test_what_is_listed_but_missing_is_an_install_error(tmp_path: Path, path_type: str) -> None:
    path = make_package(
        tmp_path, "tool", files={"a": "x"}, info=listing({"a": "hardlink", "b": path_type})
    )

    with pytest.raises(InstallError, match="lists b, but does not contain it"):
        linked(path)


@pytest.mark.parametrize(
    ("entry", "path_type"), [(Directory(), "hardlink"), (File("x"), "directory")]
)
def test_directories_must_be_what_they_are_listed_as(
    tmp_path: Path, entry: Shipped, path_type: str
) -> None:
    path = make_package(tmp_path, "tool", files={"a": entry}, info=listing({"a": path_type}))

    with pytest.raises(InstallError, match=f"a is not the {path_type} that it is listed as"):
        linked(path)


def test_the_payload_tells_links_from_files(tmp_path: Path) -> None:
    info = listing({"a": "softlink", "b": "hardlink"})
    path = make_package(tmp_path, "tool", files={"a": "x", "b": Link("a")}, info=info)

    assert linked(path) == {"a": b"x", "b": ("->", "a")}


@pytest.mark.parametrize("extra", [{"no_link": True}, {"prefix_placeholder": PLACEHOLDER}])
def test_links_stay_links(tmp_path: Path, extra: dict[str, object]) -> None:
    info = listing({"b": "softlink"}, file_mode="text", **extra)
    path = make_package(tmp_path, "tool", files={"a": "x", "b": Link("a")}, info=info)

    assert linked(path)["b"] == ("->", "a")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("l", "/etc/passwd"),
        ("l", "/opt/env/bin/x"),
        ("l", ".."),
        ("l", ""),
        ("l", "../opt"),
        ("a/b/l", "../../../x"),
        ("a/l", "b/../../../x"),
        ("l", PLACEHOLDER + "/bin/x"),
    ],
)
def test_links_that_leave_the_prefix_are_unsafe(tmp_path: Path, path: str, target: str) -> None:
    archive = make_package(tmp_path, "tool", files={path: Link(target)})

    with pytest.raises(UnsafePathError, match=f"the symbolic link {path} points outside"):
        linked(archive)


@pytest.mark.parametrize(
    ("path", "target"),
    [("l", "."), ("l", "x"), ("a/l", ".."), ("a/b/l", "../../x"), ("l", "..x"), ("a/l", "../.x")],
)
def test_links_within_the_prefix_are_fine(tmp_path: Path, path: str, target: str) -> None:
    archive = make_package(tmp_path, "tool", files={path: Link(target)})

    assert linked(archive) == {path: ("->", target)}


def test_a_link_is_judged_where_it_will_be(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {"site-packages/l": Link("../../../share/x")}
    path = make_package(tmp_path, "tool", noarch="python", files=files)

    assert linked(path) == {"lib/python3.11/site-packages/l": ("->", "../../../share/x")}


def test_nothing_is_linked_behind_a_link(tmp_path: Path) -> None:
    path = write_archive(
        tmp_path / "evil-1-0.conda",
        info=listing({"lib/a": "hardlink", "lib": "hardlink"}),
        members=[
            file_member("lib/a"),
            (special_member("lib", tarfile.SYMTYPE, target="share"), b""),
        ],
    )

    with pytest.raises(UnsafePathError, match="lib/a lies behind the symbolic link lib"):
        linked(path)


def test_nothing_is_linked_below_a_file(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", files={"lib/a": "1", "lib": "2"})

    with pytest.raises(InstallError, match="lib/a lies below lib, which is a file"):
        linked(path)


def test_a_prefix_too_long_for_a_binary_names_the_lengths(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {"lib/a.so": File("/short\0", placeholder="/short")}
    path = make_package(tmp_path, "tool", files=files)

    with pytest.raises(InstallError) as caught:
        linked(path)

    assert caught.value.message == (
        "tool-1.0-0.conda: lib/a.so has room for a prefix of 6 bytes, and /opt/env has 8"
    )
    assert caught.value.hint == "choose a shorter `prefix:` in the environment file"
    assert linked(path, prefix="/env") == {"lib/a.so": b"/env\0\0\0"}
