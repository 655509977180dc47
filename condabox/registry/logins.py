"""Which registries the user has logged in to, and where; nothing secret is read out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping, optional, string_mapping
from condabox.errors import RegistryError
from condabox.registry.loginplaces import helper_program, login_places, server_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.decode import JSON

_SECRETS = ("auth", "identitytoken", "password")
_ANY = ""
"""Stands for every registry: a store is asked for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A place that may know who the user is to ``host``, and to ``repository`` there.

    ``source`` is the path of a file, or a variable's name; ``helper`` the program that it names to
    be asked, where it names one.
    """

    host: str
    repository: str = ""
    source: str
    helper: str | None = None

    def __str__(self) -> str:
        return f"{self.helper}, which {self.source} names" if self.helper else self.source


def known_logins(env: Mapping[str, str]) -> tuple[tuple[Login, ...], tuple[RegistryError, ...]]:
    """Return the places that count, the first ones first, and what is wrong with the others."""
    logins: list[Login] = []
    problems = []
    for place in login_places(env):
        try:
            logins += _logins(place.read(), source=str(place))
        except DecodeError as error:
            problems.append(place.broken(error))
        except RegistryError as error:
            problems.append(error)
    return tuple(logins), tuple(problems)


def login_of(logins: Sequence[Login], host: str, repository: str = "") -> Login | None:
    """Return the place that knows most about ``repository`` on ``host``, if there is one."""
    fitting = [
        each
        for each in logins
        if each.host in {host, _ANY}
        and (not each.repository or f"{repository}/".startswith(f"{each.repository}/"))
    ]
    return max(fitting, key=lambda each: (each.host == host, len(each.repository)), default=None)


def hosts_of(logins: Sequence[Login]) -> tuple[tuple[str, str], ...]:
    """Return every registry that is named, and a repository where it is known for that alone."""
    return tuple(dict.fromkeys((each.host, each.repository) for each in logins if each.host))


def _logins(config: JSON, *, source: str) -> Iterator[Login]:
    helpers = string_mapping(config.get("credHelpers") or {}, at="credHelpers")
    store = optional(config, "credsStore", str, at="")
    for server, helper in helpers.items():
        yield _login(server, source, helper)
    for server, entry in mapping(config.get("auths") or {}, at="auths").items():
        own = any(mapping(entry, at=f"auths.{server}").get(key) for key in _SECRETS)
        if own or store:
            # Docker leaves an empty entry for what its store has
            yield _login(server, source, None if own else store)
    if store:
        yield Login(host=_ANY, source=source, helper=helper_program(store))


def _login(server: str, source: str, helper: str | None) -> Login:
    host, repository = server_of(server)
    program = helper_program(helper) if helper else None
    return Login(host=host, repository=repository, source=source, helper=program)
