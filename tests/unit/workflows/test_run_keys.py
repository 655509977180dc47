"""Which public keys a development container lets in."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from condabox.errors import SpecError
from condabox.workflows.run_keys import public_keys


def public(kind: str, inside: bytes, comment: str) -> str:
    fields = b"".join(len(each).to_bytes(4) + each for each in (kind.encode(), inside))
    return f"{kind} {base64.b64encode(fields).decode()} {comment}"


ADA = public("ssh-ed25519", b"a" * 32, "ada@laptop")
BOB = public("ssh-rsa", b"b" * 256, "bob")
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def of_user(home: Path) -> str:
    return public_keys((), env={"HOME": str(home)}).text


def write(home: Path, name: str, text: str) -> Path:
    path = home / ".ssh" / name
    path.write_text(text)
    return path


def test_they_are_all_public_keys_of_the_user(home: Path) -> None:
    write(home, "id_rsa.pub", f"{BOB}\n")
    write(home, "id_ed25519.pub", f"{ADA}\n")
    write(home, "id_ed25519", PRIVATE)
    write(home, "known_hosts", f"host {ADA}\n")

    assert of_user(home) == f"{ADA}\n{BOB}"


def test_a_key_counts_once(home: Path) -> None:
    write(home, "a.pub", f"{ADA}\n")
    write(home, "b.pub", f"  {ADA}  \r\n\n# {BOB}\n")

    assert of_user(home) == ADA


@pytest.mark.parametrize(
    "text",
    [
        PRIVATE,
        public("ssh-ed25519-cert-v01@openssh.com", b"a" * 32, "ada"),
        public("ssh-dss", b"a" * 32, "ada"),
        "ssh-ed25519",
        "ssh-ed25519 is a kind of key",
        ADA.replace("ssh-ed25519", "ssh-rsa"),
        "ssh-rsa AAAA short",
        "ssh-rsa AAAA=B== broken",
        "\0\xff",
        f"{ADA}\x1b[2J",
        "",
    ],
)
def test_what_is_no_public_key_of_the_user_is_left_out(home: Path, text: str) -> None:
    write(home, "odd.pub", text)

    assert of_user(home) == ""


def test_what_cannot_be_read_of_the_user_is_left_out(home: Path) -> None:
    (home / ".ssh" / "folder.pub").mkdir()
    (home / ".ssh" / "gone.pub").symlink_to("nowhere")

    assert of_user(home) == ""


def test_without_a_home_there_are_none(tmp_path: Path) -> None:
    assert public_keys((), env={}).text == ""
    assert of_user(tmp_path / "nowhere") == ""


def test_files_that_are_named_are_instead_of_the_users_own(home: Path) -> None:
    write(home, "id_rsa.pub", BOB)
    named = home / "keys.pub"
    named.write_text(f'from="10.0.0.1" {ADA}\n')

    found = public_keys((named,), env={"HOME": str(home)})

    assert found.text == f'from="10.0.0.1" {ADA}'


def test_a_private_key_is_refused_and_not_quoted(home: Path) -> None:
    private = write(home, "id_ed25519", PRIVATE)

    with pytest.raises(SpecError, match="is a private key") as caught:
        public_keys((private,), env={})

    assert caught.value.hint == f"the public one is {private}.pub"
    assert "c2VjcmV0" not in f"{caught.value}{caught.value.hint}"


def test_a_file_without_a_key_is_refused(home: Path) -> None:
    with pytest.raises(SpecError, match="no public key"):
        public_keys((write(home, "notes", "hello\n"),), env={})


def test_a_file_that_is_missing_is_named(home: Path) -> None:
    with pytest.raises(SpecError, match="missing cannot be read: No such file"):
        public_keys((home / "missing",), env={})


def test_more_keys_than_a_variable_holds_are_refused(home: Path) -> None:
    for number in range(3):
        write(home, f"{number}.pub", public("ssh-rsa", bytes([number]) * 30_000, "x"))

    with pytest.raises(SpecError, match="64 KiB"):
        of_user(home)


def test_a_file_that_is_too_large_is_refused_and_not_cut(home: Path) -> None:
    large = write(home, "large.pub", f"{ADA}\n" * 1000)

    with pytest.raises(SpecError, match=r"large\.pub is larger than 64 KiB"):
        of_user(home)
    with pytest.raises(SpecError, match=r"large\.pub is larger than 64 KiB"):
        public_keys((large,), env={})


def test_windows_and_editors_write_keys_too(home: Path) -> None:
    write(home, "a.pub", "\ufeff" + ADA.replace(" ", "\t") + "\r\n")

    assert of_user(home) == ADA


@pytest.mark.skipif(os.name != "posix", reason="pipes have no names elsewhere")
def test_a_pipe_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / ".ssh" / "pipe.pub")

    assert of_user(home) == ""
    with pytest.raises(SpecError, match="is not a file"):
        public_keys((home / ".ssh" / "pipe.pub",), env={})


def test_a_file_may_begin_with_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    write(home, "work.pub", ADA)

    assert public_keys((Path("~/.ssh/work.pub"),), env={}).text == ADA
    with pytest.raises(SpecError, match="nobody has such a home"):
        public_keys((Path("~nobody-at-all/work.pub"),), env={})


@pytest.mark.parametrize(
    ("names", "identity"),
    [
        (("id_ed25519",), None),
        (("id_ecdsa_sk", "a"), None),
        (("work", "x"), "work"),
        (("with blanks.old",), "with blanks.old"),
    ],
)
def test_ssh_is_told_of_a_key_that_it_does_not_try_itself(
    home: Path, names: tuple[str, ...], identity: str | None
) -> None:
    for name in names:
        write(home, name, PRIVATE)
        write(home, f"{name}.pub", ADA)
    env = {"HOME": str(home)}

    found = public_keys((), env=env).identity(env=env)

    assert found == (home / ".ssh" / identity if identity else None)


def test_a_key_whose_other_half_is_elsewhere_is_no_file_of_ssh_s(home: Path) -> None:
    write(home, "token.pub", ADA)
    write(home, "notes.pub", "hello")
    write(home, "notes", "hello")
    env = {"HOME": str(home)}

    assert public_keys((), env=env).identity(env=env) is None


def test_the_key_of_a_named_file_is_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (home / "id_ed25519").write_text(PRIVATE)
    (home / "id_ed25519.pub").write_text(ADA)
    env = {"HOME": str(home)}

    found = public_keys((Path("id_ed25519.pub"),), env=env).identity(env=env)

    assert found == home / "id_ed25519"


def agent(folder: Path, script: str) -> dict[str, str]:
    (folder / "bin").mkdir()
    program = folder / "bin" / "ssh-add"
    program.write_text(f"#!/bin/sh\n[ $1 = -L ] || exit 1\n{script}\n")
    program.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"HOME": str(folder), "PATH": path, "SSH_AUTH_SOCK": "/agent"}


@pytest.mark.tool("sh")
def test_where_no_file_has_a_key_the_agent_may_have_one(home: Path) -> None:
    env = agent(home, f"echo '{ADA}'; echo '{BOB}'; echo 'The agent has identities.'")

    found = public_keys((), env=env)

    assert found.text == f"{ADA}\n{BOB}"
    assert found.identity(env=env) is None
    assert public_keys((), env={**env, "SSH_AUTH_SOCK": ""}).text == ""


@pytest.mark.tool("sh")
def test_a_file_s_key_comes_before_the_agent_s(home: Path) -> None:
    write(home, "id_rsa.pub", BOB)

    assert public_keys((), env=agent(home, f"echo '{ADA}'")).text == BOB


@pytest.mark.tool("sh")
@pytest.mark.parametrize("script", ["exit 1", f"echo '{ADA}'; exit 2", "exec sleep 60"])
def test_an_agent_that_does_not_answer_has_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr("condabox.workflows.run_keys._PATIENCE", 0.2)

    assert public_keys((), env=agent(home, script)).text == ""


def test_without_ssh_s_programs_there_is_no_agent(home: Path) -> None:
    env = {"HOME": str(home), "PATH": str(home), "SSH_AUTH_SOCK": "/agent"}

    assert public_keys((), env=env).text == ""
