"""Who docker's and podman's configuration says that we are."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.registry.credentials import Anonymous, ConfigCredentials, Credential
from condabox.registry.loginplaces import LoginPlace

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.registry.credentials import Credentials

SESAME = "open-sesame"
COLONS = "x:y:z"


def encoded(user: str, password: str = SESAME) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def config(tmp_path: Path, document: object) -> ConfigCredentials:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document))
    return of_files(path)


def of_files(*paths: Path) -> ConfigCredentials:
    return ConfigCredentials(LoginPlace(name=str(path)) for path in paths)


def auths(tmp_path: Path, **servers: str) -> ConfigCredentials:
    return config(
        tmp_path, {"auths": {key: {"auth": encoded(user)} for key, user in servers.items()}}
    )


def helper(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, *, name: str = "test"
) -> None:
    tool = folder / f"docker-credential-{name}"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_anonymous_knows_nobody() -> None:
    nobody: Credentials = Anonymous()

    assert nobody.lookup("example.org", "team/app") is None


@pytest.mark.parametrize(
    ("server", "host"),
    [
        pytest.param("example.org", "example.org", id="host"),
        pytest.param("https://example.org", "example.org", id="url"),
        pytest.param("https://example.org/v2/", "example.org", id="versioned"),
        pytest.param("127.0.0.1:5000", "127.0.0.1:5000", id="port"),
        pytest.param("https://index.docker.io/v1/", "docker.io", id="docker-hub"),
        pytest.param("docker.io", "docker.io", id="docker-hub-of-podman"),
    ],
)
def test_a_host_is_found_however_it_was_written(tmp_path: Path, server: str, host: str) -> None:
    credentials = auths(tmp_path, **{server: "me"})

    assert credentials.lookup(host, "team/app") == Credential(username="me", password=SESAME)


def test_another_host_is_nobody(tmp_path: Path) -> None:
    credentials = auths(tmp_path, **{"example.org": "me"})

    assert credentials.lookup("example.org.evil.example", "team/app") is None


def test_the_longest_prefix_of_a_repository_wins(tmp_path: Path) -> None:
    credentials = auths(
        tmp_path, **{"example.org": "all", "example.org/team": "team", "example.org/tea": "tea"}
    )

    assert credentials.lookup("example.org", "team/app") == Credential(
        username="team", password=SESAME
    )


def test_colons_in_a_password_stay(tmp_path: Path) -> None:
    credentials = config(tmp_path, {"auths": {"a.example": {"auth": encoded("me", COLONS)}}})

    assert credentials.lookup("a.example", "app") == Credential(username="me", password=COLONS)


def test_an_identity_token_is_found(tmp_path: Path) -> None:
    entry = {"auth": encoded("00000000-0000-0000-0000-000000000000", ""), "identitytoken": SESAME}
    found = config(tmp_path, {"auths": {"a.example": entry}}).lookup("a.example", "app")

    assert found is not None
    assert found.identity_token == SESAME


def test_an_empty_entry_is_nobody(tmp_path: Path) -> None:
    credentials = config(tmp_path, {"auths": {"a.example": {}}})

    assert credentials.lookup("a.example", "app") is None


def test_missing_files_are_nobody(tmp_path: Path) -> None:
    credentials = of_files(tmp_path / "none.json", tmp_path / "a-folder" / "none.json")

    assert credentials.lookup("a.example", "app") is None


def test_the_first_file_that_knows_a_host_wins(tmp_path: Path) -> None:
    explicit = tmp_path / "auth.json"
    explicit.write_text(json.dumps({"auths": {"a.example": {"auth": encoded("first")}}}))
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(
        json.dumps(
            {"auths": {"a.example": {"auth": encoded("x")}, "b.example": {"auth": encoded("y")}}}
        )
    )
    credentials = ConfigCredentials.from_environment(
        {"REGISTRY_AUTH_FILE": str(explicit), "HOME": str(tmp_path)}
    )

    first = credentials.lookup("a.example", "app")
    second = credentials.lookup("b.example", "app")

    assert (first, second) == (
        Credential(username="first", password=SESAME),
        Credential(username="y", password=SESAME),
    )


def test_docker_config_replaces_the_home_directory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    auths(tmp_path / "elsewhere", **{"a.example": "me"})
    credentials = ConfigCredentials.from_environment({"DOCKER_CONFIG": str(tmp_path / "elsewhere")})

    assert credentials.lookup("a.example", "app") is not None


def test_a_variable_may_have_what_a_file_has(tmp_path: Path) -> None:
    entry = {"username": "of-the-variable", "password": SESAME}
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(
        json.dumps(
            {"auths": {"a.example": {"auth": encoded("x")}, "b.example": {"auth": encoded("y")}}}
        )
    )
    credentials = ConfigCredentials.from_environment(
        {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"a.example": entry}}), "HOME": str(tmp_path)}
    )

    found = [credentials.lookup(host, "app") for host in ("a.example", "b.example")]

    assert found == [
        Credential(username="of-the-variable", password=SESAME),
        Credential(username="y", password=SESAME),
    ]


def test_a_file_that_is_named_wins_over_the_variable(tmp_path: Path) -> None:
    """So that a job can push where its runner may only pull."""
    entries = {
        name: {"auths": {"a.example": {"auth": encoded(name)}}} for name in ("job", "runner")
    }
    (tmp_path / "auth.json").write_text(json.dumps(entries["job"]))
    credentials = ConfigCredentials.from_environment(
        {
            "DOCKER_AUTH_CONFIG": json.dumps(entries["runner"]),
            "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
        }
    )

    assert credentials.lookup("a.example", "app") == Credential(username="job", password=SESAME)


def test_an_empty_variable_is_none() -> None:
    credentials = ConfigCredentials.from_environment({"DOCKER_AUTH_CONFIG": ""})

    assert credentials.lookup("a.example", "app") is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'{{"auths": {{"a.example": {{"auth": "{SESAME}!"}}}}}}', id="no-base64"),
        pytest.param(f'["{SESAME}"]', id="no-mapping"),
        pytest.param(f"{SESAME}", id="no-json"),
        pytest.param(f"{SESAME}\udcff", id="no-text"),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_a_broken_variable_is_named_and_not_quoted(text: str) -> None:
    credentials = ConfigCredentials.from_environment({"DOCKER_AUTH_CONFIG": text})

    with pytest.raises(RegistryError, match=r"^DOCKER_AUTH_CONFIG: ") as caught:
        credentials.lookup("a.example", "app")

    assert SESAME not in caught.value.message + repr(vars(credentials))
    assert "config.json" in str(caught.value.hint)


@pytest.mark.tool("sh")
def test_a_helper_is_asked_for_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(
        tmp_path,
        monkeypatch,
        f'read server; printf \'{{"ServerURL":"%s","Username":"u-%s","Secret":"{SESAME}"}}\''
        ' "$server" "$server"',
    )
    credentials = config(tmp_path, {"credHelpers": {"a.example": "test"}})

    assert credentials.lookup("a.example", "app") == Credential(
        username="u-a.example", password=SESAME
    )


@pytest.mark.tool("sh")
def test_a_store_is_asked_for_docker_hub_by_its_old_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(
        tmp_path,
        monkeypatch,
        'read server; printf \'{"Username":"%s","Secret":"open-sesame"}\' "$server"',
    )
    found = config(tmp_path, {"credsStore": "test"}).lookup("docker.io", "library/ubuntu")

    assert found == Credential(username="https://index.docker.io/v1/", password=SESAME)


def test_a_credential_tells_which_file_it_comes_from(tmp_path: Path) -> None:
    found = auths(tmp_path, **{"a.example": "me"}).lookup("a.example", "app")

    assert found
    assert found.source == str(tmp_path / "config.json")


@pytest.mark.tool("sh")
@pytest.mark.parametrize("username", ["me", "<token>"])
def test_a_credential_tells_which_helper_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, username: str
) -> None:
    helper(tmp_path, monkeypatch, f"""echo '{{"Username":"{username}","Secret":"open-sesame"}}'""")

    found = config(tmp_path, {"credsStore": "test"}).lookup("a.example", "app")

    assert found
    assert found.source == f"docker-credential-test, which {tmp_path / 'config.json'} names"


@pytest.mark.tool("sh")
def test_a_helper_that_knows_nothing_means_anonymous(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(tmp_path, monkeypatch, "echo credentials not found in native keychain; exit 1")

    assert config(tmp_path, {"credsStore": "test"}).lookup("a.example", "app") is None


@pytest.mark.tool("sh")
def test_a_helper_gives_an_identity_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, """echo '{"Username":"<token>","Secret":"open-sesame"}'""")

    assert config(tmp_path, {"credsStore": "test"}).lookup("a.example", "app") == Credential(
        identity_token=SESAME
    )


@pytest.mark.tool("sh")
def test_a_helper_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(tmp_path, monkeypatch, f"echo {SESAME}; sleep 600 & wait")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"credHelpers": {"a.example": "test"}}))
    credentials = ConfigCredentials([LoginPlace(name=str(path))], seconds=1)

    with pytest.raises(RegistryError) as caught:
        credentials.lookup("a.example", "app")

    assert caught.value.message == (
        "docker-credential-test get gave no answer in 1 seconds, for a.example"
    )
    assert "`docker-credential-test get`" in str(caught.value.hint)


@pytest.mark.tool("sh")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"echo {SESAME}; exit 3", id="fails"),
        pytest.param(f"echo {SESAME}", id="no-json"),
        pytest.param(f"""echo '{{"Username": 1, "Secret": "{SESAME}"}}'""", id="wrong-type"),
    ],
)
def test_a_helper_that_fails_is_named_and_what_it_said_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    helper(tmp_path, monkeypatch, script)
    credentials = config(tmp_path, {"credsStore": "test"})

    with pytest.raises(RegistryError, match="docker-credential-test") as caught:
        credentials.lookup("a.example", "app")

    assert SESAME not in caught.value.message + str(caught.value.hint)


def test_a_helper_that_answers_with_nothing_knows_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(tmp_path, monkeypatch, """echo '{"ServerURL": "", "Username": "", "Secret": ""}'""")
    stored = {"a.example": {"auth": encoded("me")}}

    nobody = config(tmp_path, {"credsStore": "test"}).lookup("a.example", "app")
    somebody = config(tmp_path, {"credsStore": "test", "auths": stored}).lookup("a.example", "app")

    assert nobody is None
    assert somebody == Credential(username="me", password=SESAME)


def test_a_missing_helper_is_explained(tmp_path: Path) -> None:
    credentials = config(tmp_path, {"credsStore": "not-here"})

    with pytest.raises(RegistryError, match="docker-credential-not-here") as caught:
        credentials.lookup("a.example", "app")

    assert "config.json" in str(caught.value.hint)


def test_a_helper_is_a_name_and_not_a_path(tmp_path: Path) -> None:
    credentials = config(tmp_path, {"credsStore": "x/../../../bin/sh"})

    with pytest.raises(RegistryError, match="not the name"):
        credentials.lookup("a.example", "app")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'{{"auths": {{"a.example": {{"auth": "{SESAME}!"}}}}}}', id="no-base64"),
        pytest.param(f'{{"auths": "{SESAME}"}}', id="no-mapping"),
        pytest.param(f"{SESAME}", id="no-json"),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_a_broken_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)

    with pytest.raises(RegistryError, match=r"config\.json") as caught:
        of_files(path).lookup("a.example", "app")

    assert SESAME not in caught.value.message


def test_repr_shows_no_secret() -> None:
    credential = Credential(username="me", password=SESAME, identity_token=SESAME)

    assert SESAME not in repr(credential)
