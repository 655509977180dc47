"""Where Docker and podman keep who the user is to which registry; nothing secret is read out.

Formats: docker/cli `cli/config/configfile` and containers-auth.json(5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping, optional, string_mapping
from condabox.errors import RegistryError
from condabox.oci.reference import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.decode import JSON

_VARIABLE = "DOCKER_AUTH_CONFIG"
_HUB_ALIASES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
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
    for source, place in _sources(env):
        try:
            logins += _logins(_read(place), source=source)
        except DecodeError as error:
            hint = "log in again to write it anew"
            problems.append(RegistryError(f"{source}: {error}", hint=hint))
        except OSError as error:
            hint = "make it readable to you"
            problems.append(RegistryError(f"{source}: {error.strerror}", hint=hint))
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


def _sources(env: Mapping[str, str]) -> Iterator[tuple[str, Path | str]]:
    """Yield what docker and podman would read, each with its name."""
    if explicit := env.get("REGISTRY_AUTH_FILE"):
        yield explicit, Path(explicit)
    if text := env.get(_VARIABLE):
        yield _VARIABLE, text
    home = env.get("HOME") or env.get("USERPROFILE")
    folders = [
        (env.get("DOCKER_CONFIG") or (home and Path(home, ".docker")), "config.json"),
        (env.get("XDG_RUNTIME_DIR"), "containers/auth.json"),
        (home and Path(home, ".config"), "containers/auth.json"),
    ]
    for folder, name in folders:
        if folder:
            yield str(Path(folder, name)), Path(folder, name)


def _read(place: Path | str) -> JSON:
    try:
        return mapping(json.loads(place if isinstance(place, str) else place.read_bytes()), at="")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except DecodeError:
        raise
    except (ValueError, RecursionError):
        # the reason would quote the text, which holds secrets
        raise DecodeError("is not JSON", at="") from None


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
        yield Login(host=_ANY, source=source, helper=_program(store))


def _login(server: str, source: str, helper: str | None) -> Login:
    # old clients wrote URLs with the API's version: https://registry.example/v1/
    name = server.removeprefix("https://").removeprefix("http://").rstrip("/")
    name = name.removesuffix("/v1").removesuffix("/v2")
    host, _, repository = name.partition("/")
    return Login(
        host=DOCKER_HUB if host in _HUB_ALIASES else host,
        repository=repository,
        source=source,
        helper=_program(helper) if helper else None,
    )


def _program(helper: str) -> str:
    return f"docker-credential-{helper}"
