"""The folder that a container has to itself."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.development.container.folder import (
    STATE,
    add_private,
    clear,
    emptied,
    held,
    private_folder,
    read_file,
    state_file,
    write_private,
)
from condabox.development.container.places import System
from condabox.development.container.words import Refused
from tests.conftest import ROOT
from tests.unit.development.container.conftest import NAMESPACE

if TYPE_CHECKING:
    from typing import BinaryIO, NoReturn


@pytest.fixture
def own(system: System) -> System:
    return replace(system, uid=os.getuid())


def test_it_is_for_one_user_alone(own: System) -> None:
    folder = private_folder(own)

    assert folder == own.at("/run") / f"condabox-{own.uid}-{NAMESPACE}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_start_finds_it_and_closes_it(own: System) -> None:
    private_folder(own).chmod(0o777)

    assert stat.S_IMODE(private_folder(own).stat().st_mode) == 0o700


def test_containers_that_share_its_place_have_one_each(own: System) -> None:
    other = replace(own, mount_namespace=NAMESPACE + 1)

    assert private_folder(own).parent == private_folder(other).parent
    assert private_folder(own) != private_folder(other)


def test_another_process_of_the_container_finds_the_same_one() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from condabox.development.container.places import System\n"
        "print(System().mount_namespace)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert int(done.stdout) == System().mount_namespace


def test_what_an_earlier_container_has_left_goes(own: System, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "theirs").touch()
    folder = private_folder(own)
    (folder / "jupyter").mkdir()
    (folder / "jupyter" / "jupyter_cookie_secret").touch()
    (folder / "home" / "closed").mkdir(parents=True)
    (folder / "home" / "closed").chmod(0o555)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "dangling").symlink_to(tmp_path / "none")
    (folder / STATE).touch()

    clear(folder)

    assert list(folder.iterdir()) == []
    assert (tmp_path / "elsewhere" / "theirs").exists()


def test_what_its_owner_may_not_write_to_goes_as_well(unprivileged: Path) -> None:
    inner = unprivileged / "home" / ".ssh"
    inner.mkdir(parents=True)
    (inner / "authorized_keys").touch()
    (inner.parent / "closed").mkdir(mode=0)
    (inner.parent / "link").symlink_to("/")
    for path in (inner, inner.parent):
        path.chmod(0o500)

    clear(unprivileged)

    assert list(unprivileged.iterdir()) == []


def test_it_is_empty_first_and_gone_in_the_end(own: System) -> None:
    folder = private_folder(own)
    (folder / "of an earlier container").touch()

    with emptied(folder):
        assert list(folder.iterdir()) == []
        (folder / "home").mkdir()
        (folder / "token").touch()

    assert not folder.exists()


def test_it_goes_also_where_nothing_could_start(own: System) -> None:
    folder = private_folder(own)

    def fail() -> NoReturn:
        with emptied(folder):
            (folder / "token").touch()
            raise Refused("a port is taken")

    with pytest.raises(Refused, match="a port is taken"):
        fail()

    assert not folder.exists()


def test_what_still_writes_there_is_no_error(own: System, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = private_folder(own)
    rmdir = Path.rmdir

    def slowly(path: Path) -> None:
        (path / "late").touch()
        rmdir(path)

    monkeypatch.setattr(Path, "rmdir", slowly)
    with emptied(folder):
        (folder / "token").touch()

    assert [path.name for path in folder.iterdir()] == ["late"]


def test_a_link_to_one_is_not_followed(own: System, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (own.at("/run") / f"condabox-{own.uid}-{NAMESPACE}").symlink_to(tmp_path / "elsewhere")

    assert private_folder(own).parent == own.root / "tmp"


def test_a_file_in_its_place_is_passed_by(own: System) -> None:
    (own.at("/run") / f"condabox-{own.uid}-{NAMESPACE}").touch()
    (own.root / "tmp" / f"condabox-{own.uid}-{NAMESPACE}").touch()

    assert private_folder(own).parent == own.root / "dev/shm"


def test_somebody_elses_is_passed_by(own: System) -> None:
    stranger = replace(own, uid=own.uid + 1)
    (own.at("/run") / f"condabox-{stranger.uid}-{NAMESPACE}").mkdir()
    (own.root / "tmp").rmdir()
    (own.root / "dev/shm").rmdir()

    with pytest.raises(Refused, match=r"give the container a tmpfs at /tmp"):
        private_folder(stranger)


def test_there_is_no_state_before_services_are_there(own: System) -> None:
    assert state_file(own) is None
    folder = private_folder(own)
    assert state_file(own) is None

    (folder / STATE).touch()

    with held(folder / STATE):
        assert state_file(own) == folder / STATE


def test_a_state_is_held_by_who_may_write_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else NFS does not give the lock, as flock(2) has it."""
    (tmp_path / STATE).write_text("{}")
    locked = []

    def flock(file: BinaryIO, _: int) -> None:
        locked.append(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(fcntl, "flock", flock)
    with held(tmp_path / STATE):
        assert locked == [os.O_RDWR]

    assert (tmp_path / STATE).read_text() == "{}"


def test_a_state_ends_with_whoever_has_written_it(own: System) -> None:
    state = private_folder(own) / STATE
    state.touch()
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path\n"
        "from condabox.development.container.folder import held\n"
        "with held(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert state_file(own) == state

        holder.kill()

    assert state_file(own) is None


def test_what_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, b"new")

    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    path = tmp_path / "token"
    path.symlink_to("other")

    write_private(path, b"new")

    assert (tmp_path / "other").read_text() == "theirs"


def test_nothing_stays_of_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()

    with pytest.raises(OSError, match=r"token"):
        write_private(tmp_path / "token", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_what_is_written_is_on_the_disk_before_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "key", []

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_private(path, b"whole")

    assert synced == [(5, False)]


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    add_private(tmp_path / "key", b"first")

    with pytest.raises(FileExistsError):
        add_private(tmp_path / "key", b"second")

    assert (tmp_path / "key").read_bytes() == b"first"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_file_system_without_hard_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    add_private(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        add_private(tmp_path / "key", b"second")

    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("name", ["none", "file/none"])
def test_what_is_not_there_is_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    assert read_file(tmp_path / name) is None


def test_what_is_no_ordinary_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))

    for path in (tmp_path / "pipe", tmp_path / "large", tmp_path):
        with pytest.raises(OSError):  # noqa: PT011  (each has a reason of its own)
            read_file(path)
