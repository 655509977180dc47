"""Packages that the world writes are packages that everybody reads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from conda_package_streaming.package_streaming import stream_conda_component

from tests.world.archive import Metadata, placeholder, write_package
from tests.world.channel import write_channel

if TYPE_CHECKING:
    from pathlib import Path


def metadata(*, tar_bz2: bool) -> Metadata:
    return Metadata(
        name="demo",
        version="1.0",
        build="h0_0",
        subdir="linux-64",
        license="MIT",
        summary="",
        timestamp=1_700_000_000,
        tar_bz2=tar_bz2,
    )


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    root = tmp_path / "staging"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "demo").write_text(f"#!{placeholder('demo')}/bin/python\n")
    (root / "bin" / "demo").chmod(0o700)
    (root / "lib").mkdir()
    (root / "lib" / "data.bin").write_bytes(b"\0" + placeholder("demo").encode() + b"\0")
    (root / "lib" / "link").symlink_to("data.bin")
    return root


def read_component(path: Path, component: str) -> dict[str, tuple[int, bytes]]:
    found = {}
    with path.open("rb") as stream:
        for tar, member in stream_conda_component(path.name, stream, component):
            content = tar.extractfile(member) if member.isreg() else None
            found[member.name] = (member.mode, content.read() if content else b"")
    return found


def test_a_placeholder_is_as_long_as_conda_builds() -> None:
    assert len(placeholder("demo")) == len(placeholder("a-much-longer-name")) == 255


@pytest.mark.parametrize("tar_bz2", [False, True])
def test_both_formats_hold_the_same_paths(staging: Path, tmp_path: Path, *, tar_bz2: bool) -> None:
    built = write_package(staging, metadata(tar_bz2=tar_bz2), directory=tmp_path)

    files = read_component(built.path, "pkg")
    paths = json.loads(read_component(built.path, "info")["info/paths.json"][1])["paths"]

    modes = {name: files[name][0] for name in ("bin/demo", "lib/data.bin")}
    assert modes == {"bin/demo": 0o755, "lib/data.bin": 0o644}
    assert [(row["_path"], row["path_type"], row.get("file_mode")) for row in paths] == [
        ("bin/demo", "hardlink", "text"),
        ("lib/data.bin", "hardlink", "binary"),
        ("lib/link", "softlink", None),
    ]


@pytest.mark.parametrize("tar_bz2", [False, True])
def test_the_same_tree_makes_the_same_bytes(
    staging: Path, tmp_path: Path, *, tar_bz2: bool
) -> None:
    packages = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        built = write_package(staging, metadata(tar_bz2=tar_bz2), directory=tmp_path / name)
        packages.append(built.path.read_bytes())
        (staging / "bin" / "demo").touch()

    assert packages[0] == packages[1]


def test_the_index_lists_a_package_by_format_with_its_hash(staging: Path, tmp_path: Path) -> None:
    built = [
        write_package(staging, metadata(tar_bz2=tar_bz2), directory=tmp_path)
        for tar_bz2 in (False, True)
    ]

    write_channel(tmp_path / "channel", built, subdirs=("linux-64",))

    repodata = json.loads((tmp_path / "channel/linux-64/repodata.json").read_bytes())
    for key, package in zip(("packages.conda", "packages"), built, strict=True):
        ((name, record),) = repodata[key].items()
        content = (tmp_path / "channel/linux-64" / name).read_bytes()
        assert name == package.path.name
        assert (record["sha256"], record["size"], record["timestamp"]) == (
            hashlib.sha256(content).hexdigest(),
            len(content),
            1_700_000_000_000,
        )
