from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import contextmanager
from errno import ENOSPC, EPERM
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.files import check_rewritable, locked, replacing, rewriting, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_the_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_the_old_file_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_lock_excludes_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'a') as file:\n"
        "    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    )
    command = [sys.executable, "-c", script, str(path)]

    with locked(path):
        inside = subprocess.run(command, capture_output=True, check=False)
    after = subprocess.run(command, capture_output=True, check=False)

    assert (inside.returncode != 0, after.returncode) == (True, 0)


def test_a_person_s_file_keeps_its_mode_and_the_links_to_it(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o600)
    link.symlink_to("file")

    with rewriting(link) as file:
        file.write(b"new")

    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_person_s_file_stays_theirs(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 1000, 1001)
    path.chmod(0o640)

    with rewriting(path) as file:
        file.write(b"new")

    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1000, 1001, 0o640)


def test_a_file_that_cannot_be_given_back_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []

    def refuse(_: int, owner: int, group: int) -> None:
        given.append((owner, group))
        raise PermissionError(EPERM, "Operation not permitted")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fchown", refuse)
    with rewriting(path) as file:
        file.write(b"new")

    before = path.stat()
    assert path.read_bytes() == b"new"
    assert given == [(-1, before.st_gid), (before.st_uid, before.st_gid)]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that nobody may write to; root may write to all that is not the system's."""
    if os.geteuid() == 0:
        yield Path("/sys")
        return
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_person_s_new_file_obeys_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    with umask(mask), rewriting(tmp_path / "file") as file:
        file.write(b"new")

    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_nobody_else_can_read_it_while_it_is_written(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)

    with umask(0), rewriting(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
    with umask(0o077), rewriting(path) as file:
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_link_to_what_is_not_there_yet_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("folder/file")

    check_rewritable(link)
    with rewriting(link) as file:
        file.write(b"new")

    assert link.is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == b"new"


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _circle(path: Path) -> None:
    path.symlink_to(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


def _stream(path: Path) -> None:
    """What /dev/stdout is in a pipeline: its link leads to no path."""
    reader, _ = os.pipe()
    path.symlink_to(f"/proc/self/fd/{reader}")


@pytest.mark.parametrize("make", [_folder, _pipe, _circle, _device, _stream])
def test_what_is_no_file_is_not_replaced_by_one(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "it"
    make(path)
    before = path.lstat()

    with pytest.raises(OSError, match="it"):
        check_rewritable(path)
    with pytest.raises(OSError, match="it"), rewriting(path) as file:
        file.write(b"new")
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_write_protected_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    # as the system answers everybody but root
    monkeypatch.setattr("os.access", lambda _, mode: not mode & os.W_OK)

    with pytest.raises(PermissionError, match="file"):
        check_rewritable(path)
    with pytest.raises(PermissionError, match="file"), rewriting(path):
        pass
    assert path.read_bytes() == b"old"


def test_a_check_finds_a_read_only_folder_and_leaves_nothing(
    tmp_path: Path, read_only: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(read_only / "file")

    with pytest.raises(OSError, match="link") as caught:
        check_rewritable(link)
    assert caught.value.filename == str(link)
    check_rewritable(tmp_path / "file")
    assert {*tmp_path.iterdir()} <= {link, read_only}


def test_errors_have_the_name_of_the_file_and_not_the_temporary_one(
    tmp_path: Path, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="file") as caught:
        write_atomically(read_only / "file", b"")
    assert caught.value.filename == str(read_only / "file")

    def full(_: int) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "file", b"")
    assert caught.value.filename == str(tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_condabox_s_own_files_take_the_place_of_links(tmp_path: Path) -> None:
    """Nobody makes a cache write elsewhere by a link in it."""
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"old")
    path.symlink_to(victim)
    write_atomically(path, b"new")

    assert (victim.read_bytes(), path.is_symlink()) == (b"old", False)
