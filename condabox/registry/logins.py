"""Which registries the user has logged in to; nothing secret is read out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping, optional, string_mapping
from condabox.errors import RegistryError
from condabox.registry.loginplaces import login_places, server_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.decode import JSON

_SECRETS = ("auth", "identitytoken", "password")


def named_registries(
    env: Mapping[str, str],
) -> tuple[tuple[tuple[str, str], ...], tuple[RegistryError, ...]]:
    """Return every registry that a login names, and what is wrong with the others.

    With each is the repository there that the login is for, empty where it is for all.
    """
    named: list[tuple[str, str]] = []
    problems = []
    for place in login_places(env):
        try:
            named += map(server_of, _servers(place.read()))
        except DecodeError as error:
            problems.append(place.broken(error))
        except RegistryError as error:
            problems.append(error)
    return tuple(dict.fromkeys(named)), tuple(problems)


def _servers(config: JSON) -> Iterator[str]:
    yield from string_mapping(config.get("credHelpers") or {}, at="credHelpers")
    store = optional(config, "credsStore", str, at="")
    for server, entry in mapping(config.get("auths") or {}, at="auths").items():
        # Docker leaves an empty entry for what its store has
        if store or any(mapping(entry, at=f"auths.{server}").get(key) for key in _SECRETS):
            yield server
