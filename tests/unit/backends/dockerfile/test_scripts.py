"""The scripts of a context that no environment changes."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCRIPTS = ROOT / "templates" / "docker"
SHELLS = [
    pytest.param(["dash"], marks=pytest.mark.tool("dash")),
    pytest.param(["bash", "--posix"], marks=pytest.mark.tool("bash")),
]

pytestmark = pytest.mark.parametrize("shell", SHELLS)


def run(shell: list[str], name: str, *arguments: Path | str) -> None:
    done = subprocess.run(
        [*shell, SCRIPTS / name, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def write(folder: Path, files: Mapping[str, bytes], *, time: int = 1_600_000_000) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        os.utime(folder / path, (time, time))


def tree(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_modes_and_times_are_the_same_on_any_day(shell: list[str], tmp_path: Path) -> None:
    write(tmp_path, {"bin/x": b"1", "lib/y": b"2", "conda-meta/history": b"today"})
    (tmp_path / "lib" / "link").symlink_to("../../outside")
    (tmp_path / "bin" / "x").chmod(0o710)
    (tmp_path / "lib" / "y").chmod(0o600)
    (tmp_path / "lib").chmod(0o700)

    run(shell, "settle.sh", tmp_path)

    paths = [tmp_path, *tmp_path.rglob("*")]
    assert {path.lstat().st_mtime for path in paths} == {1_000_000_000}
    assert {
        str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777
        for path in paths
        if not path.is_symlink()
    } == {
        ".": 0o755,
        "bin": 0o755,
        "bin/x": 0o755,
        "conda-meta": 0o755,
        "conda-meta/history": 0o644,
        "lib": 0o755,
        "lib/y": 0o644,
    }
    assert (tmp_path / "conda-meta" / "history").read_bytes() == b""


def test_a_folder_without_history_gets_none(shell: list[str], tmp_path: Path) -> None:
    write(tmp_path, {"bin/x": b"1"})

    run(shell, "settle.sh", tmp_path)

    assert tree(tmp_path) == {"bin/x": b"1"}


def test_a_tree_has_the_folders_around_an_environment_as_old_as_it(
    shell: list[str], tmp_path: Path
) -> None:
    folder, collected = tmp_path / "opt" / "env", tmp_path / "environment"
    write(folder, {"bin/x": b"1", "share/a b\n'$x/y": b"2"})
    (folder / "bin" / "x").chmod(0o755)
    (folder / "bin" / "link").symlink_to("../../outside")
    (folder / "empty").mkdir()
    run(shell, "settle.sh", folder)

    run(shell, "collect.sh", folder, collected, "/opt/my/env")

    paths = [collected, *collected.rglob("*")]
    assert {path.lstat().st_mtime for path in paths} == {1_000_000_000}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o755}
    assert tree(collected / "opt" / "my" / "env") == tree(folder)
    assert (collected / "opt" / "my" / "env" / "empty").is_dir()
    assert (collected / "opt" / "my" / "env" / "bin" / "x").samefile(folder / "bin" / "x")


@pytest.mark.parametrize("time", [315_532_800, 999_999_999, 1_000_000_001, 1_700_000_001])
def test_what_was_added_is_what_is_new_or_changed(
    shell: list[str], time: int, tmp_path: Path
) -> None:
    prefix, added = tmp_path / "prefix", tmp_path / "build" / "added"
    added.parent.mkdir()
    write(prefix, {"bin/old": b"1", "bin/changed": b"1", "lib/old": b"1"})
    (prefix / "bin" / "link").symlink_to("old")
    run(shell, "settle.sh", prefix)
    new = {"bin/changed": b"2", "bin/new": b"3", "share/a b\n'$x/new": b"4"}
    write(prefix, new, time=time)
    (prefix / "lib" / "link").symlink_to("old")
    (prefix / "etc" / "empty").mkdir(parents=True)
    before = tree(prefix)

    run(shell, "added.sh", prefix, added)

    assert tree(added) == {**new, "lib/link": "old"}
    assert (added / "etc" / "empty").is_dir()
    assert tree(prefix) == before


def test_where_nothing_was_added_there_is_nothing(shell: list[str], tmp_path: Path) -> None:
    prefix, added = tmp_path / "prefix", tmp_path / "added"
    write(prefix, {"bin/old": b"1"})
    run(shell, "settle.sh", prefix)

    run(shell, "added.sh", prefix, added)

    assert [*added.iterdir()] == []
