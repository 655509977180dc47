"""The keys of those who may log in, and the one of the container."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from condabox.development.container.hostkey import NAME, settle_host_key
from condabox.development.container.keygen import Keygen
from condabox.development.container.keys import authorized_keys
from condabox.development.container.words import Refused
from tests.unit.development.container.conftest import KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.development.container.places import System

NO_PRIVATE_KEYS = [b"", b"\0" * 100, b"ssh-ed25519 AAAA public"]
KEPT = f".local/state/condabox/{NAME}"


@pytest.mark.tool("ssh-keygen")
def test_keys_come_from_everywhere_and_count_once(system: System, home: Path) -> None:
    one, two = (each.encode() for each in KEYS)
    third = b'command="echo \\"a b\\"",no-pty ' + two + b" caf\xff PRIVATE KEY"
    system.at("/run/secrets/authorized_keys").write_bytes(two + b"\r\n# a comment\n\n " + third)
    (home / ".ssh").mkdir()
    (home / ".ssh/authorized_keys").write_bytes(one + b"\nrestrict " + one + b"\n")

    keys = authorized_keys(system, env={"AUTHORIZED_KEYS": "\n".join(KEYS)}, home=home)

    assert keys == (one, two, third, b"restrict " + one)


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize(
    "line",
    [
        "~/.ssh/id_ed25519.pub",
        "ssh-ed25519 AAAA ada",
        "ssh-ed25519",
        KEYS[0].removeprefix("ssh-ed25519 ").replace("AIK0B", "AIK0C"),
        KEYS[0].replace("AAAAC3", "AAAAC4"),
        "\x1b[2J",
        "AAAA= ==== =",
    ],
)
def test_a_line_that_is_no_key_is_named_and_the_others_count(
    system: System, home: Path, capfd: pytest.CaptureFixture[str], line: str
) -> None:
    given = f"{line}\n# more\n\n{KEYS[0]}\n{line}\n"
    mounted = system.at("/run/secrets/authorized_keys")
    mounted.write_text(f"{KEYS[1]}\n{line}")

    keys = authorized_keys(system, env={"AUTHORIZED_KEYS": given}, home=home)

    assert keys == tuple(each.encode() for each in KEYS)
    assert capfd.readouterr().err == (
        "condabox: AUTHORIZED_KEYS has no public key in line 1, 5\n"
        f"condabox: {mounted} has no public key in line 2\n"
    )


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize(
    "line",
    [
        f"{KEYS[0]}\r\rnext",
        f"{KEYS[0]}\r \r\r",
        f"restrict\t{KEYS[0]}",
        f"no-PTY,no-x11-Forwarding,verify-required {KEYS[0]}",
        f'from="a,b",command="x,y \\" ssh-ed25519 z",permitopen="h:1" {KEYS[0]}',
        f",cert-authority,,pty, {KEYS[0]}",
    ],
)
def test_a_line_that_sshd_takes_is_a_key(
    system: System, home: Path, capfd: pytest.CaptureFixture[str], line: str
) -> None:
    keys = authorized_keys(system, env={"AUTHORIZED_KEYS": line}, home=home)

    assert keys == (line.strip().encode(),)
    assert capfd.readouterr().err == ""


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize(
    "before",
    [
        "nonsense ",
        "box,192.0.2.1 ",
        "[box]:2222 ",
        "|1|c2FsdA==|aGFzaA== ",
        "restrict,nonsense ",
        "nonsense,restrict ",
        "restrict\r",
        "restrictive ",
        "no-command ",
        'command="never ends ',
        'command="\\" ',
        '"restrict" ',
        "restrict pty ",
        "ssh-ed25519 ",
    ],
)
def test_what_sshd_does_not_know_stands_before_no_key(
    system: System, home: Path, capfd: pytest.CaptureFixture[str], before: str
) -> None:
    """A line of known_hosts, say: ssh-keygen takes it for a key, and sshd lets nobody in by it."""
    given = f"{before}{KEYS[0]}\n{KEYS[0]}"

    keys = authorized_keys(system, env={"AUTHORIZED_KEYS": given}, home=home)

    assert keys == (KEYS[0].encode(),)
    assert capfd.readouterr().err == "condabox: AUTHORIZED_KEYS has no public key in line 1\n"


@pytest.mark.tool("ssh-keygen")
def test_a_private_key_is_no_public_one_and_is_not_shown(
    system: System, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")]
    subprocess.run(command, check=True)
    lines = (tmp_path / "id").read_text().splitlines()

    assert authorized_keys(system, env={"AUTHORIZED_KEYS": "\n".join(lines)}, home=home) == ()
    log = capfd.readouterr().err
    assert "line 1, 2, 3" in log
    assert not [line for line in lines if line in log]


@pytest.mark.parametrize("given", ["", " \n\r\n\t", "# nothing\n"])
def test_no_key_is_none(system: System, home: Path, given: str) -> None:
    assert authorized_keys(system, env={"AUTHORIZED_KEYS": given}, home=home) == ()


@pytest.mark.tool("ssh-keygen")
def test_what_cannot_be_read_is_said_and_the_others_count(
    system: System, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # what docker makes of a mount whose source is not there
    system.at("/run/secrets/authorized_keys").mkdir()
    (home / ".ssh").mkdir()
    os.mkfifo(home / ".ssh/authorized_keys")

    keys = authorized_keys(system, env={"AUTHORIZED_KEYS": KEYS[0]}, home=home)

    assert keys == (KEYS[0].encode(),)
    assert capfd.readouterr().err.count("has no key that counts") == 2


def settled(system: System, *, home: Path, folder: Path) -> str:
    return settle_host_key(system, env=dict(os.environ), home=home, folder=folder)


@pytest.mark.tool("ssh-keygen")
def test_a_key_is_made_once_and_kept_at_home(system: System, home: Path, folder: Path) -> None:
    first = settled(system, home=home, folder=folder)
    for path in folder.iterdir():
        path.unlink()
    second = settled(system, home=home, folder=folder)

    assert first == second
    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", first)
    assert (home / KEPT).read_bytes() == (folder / NAME).read_bytes()


@pytest.mark.tool("ssh-keygen")
def test_without_a_home_that_stays_it_is_another_one(
    system: System, tmp_path: Path, folder: Path
) -> None:
    homes = [tmp_path / name for name in ("one", "two")]
    for home in homes:
        home.touch()  # nothing can be kept in it

    assert len({settled(system, home=home, folder=folder) for home in homes}) == 2


@pytest.mark.tool("ssh-keygen")
def test_the_fingerprint_is_what_openssh_calls_it(system: System, home: Path, folder: Path) -> None:
    said = settled(system, home=home, folder=folder)

    command = ["ssh-keygen", "-l", "-f", str(folder / NAME)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == said


@pytest.mark.tool("ssh-keygen")
def test_a_mounted_key_comes_first_whatever_its_mode(
    system: System, home: Path, folder: Path
) -> None:
    settled(system, home=home, folder=folder)
    mounted = system.at(f"/run/secrets/{NAME}")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(mounted)]
    subprocess.run(command, check=True)
    mounted.chmod(0o664)
    # as a variable of a cluster, without the end of its last line
    mounted.write_bytes(mounted.read_bytes().rstrip())

    said = settled(system, home=home, folder=folder)

    assert (
        said
        == subprocess.run(
            ["ssh-keygen", "-l", "-f", f"{mounted}.pub"], capture_output=True, text=True, check=True
        ).stdout.split()[1]
    )
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert (folder / NAME).read_bytes() != (home / KEPT).read_bytes()


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize("data", NO_PRIVATE_KEYS)
def test_a_mounted_key_that_is_none_is_refused(
    system: System, home: Path, folder: Path, data: bytes
) -> None:
    path = system.at(f"/run/secrets/{NAME}")
    path.write_bytes(data)

    with pytest.raises(Refused, match=re.escape(f"{path} is no private key")):
        settled(system, home=home, folder=folder)


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize("data", NO_PRIVATE_KEYS)
def test_a_kept_key_that_is_none_gives_way_to_a_new_one(
    system: System, home: Path, folder: Path, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / KEPT).parent.mkdir(parents=True)
    (home / KEPT).write_bytes(data)

    first = settled(system, home=home, folder=folder)
    log = capfd.readouterr().err
    second = settled(system, home=home, folder=folder)

    assert log == (
        f"condabox: {home / KEPT} is no private key that can be read without a password: "
        "a new one takes its place, and those who log in are warned of it\n"
    )
    assert first == second
    assert capfd.readouterr().err == ""
    assert [path.name for path in (home / KEPT).parent.iterdir()] == [NAME]


@pytest.mark.tool("ssh-keygen")
def test_who_starts_at_the_same_moment_has_the_same_key(
    system: System, home: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another container makes one while ours looks for it, finds none and makes its own."""
    others = tmp_path / "other"
    others.mkdir()
    found: list[str] = []
    make = Keygen.make

    def slowly(keygen: Keygen, path: Path) -> bytes:
        if not found:
            found.append("")  # the other one is not slow
            found[0] = settled(system, home=home, folder=others)
        return make(keygen, path)

    monkeypatch.setattr(Keygen, "make", slowly)
    ours = settled(system, home=home, folder=folder)

    assert found == [ours]
    assert (folder / NAME).read_bytes() == (others / NAME).read_bytes()
    public = [(each / f"{NAME}.pub").read_bytes().split()[1] for each in (folder, others)]
    assert public[0] == public[1]


@pytest.mark.tool("ssh-keygen")
def test_a_key_with_a_password_is_refused(system: System, home: Path, folder: Path) -> None:
    mounted = system.at(f"/run/secrets/{NAME}")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "sesame", "-f", str(mounted)]
    subprocess.run(command, check=True)

    with pytest.raises(Refused, match="without a password"):
        settled(system, home=home, folder=folder)


@pytest.mark.tool("ssh-keygen")
def test_what_cannot_be_read_at_home_stays_there(
    system: System, home: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / KEPT).parent.mkdir(parents=True)
    os.mkfifo(home / KEPT)

    assert settled(system, home=home, folder=folder).startswith("SHA256:")
    assert (home / KEPT).is_fifo()
    assert "the host key is another one" in capfd.readouterr().err
