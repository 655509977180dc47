"""What Jupyter is told, and whom it lets in."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from condabox.development.container.access import Access, access
from condabox.development.container.jupyter import jupyter
from condabox.development.container.words import Refused
from tests.conftest import ROOT
from tests.unit.development.container.conftest import executable

if TYPE_CHECKING:
    from condabox.development.container.places import System

HASH = "argon2:$argon2id$v=19$m=10240,t=10,p=8$c2FsdA$aGFzaA"
OLD_HASH = "sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a"
MOUNTED = "/run/secrets/jupyter_token"


def decided(folder: Path) -> dict[str, object]:
    path = folder / "jupyter.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return json.loads(path.read_bytes())  # type: ignore[no-any-return]


def test_without_a_token_one_is_made_and_told(system: System) -> None:
    first, second = access(system, {}), access(system, {})

    assert first.token != second.token
    assert len(first.token) >= 32
    assert first == Access(token=first.token, password="", told=f"?token={first.token}")


@pytest.mark.parametrize(
    ("env", "token", "password", "told"),
    [
        ({"JUPYTER_TOKEN": " sesame\r\n"}, "sesame", "", "token"),
        ({"JUPYTER_PASSWORD_HASH": HASH}, "", HASH, "password"),
        ({"JUPYTER_PASSWORD_HASH": OLD_HASH}, "", OLD_HASH, "password"),
        ({"JUPYTER_TOKEN": "x", "JUPYTER_PASSWORD_HASH": HASH}, "x", HASH, "token or password"),
    ],
)
def test_what_is_given_is_not_told(
    system: System, env: dict[str, str], token: str, password: str, told: str
) -> None:
    assert access(system, env) == Access(
        token=token, password=password, told=f", with the {told} that it was given"
    )


def test_the_variable_comes_before_the_named_file_and_that_before_the_mounted_one(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("named\n")
    system.at(MOUNTED).write_text("mounted\n")
    env = {"JUPYTER_TOKEN": "said", "JUPYTER_TOKEN_FILE": str(tmp_path / "token")}

    found = []
    for name in ("", *env):
        env.pop(name, None)
        found.append(access(system, env).token)

    assert found == ["said", "named", "mounted"]


@pytest.mark.parametrize(
    "env",
    [
        {"JUPYTER_TOKEN": ""},
        {"JUPYTER_TOKEN": " \t\r\n"},
        {"JUPYTER_TOKEN": "a\nb"},
        {"JUPYTER_TOKEN": "a\x1b[2Jb"},
        {"JUPYTER_TOKEN": "a\udcff"},
        {"JUPYTER_TOKEN": "", "JUPYTER_PASSWORD_HASH": HASH},
        {"JUPYTER_PASSWORD_HASH": ""},
        {"JUPYTER_PASSWORD_HASH": " "},
        {"JUPYTER_PASSWORD_HASH": "s3same"},
        {"JUPYTER_PASSWORD_HASH": "argon2:=19=10240,t=10,p=8"},
        {"JUPYTER_PASSWORD_HASH": f"{HASH}\nx"},
        {"JUPYTER_PASSWORD_HASH": "", "JUPYTER_TOKEN": "s3same"},
        {"JUPYTER_TOKEN_FILE": ""},
        {"JUPYTER_TOKEN_FILE": " "},
        {"JUPYTER_TOKEN_FILE": "/no/such/file"},
        {"JUPYTER_TOKEN_FILE": "/dev/null"},
        {"JUPYTER_TOKEN_FILE": "/dev"},
        {"JUPYTER_TOKEN": "s3same", "JUPYTER_TOKEN_FILE": ""},
    ],
)
def test_what_lets_everybody_in_or_nobody_is_refused(system: System, env: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        access(system, env)

    assert str(caught.value).startswith(("JUPYTER_", "/dev"))
    assert str(caught.value).isprintable()
    assert "s3same" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\n", b"\0", b"a\nb", b"\xff", b"x" * 2_000_000])
def test_a_file_with_no_token_in_it_is_refused(system: System, data: bytes) -> None:
    system.at(MOUNTED).write_bytes(data)

    with pytest.raises(Refused, match=MOUNTED):
        access(system, {"JUPYTER_TOKEN": "sesame"})


def test_the_service(system: System, folder: Path) -> None:
    env = {
        "PATH": "/bin",
        "JUPYTER_TOKEN": "sesame",
        "JUPYTER_BASE_URL": "team/lab",
        "JUPYTER_CONFIG_PATH": "/mine",
        "JUPYTER_NO_CONFIG": "1",
        "CONDABOX_PORT_JUPYTER": "9999",
    }

    made = jupyter(system, env=env, folder=folder)

    assert decided(folder) == {
        "hub": False,
        "port": 9999,
        "base_url": "/team/lab/",
        "token": "sesame",
        "password": "",
    }
    assert (made.port, made.base_url) == (9999, "/team/lab/")
    assert made.told == (
        "JupyterLab: http://127.0.0.1:9999/team/lab/lab, with the token that it was given"
    )
    assert made.service.command == (system.tool("python"), "-I", "-m", "jupyterlab")
    assert made.service.env == {
        "PATH": "/bin",
        "JUPYTER_BASE_URL": "team/lab",
        "CONDABOX_PORT_JUPYTER": "9999",
        "CONDABOX_STATE": str(folder),
        "JUPYTER_CONFIG_PATH": f"{system.at('/opt/tools/condabox/config')}:/mine",
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
    }


@pytest.mark.parametrize(
    ("said", "base_url"),
    [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("lab", "/lab/"),
        ("/a/b/", "/a/b/"),
        ("~ada@x", "/~ada@x/"),
    ],
)
def test_a_base_url(system: System, folder: Path, said: str, base_url: str) -> None:
    assert jupyter(system, env={"JUPYTER_BASE_URL": said}, folder=folder).base_url == base_url


@pytest.mark.parametrize(
    "said",
    [
        *("/a?b", "/a#b", "/a b", "/a\nb", "/a\0", '/"', "/<", "/é", "\\"),
        # they are more than themselves where Jupyter looks for whom a path leads to
        *("/a(b)", "/(", "/a*", "/a+b", "/$", "/a$b"),
    ],
)
def test_what_is_no_path_of_a_url_is_refused(system: System, folder: Path, said: str) -> None:
    with pytest.raises(Refused, match=r"^JUPYTER_BASE_URL is '") as caught:
        jupyter(system, env={"JUPYTER_BASE_URL": said}, folder=folder)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("said", ["/a(b)/", "/user/a+b/", "/user/a$/"])
def test_nor_does_a_hub_give_such_a_path(system: System, folder: Path, said: str) -> None:
    executable(Path(system.tool("jupyterhub-singleuser")))

    with pytest.raises(Refused, match=r"^JUPYTERHUB_SERVICE_PREFIX is '"):
        jupyter(system, env={**HUB, "JUPYTERHUB_SERVICE_PREFIX": said}, folder=folder)


@pytest.mark.parametrize("said", ["/user/ada%2Bx%28%29/", "/user/ada@example.org/lab~1/"])
def test_names_that_a_hub_has_escaped_are_paths(system: System, folder: Path, said: str) -> None:
    executable(Path(system.tool("jupyterhub-singleuser")))

    env = {**HUB, "JUPYTERHUB_SERVICE_PREFIX": said}
    assert jupyter(system, env=env, folder=folder).base_url == said


HUB = {"JUPYTERHUB_API_TOKEN": "sesame", "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://0.0.0.0:8889/user/ada/", 8889),
        ("https://x/user/ada/", 443),
        ("http://[::]/", 80),
        ("", 8888),
    ],
)
def test_a_hub_decides_for_itself(system: System, folder: Path, url: str, port: int) -> None:
    program = system.tool("jupyterhub-singleuser")
    executable(Path(program))
    env = {**HUB, "JUPYTERHUB_SERVICE_URL": url, "JUPYTER_TOKEN": ""}

    made = jupyter(system, env=env, folder=folder)

    assert decided(folder) == {"hub": True}
    assert (made.port, made.base_url) == (port, "/user/ada/")
    assert made.service.command == (system.tool("python"), "-I", program)
    assert made.service.env.items() >= HUB.items()
    assert "JUPYTER_TOKEN" not in made.service.env
    assert "sesame" not in made.told


def test_a_hub_needs_its_program(system: System, folder: Path) -> None:
    with pytest.raises(Refused, match=r"jupyterhub-singleuser.*dev-tools\.yml"):
        jupyter(system, env=HUB, folder=folder)


@pytest.mark.parametrize("url", ["http://x:99999/", "http://x:port/", "http://[::/"])
def test_a_hub_with_no_port_is_refused(system: System, folder: Path, url: str) -> None:
    executable(Path(system.tool("jupyterhub-singleuser")))

    with pytest.raises(Refused, match=r"^JUPYTERHUB_SERVICE_URL is 'http:"):
        jupyter(system, env={**HUB, "JUPYTERHUB_SERVICE_URL": url}, folder=folder)


def test_an_empty_token_of_a_hub_is_none(system: System, folder: Path) -> None:
    made = jupyter(system, env={"JUPYTERHUB_API_TOKEN": ""}, folder=folder)

    assert made.service.command[-1] == "jupyterlab"


class _Section(SimpleNamespace):
    """A configuration's section, which is there as soon as it is asked for."""

    def __getattr__(self, name: str) -> _Section:
        self.__dict__[name] = _Section()
        return self.__dict__[name]  # type: ignore[no-any-return]


def configured(monkeypatch: pytest.MonkeyPatch, folder: Path) -> _Section:
    monkeypatch.setenv("CONDABOX_STATE", str(folder))
    config = _Section()
    path = ROOT / "templates" / "dev" / "jupyter_server_config.py"
    exec(compile(path.read_text(), path, "exec"), {"get_config": lambda: config})  # noqa: S102
    return config


def test_the_configuration_says_what_was_decided(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jupyter(system, env={"JUPYTER_TOKEN": "sesame", "JUPYTER_BASE_URL": "x"}, folder=folder)

    config = configured(monkeypatch, folder)

    assert vars(config.IdentityProvider) == {"token": "sesame"}
    assert vars(config.PasswordIdentityProvider) == {
        "token": "sesame",
        "hashed_password": "",
        "allow_password_change": False,
    }
    assert (config.ServerApp.port, config.ServerApp.base_url) == (8888, "/x/")
    assert config.ServerApp.root_dir == os.environ["HOME"]


def test_with_a_hub_it_leaves_users_and_addresses_alone(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(Path(system.tool("jupyterhub-singleuser")))
    jupyter(system, env=HUB, folder=folder)

    config = configured(monkeypatch, folder)

    assert set(vars(config)) == {"LabApp", "ServerApp"}
    assert set(vars(config.ServerApp)) == {"root_dir"}


@pytest.fixture(params=[{"JUPYTER_TOKEN": "sesame"}, HUB], ids=["token", "hub"])
def configured_twice(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    executable(Path(system.tool("jupyterhub-singleuser")))
    jupyter(system, env=request.param, folder=folder)
    for name in ("tornado.general", "tornado.application"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    for _ in range(2):
        configured(monkeypatch, folder)


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (
            "404 GET /api/contents/x?token=sesame (::1): gone",
            "/api/contents/x?token=[secret] (::1)",
        ),
        ("/x?a=1&token=sesame&b=2 (", "?a=1&token=[secret]&b=2 ("),
        ("/x?access_token=sesame&code=sesame", "?access_token=[secret]&code=[secret]"),
        ("HTTPServerRequest(uri='/x?token=sesame', version='HTTP/1.1')", "[secret] version='"),
        ("100%d /token=x?tok=x", "100%d /token=x?tok=x"),
    ],
)
@pytest.mark.parametrize("name", ["tornado.general", "tornado.application"])
@pytest.mark.usefixtures("configured_twice")
def test_what_tornado_says_of_a_request_has_no_token(
    caplog: pytest.LogCaptureFixture, name: str, said: str, logged: str
) -> None:
    logger = logging.getLogger(name)

    logger.warning("%s", said)
    logger.warning("nothing of 100%")

    assert logged in caplog.messages[0]
    assert "sesame" not in caplog.text
    assert caplog.messages[1] == "nothing of 100%"


@pytest.mark.parametrize("answer", [True, ValueError("Invalid hash"), TypeError("hexdigest()")])
def test_a_password_that_is_empty_or_that_nothing_can_check_is_refused(
    system: System,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: bool | Exception,  # noqa: FBT001  (what it is called with)
) -> None:
    def passwd_check(hashed: str, password: str) -> bool:
        assert (hashed, password) == (HASH, "")
        if isinstance(answer, Exception):
            raise answer
        return answer

    jupyter(system, env={"JUPYTER_PASSWORD_HASH": HASH}, folder=folder)
    name = "jupyter_server.auth.security"
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(passwd_check=passwd_check))

    with pytest.raises(SystemExit) as caught:
        configured(monkeypatch, folder)

    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("condabox: JUPYTER_PASSWORD_HASH ")
    assert HASH not in line
