"""Who is let into a container of a development image, and who is not."""

from __future__ import annotations

import re
import shlex
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import websocket

from tests.fakes.devcontainers import containers, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.devcontainers import DevContainer, StartContainer
    from tests.fakes.sshclient import KeyPair

pytestmark = [pytest.mark.world, pytest.mark.docker, pytest.mark.tool("ssh")]

ONLY_KEYS = "Permission denied (publickey)."
SSH_ALONE = {"CONDABOX_JUPYTER": "off"}
PASSWORD_HASH = "sha1:6c6f6e67736f:4ffed8ab8ab2c5b8a3ba5ba2ab2a1c"  # noqa: S105  (of nothing)
"""What `jupyter server password` once made of a password: not that of anybody here."""


@pytest.fixture(scope="module")
def container(
    image: str, tmp_path_factory: pytest.TempPathFactory, key: KeyPair
) -> Iterator[DevContainer]:
    """Return one of this module's own: newer servers turn away whoever was refused too often."""
    with containers(image, tmp_path_factory.mktemp("container"), key=key) as start:
        yield start()


@pytest.mark.parametrize("user", ["dev", "root", "nobody", "1000"])
def test_the_server_offers_keys_and_nothing_else(container: DevContainer, user: str) -> None:
    ssh = container.ssh.with_options("PreferredAuthentications=none", "LogLevel=DEBUG1")

    done = ssh.with_user(user).run("true")

    offered = re.findall(r"Authentications that can continue: (.*)", done.stderr)
    assert done.returncode == 255
    assert {each.strip() for each in offered} == {"publickey"}


@pytest.mark.parametrize("method", ["password", "keyboard-interactive", "hostbased", "gssapi"])
@pytest.mark.parametrize("user", ["dev", "root"])
def test_nobody_is_asked_for_a_password(
    container: DevContainer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    user: str,
) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "askpass"
    # an empty password, as accounts without one have
    program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(asked))}\necho\n")
    program.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    ssh = container.ssh.with_options("BatchMode=no", f"PreferredAuthentications={method}")

    done = ssh.with_user(user).run("true")

    assert done.returncode == 255
    assert ONLY_KEYS in done.stderr
    assert not asked.exists()


def test_another_key_is_refused(container: DevContainer, other_key: KeyPair) -> None:
    done = container.ssh.with_key(other_key).run("true")

    assert done.returncode == 255
    assert ONLY_KEYS in done.stderr


@pytest.mark.parametrize("user", ["root", "nobody", "1000"])
def test_the_right_key_is_refused_for_another_user(container: DevContainer, user: str) -> None:
    done = container.ssh.with_user(user).run("true")

    assert done.returncode == 255
    assert ONLY_KEYS in done.stderr


def test_a_client_brings_no_variables_but_its_language(container: DevContainer) -> None:
    ssh = container.ssh.with_options("SetEnv=LD_PRELOAD=/x PATH=/x LC_ALL=C BASH_ENV=/x")

    said = ssh.says("env").splitlines()

    assert "LC_ALL=C" in said
    assert not [line for line in said if "/x" in line]


def test_files_bring_no_variables(start: StartContainer, key: KeyPair) -> None:
    container = start(
        keys=(), env={**SSH_ALONE, "AUTHORIZED_KEYS": f'environment="MINE=x" {key.public}'}
    )
    container.exec("sh", "-c", "mkdir -p ~/.ssh && echo MINE=x >~/.ssh/environment")

    done = container.ssh.run("env")

    # an option that is not allowed takes nothing from the key but itself
    assert done.returncode == 0, done.stderr
    assert "MINE" not in done.stdout


def test_a_session_has_no_more_rights_than_the_container(start: StartContainer) -> None:
    container = start(env=SSH_ALONE)
    written = "touch /etc/x /opt/env/x /opt/tools/x; echo x >>/etc/passwd; ls /opt/env/x"

    done = container.ssh.run(written)

    private = container.private
    assert done.returncode != 0
    assert done.stderr.count("Permission denied") == 4
    assert private in changed(container)
    assert not [
        path
        for path in changed(container)
        if path not in private.parents and private not in (path, *path.parents)
    ]


def changed(container: DevContainer) -> list[Path]:
    """Return what is not as in the image, volumes not counted."""
    return [Path(line.split(maxsplit=1)[1]) for line in docker("diff", container.name).splitlines()]


@pytest.mark.parametrize("path", ["api/contents", "api/kernels", "api/terminals", "files/x"])
@pytest.mark.parametrize(
    "token", [None, "", "wrong", " ", "None"], ids=["none", "empty", "wrong", "blank", "a word"]
)
def test_requests_without_the_token_are_refused(
    container: DevContainer, path: str, token: str | None
) -> None:
    client = container.jupyter.with_token(token)
    by_url = "" if token is None else f"?token={token.strip()}"

    assert client.request(path).status in {302, 403}
    assert client.with_token(None).request(path + by_url).status in {302, 403}
    assert container.jupyter.request(path).status in {200, 404}, "with it they are answered"


def test_nothing_is_started_without_the_token(container: DevContainer) -> None:
    nobody = container.jupyter.with_token(None)

    for path in ("api/kernels", "api/terminals", "api/sessions", "api/shutdown"):
        assert nobody.request(path, method="POST", body={}).status == 403
    assert container.jupyter.says("api/kernels") == []
    assert container.jupyter.says("api/terminals") == []


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong"])
def test_the_sockets_of_kernels_and_terminals_ask_for_the_token(
    container: DevContainer, query: str
) -> None:
    client = container.jupyter
    host = client.url.removeprefix("http://")
    kernel = client.says("api/kernels", method="POST", body={"name": "python3"})["id"]
    terminal = client.says("api/terminals", method="POST")["name"]
    try:
        for path in (f"api/kernels/{kernel}/channels", f"terminals/websocket/{terminal}"):
            with pytest.raises(websocket.WebSocketBadStatusException) as caught:
                websocket.create_connection(f"ws://{host}{path}{query}", timeout=60)
            assert caught.value.status_code == 403
    finally:
        client.request(f"api/kernels/{kernel}", method="DELETE")
        client.request(f"api/terminals/{terminal}", method="DELETE")


@pytest.mark.parametrize("path", ["lab", "lab/tree/x", "lab?token=", "lab?token=wrong"])
def test_pages_lead_to_the_login(container: DevContainer, path: str) -> None:
    answer = container.jupyter.with_token(None).request(path)

    assert answer.status == 302
    assert answer.headers["Location"].startswith("/login?next=")


def test_a_token_that_was_given_is_told_to_nobody(container: DevContainer) -> None:
    token = str(container.token)
    client = container.jupyter.with_token(None)
    assert client.request(f"api/contents?token={token}").status == 200
    # what is not there is told by another part of the server
    assert client.request(f"api/contents/nope?x=1&token={token}").status == 404
    assert client.request(f"api/kernels/{uuid.uuid4()}?token={token}").status == 404
    socket = f"{client.url.replace('http', 'ws', 1)}api/kernels/{uuid.uuid4()}/channels"
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(f"{socket}?token={token}", timeout=60)
    assert caught.value.status_code == 404

    assert "/api/contents/nope?x=1&token=[secret]" in container.log
    assert token not in container.log
    assert token not in container.ssh.says("env; ps -ef")
    with container.jupyter.terminal() as terminal:
        assert token not in terminal.run("env; ps -ef")
    with container.jupyter.kernel() as kernel:
        assert token not in kernel.run("import os; print(os.environ)")


def test_a_token_that_nobody_gave_is_in_the_log(start: StartContainer) -> None:
    container = start(token=None)

    said = re.findall(r"^condabox: .*/lab\?token=(\S+)$", container.log, re.MULTILINE)

    assert len(said) == 1
    assert container.jupyter.request("api/contents").status == 403
    assert container.jupyter.with_token(said[0]).request("api/contents").status == 200


@pytest.mark.parametrize("token", [None, "", " "])
def test_a_password_alone_lets_nobody_in_with_an_empty_token(
    start: StartContainer, token: str | None
) -> None:
    container = start(token=None, env={"JUPYTER_PASSWORD_HASH": PASSWORD_HASH})

    assert container.jupyter.with_token(token).request("api/contents").status == 403
    assert container.jupyter.request("api/contents?token=").status == 403
    for password in ("", "wrong", PASSWORD_HASH):
        assert login(container, password) in {401, 403}


def login(container: DevContainer, password: str) -> int:
    """Return the status that the login page answers with, asked as a browser would."""
    client = container.jupyter.with_token(None)
    page = client.request("login")
    xsrf = re.findall(r"_xsrf=([^;]+)", page.headers["Set-Cookie"])[0]
    return client.request(
        "login",
        method="POST",
        form={"password": password, "_xsrf": xsrf},
        headers={"Cookie": f"_xsrf={xsrf}"},
    ).status


OWN_SETTINGS = {
    ".jupyter/jupyter_server_config.py": (
        "c.IdentityProvider.token = c.PasswordIdentityProvider.token = c.ServerApp.token = ''\n"
        "c.PasswordIdentityProvider.password_required = False\n"
    ),
    ".jupyter/jupyter_server_config.json": (
        '{"IdentityProvider": {"token": ""}, "PasswordIdentityProvider": {"token": "", '
        '"hashed_password": ""}, "ServerApp": {"token": "", "password": "", '
        '"allow_unauthenticated_access": true}}'
    ),
    ".jupyter/jupyter_lab_config.py": (
        "c.IdentityProvider.token = c.PasswordIdentityProvider.token = c.ServerApp.token = ''\n"
        "c.LabApp.token = c.LabApp.password = ''\n"
    ),
    ".jupyter/jupyter_server_config.d/mine.json": '{"IdentityProvider": {"token": ""}}',
    ".local/etc/jupyter/jupyter_server_config.py": "c.PasswordIdentityProvider.token = ''\n",
}


def test_a_user_s_own_settings_open_no_door(start: StartContainer, tmp_path: Path) -> None:
    home = tmp_path / "workspace"
    for name, text in OWN_SETTINGS.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        folder.chmod(0o777)

    container = start("-v", f"{home}:/workspace")

    assert container.jupyter.request("api/contents").status == 200
    for token in (None, "", "wrong"):
        assert container.jupyter.with_token(token).request("api/contents").status == 403
        assert container.jupyter.with_token(token).request("api/kernels").status == 403
    assert container.jupyter.with_token(None).request("api/contents?token=").status == 403


@pytest.mark.parametrize("text", ["", " ", "\t", "\n"])
def test_an_empty_token_is_refused(start: StartContainer, text: str) -> None:
    assert "JUPYTER_TOKEN" in refusal(start, {"JUPYTER_TOKEN": text})


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "mounted"])
def test_an_empty_file_for_the_token_is_refused(
    start: StartContainer, tmp_path: Path, text: str, *, named: bool
) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    place = "/etc/token" if named else "/run/secrets/jupyter_token"
    env = {"JUPYTER_TOKEN_FILE": place} if named else {}

    assert place in refusal(start, env, "-v", f"{file}:{place}:ro")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("JUPYTER_TOKEN_FILE", "", "JUPYTER_TOKEN_FILE"),
        ("JUPYTER_TOKEN_FILE", "/nothing/here", "/nothing/here"),
        ("JUPYTER_TOKEN_FILE", "/etc", "/etc"),
        ("JUPYTER_PASSWORD_HASH", "", "JUPYTER_PASSWORD_HASH"),
        ("JUPYTER_PASSWORD_HASH", " ", "JUPYTER_PASSWORD_HASH"),
        ("JUPYTER_PASSWORD_HASH", "a password", "JUPYTER_PASSWORD_HASH"),
    ],
)
def test_what_was_given_and_is_none_is_refused(
    start: StartContainer, variable: str, value: str, said: str
) -> None:
    line = refusal(start, {variable: value})

    assert said in line
    assert "a password" not in line.replace("hash of a password", "")


@pytest.mark.parametrize("kind", ["argon2", "sha1"])
@pytest.mark.parametrize("token", [None, "sesame"])
def test_the_empty_password_is_refused_by_whatever_hash(
    container: DevContainer, start: StartContainer, kind: str, token: str | None
) -> None:
    code = f"from jupyter_server.auth import passwd; print(passwd('', {kind!r}))"
    hashed = container.exec("/opt/tools/bin/python", "-c", code).strip()

    refused = start(env={"JUPYTER_PASSWORD_HASH": hashed}, token=token, wait=False)

    assert refused.wait_for_end() == 2
    assert [line for line in refused.log.splitlines() if line.startswith("condabox: JUPYTER_")] == [
        "condabox: JUPYTER_PASSWORD_HASH is that of the empty password: give another one"
    ]
    ended = "condabox: JupyterLab ended with status 2, and so does the container"
    assert ended in refused.log.splitlines()
    assert hashed not in refused.log


def test_an_empty_token_beside_a_good_one_is_refused(start: StartContainer) -> None:
    assert "JUPYTER_TOKEN" in refusal(
        start, {"JUPYTER_TOKEN": "", "JUPYTER_PASSWORD_HASH": PASSWORD_HASH}
    )


@pytest.mark.parametrize("user", ["0", "0:0", "root"])
def test_root_is_refused(start: StartContainer, user: str) -> None:
    assert "leave out --user 0" in refusal(start, {}, "--user", user)


def refusal(start: StartContainer, env: dict[str, str], *options: str) -> str:
    """Return the one line by which the container ends, with the status that says so."""
    container = start(*options, env=env, token=None, wait=False)
    assert container.wait_for_end() == 2, container.log
    (line,) = container.log.splitlines()
    assert line.startswith("condabox: ")
    return line
