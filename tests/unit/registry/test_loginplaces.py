"""Which files and variables have logins, and what registries are called in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import RegistryError
from condabox.registry.loginplaces import LoginPlace, login_places, server_of

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "open-sesame"  # noqa: S105  (of nothing)


def test_the_places_are_those_of_docker_and_podman_in_their_order() -> None:
    env = {
        "HOME": "/home/me",
        "XDG_RUNTIME_DIR": "/run/user/7",
        "DOCKER_AUTH_CONFIG": "{}",
        "REGISTRY_AUTH_FILE": "auth.json",
    }

    assert list(map(str, login_places(env))) == [
        "auth.json",
        "DOCKER_AUTH_CONFIG",
        "/home/me/.docker/config.json",
        "/run/user/7/containers/auth.json",
        "/home/me/.config/containers/auth.json",
    ]
    (docker,) = login_places({"DOCKER_CONFIG": "/etc/docker"})
    assert docker == LoginPlace(name="/etc/docker/config.json")
    assert list(login_places({"DOCKER_AUTH_CONFIG": "", "HOME": ""})) == []


def test_a_file_and_a_variable_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"credsStore": "pass"}))

    there = LoginPlace(name=str(path)).read()
    variable = LoginPlace(name="X", text=path.read_text()).read()
    gone = LoginPlace(name=str(tmp_path / "none" / "config.json")).read()

    assert (there, variable, gone) == ({"credsStore": "pass"}, {"credsStore": "pass"}, {})


@pytest.mark.parametrize("text", [SECRET, f'["{SECRET}"]', f"{SECRET}\udcff", "[" * 100_000])
def test_what_cannot_be_read_is_named_and_not_quoted(text: str) -> None:
    place = LoginPlace(name="DOCKER_AUTH_CONFIG", text=text)

    with pytest.raises(RegistryError) as caught:
        place.read()

    assert caught.value.message == "DOCKER_AUTH_CONFIG: is not a JSON mapping"
    assert "or be unset" in str(caught.value.hint)
    assert SECRET not in f"{place!r}{place}"


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="Is a directory") as caught:
        LoginPlace(name=str(tmp_path)).read()

    assert caught.value.hint == "make it readable to you"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("https://index.docker.io/v1/", ("docker.io", "")),
        ("index.docker.io/library", ("docker.io", "library")),
        ("registry-1.docker.io", ("docker.io", "")),
        ("http://127.0.0.1:5000", ("127.0.0.1:5000", "")),
        ("quay.io/team/app", ("quay.io", "team/app")),
        ("https://registry.example/v2", ("registry.example", "")),
        ("docker.io.evil.example", ("docker.io.evil.example", "")),
    ],
)
def test_a_registry_has_one_name(key: str, expected: tuple[str, str]) -> None:
    assert server_of(key) == expected


HOSTS = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,2}(:[0-9]{1,5})?", fullmatch=True)


@given(HOSTS, st.sampled_from(["", "http://", "https://"]), st.sampled_from(["", "/", "/v1/"]))
def test_what_a_registry_is_called_stays_its_name(host: str, before: str, after: str) -> None:
    found, repository = server_of(f"{before}{host}{after}")

    assert repository == ""
    assert server_of(found) == (found, "")
