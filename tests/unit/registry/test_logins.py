"""Where logins are kept, without what is secret in them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from condabox.registry.logins import Login, hosts_of, known_logins, login_of

SECRET = "open-sesame"  # noqa: S105  (of nothing)
AUTH = {"auth": base64.b64encode(f"me:{SECRET}".encode()).decode()}


def written(folder: Path, document: object) -> tuple[Path, dict[str, str]]:
    path = folder / ".docker" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path, {"HOME": str(folder)}


def test_entries_helpers_and_a_store(tmp_path: Path) -> None:
    path, env = written(
        tmp_path,
        {
            "auths": {
                "https://index.docker.io/v1/": {},
                "ghcr.io": {},
                "quay.io/team": AUTH,
                "other.example": {"identitytoken": SECRET},
            },
            "credHelpers": {"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"},
            "credsStore": "pass",
        },
    )

    logins, problems = known_logins(env)

    assert problems == ()
    assert hosts_of(logins) == (
        ("1.dkr.ecr.eu-west-1.amazonaws.com", ""),
        ("docker.io", ""),
        ("ghcr.io", ""),
        ("quay.io", "team"),
        ("other.example", ""),
    )
    assert {host: str(login_of(logins, host, "team/app")) for host, _ in hosts_of(logins)} == {
        "1.dkr.ecr.eu-west-1.amazonaws.com": f"docker-credential-ecr-login, which {path} names",
        "docker.io": f"docker-credential-pass, which {path} names",
        "ghcr.io": f"docker-credential-pass, which {path} names",
        "quay.io": str(path),
        "other.example": str(path),
    }
    # the store is asked for what it was never told of, too
    assert str(login_of(logins, "new.example")) == f"docker-credential-pass, which {path} names"
    assert SECRET not in repr(logins)
    assert AUTH["auth"] not in repr(logins)


def test_an_empty_entry_without_a_store_is_no_login(tmp_path: Path) -> None:
    _, env = written(tmp_path, {"auths": {"ghcr.io": {}, "quay.io": {"auth": ""}}})

    assert known_logins(env) == ((), ())


def test_the_longest_repository_counts(tmp_path: Path) -> None:
    path, env = written(tmp_path, {"auths": {"q.example": {}, "q.example/team": AUTH}})

    logins, _ = known_logins(env)

    assert login_of(logins, "q.example", "teamwork/app") is None
    assert login_of(logins, "q.example", "team") == Login(
        host="q.example", repository="team", source=str(path)
    )


def test_every_place_is_looked_at(tmp_path: Path) -> None:
    places = {
        "REGISTRY_AUTH_FILE": "explicit.json",
        "DOCKER_CONFIG": "docker/config.json",
        "XDG_RUNTIME_DIR": "run/containers/auth.json",
        "HOME": "home/.config/containers/auth.json",
    }
    env = {name: str(tmp_path / file.partition("/")[0]) for name, file in places.items()}
    for number, file in enumerate(places.values()):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(json.dumps({"auths": {f"{number}.example": AUTH}}))
    env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {"variable.example": AUTH}})

    logins, problems = known_logins(env)

    assert problems == ()
    found = {host: login_of(logins, host) for host, _ in hosts_of(logins)}
    assert [f"{host} {login and Path(login.source).name}" for host, login in found.items()] == [
        "0.example explicit.json",
        "variable.example DOCKER_AUTH_CONFIG",
        "1.example config.json",
        "2.example auth.json",
        "3.example auth.json",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'{{"auths": "{SECRET}"}}', id="another shape"),
        pytest.param(f'{{"auths": {{"a.example": {{"auth": "{SECRET}"', id="cut"),
        pytest.param(f'["{SECRET}"]', id="a list"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("\x00\xff", id="binary"),
    ],
)
def test_a_broken_file_hides_no_other_and_is_not_quoted(tmp_path: Path, text: str) -> None:
    path, env = written(tmp_path, {})
    path.write_text(text, encoding="latin-1")
    other = tmp_path / ".config" / "containers" / "auth.json"
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps({"auths": {"a.example": AUTH}}))

    logins, (problem,) = known_logins(env)

    assert hosts_of(logins) == (("a.example", ""),)
    assert str(path) in problem.message
    assert SECRET not in problem.message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".docker" / "config.json").mkdir(parents=True)

    logins, (problem,) = known_logins({"HOME": str(tmp_path)})

    assert logins == ()
    assert "Is a directory" in problem.message


def test_nothing_is_known_of_nobody() -> None:
    assert known_logins({}) == ((), ())
