"""What sshd is told, as OpenSSH itself reads it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condabox.development.container.sshd import quoted, ssh_service
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.development.container.places import System
    from tests.unit.development.container.conftest import Sshd

TEMPLATE = (ROOT / "templates" / "dev" / "sshd_config").read_text()
DECIDED = {
    "port 2022",
    "allowusers dev",
    "permitrootlogin no",
    "authenticationmethods publickey",
    "pubkeyauthentication yes",
    "passwordauthentication no",
    "kbdinteractiveauthentication no",
    "permitemptypasswords no",
    "permituserenvironment no",
    "hostbasedauthentication no",
    "gssapiauthentication no",
    "kerberosauthentication no",
    "usepam no",
    "printlastlog no",
    "x11forwarding no",
    "permittunnel no",
    "allowtcpforwarding yes",
    "strictmodes no",
    "pidfile none",
    "subsystem sftp internal-sftp -u 0002",
}


def _encodes(text: str) -> bool:
    try:
        return os.fsdecode(os.fsencode(text)) == text
    except UnicodeEncodeError:
        return False


# what execve(2) takes: neither a NUL anywhere, nor "=" in a name
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0=\n"), min_size=1)
_VALUES = st.text(st.characters(exclude_characters="\0\n", max_codepoint=0x1FFFF)) | st.text(
    "\"'\\ #$\t\r\v\f"
)


def config(sshd: Sshd, env: dict[str, str]) -> bytes:
    text = TEMPLATE.format(port=2022, folder=sshd.folder, user="dev", env=quoted(env)[0])
    return os.fsencode(text)


@pytest.mark.world
@pytest.mark.tool("ssh-keygen")
def test_the_configuration_says_what_it_is_meant_to(sshd: Sshd) -> None:
    read = sshd.read(config(sshd, {"A": "b"}))

    assert DECIDED - set(read) == set()
    assert f"authorizedkeysfile {sshd.folder}/authorized_keys" in read
    assert f"hostkey {sshd.folder}/ssh_host_ed25519_key" in read


@pytest.mark.world
@pytest.mark.tool("ssh-keygen")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(env=st.dictionaries(_NAMES, _VALUES.filter(_encodes), max_size=8))
def test_sshd_reads_every_variable_as_it_is(sshd: Sshd, env: dict[str, str]) -> None:
    env = {**env, "PATH": "/bin"}

    read = sshd.read(config(sshd, env))

    settings_read = [line.removeprefix("setenv ") for line in read if line.startswith("setenv ")]
    assert sorted(settings_read) == sorted(f"{name}={value}" for name, value in env.items())


@pytest.mark.parametrize("fill", ["x", "\\", '"', "é"])
def test_of_too_many_bytes_the_longest_are_left_out(fill: str) -> None:
    # what the kernel lets a variable be, times what it lets them be together
    long = {f"V{number}": fill * (60_000 + number) for number in range(12)}

    line, left_out = quoted({**long, "PATH": "/bin", "Z": "z"})

    assert len(line.encode()) < 200_000
    assert '"PATH=/bin"' in line
    assert '"Z=z"' in line
    assert set(left_out) == set(sorted(long, key=lambda name: len(long[name]))[-len(left_out) :])


def test_very_many_are_too_much_as_well() -> None:
    line, left_out = quoted({f"V{number}": "" for number in range(50_000)})

    assert 0 < len(line.split()) == 50_000 - len(left_out) < 50_000


@pytest.mark.parametrize("env", [{"A": "1\n2"}, {"A\nPermitRootLogin": "yes"}, {"A": "\n"}])
def test_what_has_several_lines_is_left_out_and_named(env: dict[str, str]) -> None:
    assert quoted({**env, "B": "c"}) == ('"B=c"', tuple(env))


def test_what_ends_a_word_is_escaped() -> None:
    assert quoted({"A": '\\"$b" #'}) == ('"A=\\\\\\"$b\\" #"', ())


def test_variables_are_in_one_order() -> None:
    assert quoted({"B": "2", "A": "1"}) == quoted({"A": "1", "B": "2"})


def test_the_service_is_written_for_its_user_alone(system: System, folder: Path) -> None:
    env = {
        "PATH": "/opt/env/bin:/bin",
        "SEVERAL": "a\nb",
        "BRACES": "{port} %h",
        "AUTHORIZED_KEYS": "ssh-ed25519 AAAA ada",
        "JUPYTER_TOKEN": "sesame",
        "JUPYTER_PASSWORD_HASH": "sesame",
        "JUPYTER_TOKEN_FILE": "/sesame",
        "JUPYTERHUB_API_TOKEN": "sesame",
        "JPY_API_TOKEN": "sesame",
        "HOSTNAME": "here",
        "TERM": "dumb",
        "TINI_SUBREAPER": "",
    }

    service = ssh_service(
        system, env=env, folder=folder, login="dev", port=2222, keys=(b"one", b"two")
    )

    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert written["authorized_keys"] == "one\ntwo\n"
    assert written["sshd_config"].splitlines()[-1] == (
        'SetEnv "BRACES={port} %h" "PATH=/opt/env/bin:/bin"'
    )
    assert "sesame" not in str([written, service])
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert service.command == (system.tool("sshd"), "-D", "-e", "-f", f"{folder}/sshd_config")


def test_what_sessions_go_without_is_said_once(
    system: System, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    env = {"PATH": "/bin", "A": "1\n2", "B": "\n"}

    ssh_service(system, env=env, folder=folder, login="dev", port=2222, keys=(b"one",))

    assert capfd.readouterr().err == (
        "condabox: SSH sessions go without variables that are too long or of several lines: A, B\n"
    )
