"""What gives access to SSH and Jupyter, and what is said of it."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from condabox.errors import SpecError
from condabox.workflows.run import RunRequest
from condabox.workflows.run_ports import free_port
from condabox.workflows.run_services import Setting, check_services, with_jupyter, with_ssh

RUN = RunRequest(image="ai:dev", publish=("8001:8888", "8002:2222"), env=("A=1",))
SETTING = Setting(
    variables={"CONDABOX_PORT_SSH": "2222", "CONDABOX_PORT_JUPYTER": "8888"},
    said=frozenset(),
    mounts=frozenset(),
    own_network=True,
)
KEYS = "ssh-ed25519 AAAA ada"


def also(**variables: str) -> Setting:
    return replace(SETTING, variables={**SETTING.variables, **variables})


def ssh(setting: Setting = SETTING, identity: Path | None = None) -> tuple[RunRequest, str]:
    return with_ssh(RUN, setting, keys=KEYS, alias="condabox-ai", identity=identity)


def test_a_random_token_is_in_the_address_and_in_no_command_line() -> None:
    first, url = with_jupyter(RUN, SETTING, token=None)
    second, _ = with_jupyter(RUN, SETTING, token=None)

    (token,) = parse_qs(urlsplit(url).query)["token"]
    assert url == f"http://127.0.0.1:8001/lab?token={token}"
    assert first == replace(RUN, env=("A=1", "JUPYTER_TOKEN"), values={"JUPYTER_TOKEN": token})
    assert len(token) >= 32
    assert second.values != first.values
    assert token not in repr(first)


def test_the_caller_s_token_is_passed_on_and_not_printed() -> None:
    run, url = with_jupyter(RUN, SETTING, token="sesame")  # noqa: S106

    assert url == "http://127.0.0.1:8001/lab"
    assert run.values == {"JUPYTER_TOKEN": "sesame"}
    assert run.env == ("A=1", "JUPYTER_TOKEN")


@pytest.mark.parametrize("token", ["", "  ", "\n"])
def test_an_empty_token_is_refused(token: str) -> None:
    with pytest.raises(SpecError, match="JUPYTER_TOKEN is empty"):
        check_services(SETTING, token=token)
    with pytest.raises(SpecError, match="JUPYTER_TOKEN is empty"):
        check_services(also(JUPYTER_TOKEN=token), token="sesame")  # noqa: S106


@pytest.mark.parametrize(
    ("setting", "token"),
    [
        (SETTING, None),
        (SETTING, "sesame"),
        (also(JUPYTER_TOKEN="sesame"), ""),  # noqa: S106
        (also(JUPYTER_TOKEN_FILE="/run/token"), ""),  # noqa: S106
        (also(CONDABOX_JUPYTER="off"), ""),
        (also(CONDABOX_JUPYTER="off", JUPYTER_TOKEN=""), ""),
    ],
    ids=["none", "given", "instead", "file", "off", "both"],
)
def test_a_token_that_nobody_needs_may_be_empty(setting: Setting, token: str | None) -> None:
    check_services(setting, token=token)


@pytest.mark.parametrize("name", ["CONDABOX_PORT_SSH", "CONDABOX_PORT_JUPYTER"])
def test_a_port_is_refused_before_there_is_an_image(name: str) -> None:
    with pytest.raises(SpecError, match=f"{name}=99999"):
        check_services(also(**{name: "99999"}), token=None)


@pytest.mark.parametrize(
    "setting",
    [
        also(JUPYTER_TOKEN="sesame"),  # noqa: S106
        also(JUPYTER_TOKEN_FILE="/run/token"),  # noqa: S106
        also(JUPYTER_PASSWORD_HASH="argon2:x"),  # noqa: S106
        also(JUPYTERHUB_API_TOKEN="hub"),  # noqa: S106
        replace(SETTING, mounts=frozenset({"/run/secrets/jupyter_token"})),
    ],
    ids=["token", "file", "password", "hub", "mount"],
)
def test_who_has_said_who_may_in_gets_no_token(setting: Setting) -> None:
    run, url = with_jupyter(RUN, setting, token="other")  # noqa: S106

    assert (run, url) == (RUN, "http://127.0.0.1:8001/lab")


@pytest.mark.parametrize(
    ("base", "path"),
    [("/", "lab"), ("/team/ai/", "team/ai/lab"), ("a b\x1b", "a%20b%1B/lab")],
)
def test_the_address_has_jupyter_s_base_url(base: str, path: str) -> None:
    _, url = with_jupyter(RUN, also(JUPYTER_BASE_URL=base), token="x")  # noqa: S106

    assert url == f"http://127.0.0.1:8001/{path}"


def test_keys_are_in_no_command_line() -> None:
    run, command = ssh()

    assert command == "ssh -p 8002 -o HostKeyAlias=condabox-ai dev@127.0.0.1"
    assert run == replace(RUN, env=("A=1", "AUTHORIZED_KEYS"), values={"AUTHORIZED_KEYS": KEYS})


@pytest.mark.parametrize(
    "setting",
    [
        also(AUTHORIZED_KEYS="ssh-rsa BBBB"),
        replace(SETTING, mounts=frozenset({"/run/secrets/authorized_keys"})),
    ],
    ids=["variable", "mount"],
)
def test_keys_that_were_given_are_the_ones(setting: Setting) -> None:
    assert ssh(setting)[0] == RUN


def test_a_key_that_ssh_would_not_find_is_named() -> None:
    _, command = ssh(identity=Path("/my keys/id"))

    assert command == "ssh -p 8002 -i '/my keys/id' -o HostKeyAlias=condabox-ai dev@127.0.0.1"


def test_an_address_of_version_six_is_ssh_s_own() -> None:
    run = replace(RUN, publish=("[::1]:8002:2222",))

    _, command = with_ssh(run, SETTING, keys=KEYS, alias="x", identity=None)

    assert command.endswith(" dev@::1")


def test_ports_are_those_of_the_image() -> None:
    port = free_port(())

    run, url = with_jupyter(RUN, also(CONDABOX_PORT_JUPYTER=str(port)), token="x")  # noqa: S106

    assert url == f"http://127.0.0.1:{port}/lab"
    assert run.publish == (*RUN.publish, f"127.0.0.1:{port}:{port}")


def test_a_port_that_is_taken_is_another_one_outside_and_inside() -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        run, command = ssh(also(CONDABOX_PORT_SSH=str(taken)))

    port = int(command.split()[2])
    assert port != taken
    assert run.publish == (*RUN.publish, f"127.0.0.1:{port}:{port}")
    assert run.env == ("A=1", f"CONDABOX_PORT_SSH={port}", "AUTHORIZED_KEYS")


def test_what_is_no_port_is_refused() -> None:
    with pytest.raises(SpecError, match="CONDABOX_PORT_SSH=ssh"):
        ssh(also(CONDABOX_PORT_SSH="ssh"))


def test_without_a_network_of_its_own_the_container_is_told_its_port() -> None:
    port = free_port(())
    setting = replace(also(CONDABOX_PORT_JUPYTER=str(port)), own_network=False)

    run, url = with_jupyter(RUN, setting, token="x")  # noqa: S106

    assert url == f"http://127.0.0.1:{port}/lab"
    assert run.publish == RUN.publish
    assert f"CONDABOX_PORT_JUPYTER={port}" in run.env


def test_without_a_network_of_its_own_no_two_services_have_one_port() -> None:
    port = str(free_port(()))
    setting = replace(also(CONDABOX_PORT_JUPYTER=port, CONDABOX_PORT_SSH=port), own_network=False)

    run, _ = with_jupyter(RUN, setting, token="x")  # noqa: S106
    run, command = with_ssh(run, setting, keys=KEYS, alias="x", identity=None)

    assert f"ssh -p {port} " not in command


def test_without_a_network_of_its_own_the_user_s_word_counts() -> None:
    setting = replace(
        also(CONDABOX_PORT_SSH="2022"), own_network=False, said=frozenset({"CONDABOX_PORT_SSH"})
    )

    run, command = ssh(setting)

    assert command.startswith("ssh -p 2022 ")
    assert run.env == ("A=1", "AUTHORIZED_KEYS")


@pytest.mark.parametrize(("value", "there"), [("off", False), ("on", True), ("", True)])
def test_services_can_be_turned_off(value: str, there: bool) -> None:  # noqa: FBT001
    assert also(CONDABOX_SSH=value).has_ssh is there
    assert also(CONDABOX_JUPYTER=value).has_jupyter is there


def test_a_port_that_was_promised_to_another_one_is_not_the_service_s() -> None:
    port = free_port(())
    run = replace(RUN, publish=(f"{port}:80",))

    run, url = with_jupyter(run, also(CONDABOX_PORT_JUPYTER=str(port)), token="x")  # noqa: S106

    assert f"127.0.0.1:{port}/" not in url
    assert run.publish[0] == f"{port}:80"
