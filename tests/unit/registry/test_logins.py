"""Which registries logins name, without what is secret in them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from condabox.registry.logins import named_registries

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "open-sesame"  # noqa: S105  (of nothing)
AUTH = {"auth": base64.b64encode(f"me:{SECRET}".encode()).decode()}


def written(folder: Path, document: object) -> tuple[Path, dict[str, str]]:
    path = folder / ".docker" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path, {"HOME": str(folder)}


def test_entries_helpers_and_a_store(tmp_path: Path) -> None:
    _, env = written(
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

    logins, problems = named_registries(env)

    assert problems == ()
    assert logins == (
        ("1.dkr.ecr.eu-west-1.amazonaws.com", ""),
        ("docker.io", ""),
        ("ghcr.io", ""),
        ("quay.io", "team"),
        ("other.example", ""),
    )
    assert SECRET not in repr(logins)
    assert AUTH["auth"] not in repr(logins)


def test_an_empty_entry_without_a_store_is_no_login(tmp_path: Path) -> None:
    _, env = written(tmp_path, {"auths": {"ghcr.io": {}, "quay.io": {"auth": ""}}})

    assert named_registries(env) == ((), ())


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

    logins, problems = named_registries(env)

    assert problems == ()
    assert logins == (
        ("0.example", ""),
        ("variable.example", ""),
        ("1.example", ""),
        ("2.example", ""),
        ("3.example", ""),
    )


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

    logins, (problem,) = named_registries(env)

    assert logins == (("a.example", ""),)
    assert str(path) in problem.message
    assert SECRET not in problem.message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".docker" / "config.json").mkdir(parents=True)

    logins, (problem,) = named_registries({"HOME": str(tmp_path)})

    assert logins == ()
    assert "Is a directory" in problem.message


def test_nothing_is_known_of_nobody() -> None:
    assert named_registries({}) == ((), ())
