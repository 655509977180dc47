"""Who the user is to a registry: what Docker's and podman's logins say, and their helpers.

The protocol of helpers is that of docker/docker-credential-helpers.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from condabox import process
from condabox.decode import DecodeError, mapping, optional, required, string_mapping, typed
from condabox.errors import RegistryError, ToolFailedError, ToolMissingError
from condabox.oci.reference import DOCKER_HUB
from condabox.registry.loginplaces import login_places, server_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.registry.loginplaces import LoginPlace

_HUB_SERVER = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105  (the helpers' mark for an identity token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user's name and password, or an identity token.  Neither is shown by ``repr``.

    ``source`` says where it was found, for people: the same one may stand in several places.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str | None = field(default=None, repr=False)
    source: str = field(default="", compare=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header, as in RFC 7617."""
        plain = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(plain).decode()}"


class Credentials(Protocol):
    """Where a registry client asks who it is."""

    def lookup(self, host: str, repository: str) -> Credential | None:
        """Return what is known for ``repository`` on ``host``; None means anonymous."""


class Anonymous:
    """Nobody."""

    def lookup(self, host: str, repository: str) -> Credential | None:  # noqa: ARG002
        """Know nothing."""
        return None


class ConfigCredentials:
    """Reads the configuration each time it is asked: logging in takes effect at once.

    A helper has ``seconds`` to answer, if there are any: it may ask the user for a password.
    """

    def __init__(self, places: Iterable[LoginPlace], *, seconds: float | None = None) -> None:
        self._places = tuple(places)
        self._seconds = seconds

    @classmethod
    def from_environment(
        cls, env: Mapping[str, str], *, seconds: float | None = None
    ) -> ConfigCredentials:
        """Use what docker and podman would use; the first that knows a host wins."""
        return cls(login_places(env), seconds=seconds)

    def lookup(self, host: str, repository: str) -> Credential | None:
        """Return the credential of the longest prefix of ``host/repository`` that has one."""
        scopes = _scopes(host, repository)
        for place in self._places:
            found = _lookup(place, scopes, seconds=self._seconds)
            if found is not None:
                return found
        return None


def _lookup(
    place: LoginPlace, scopes: Sequence[tuple[str, str]], *, seconds: float | None
) -> Credential | None:
    config = place.read()
    try:
        helpers = string_mapping(config.get("credHelpers") or {}, at="credHelpers")
        store = optional(config, "credsStore", str, at="")
        auths = mapping(config.get("auths") or {}, at="auths")
        helper_of = {server_of(key): helper for key, helper in helpers.items()}
        for scope in scopes:
            if helper := helper_of.get(scope):
                return _ask(helper, scope, place, seconds=seconds)
        if store and (found := _ask(store, scopes[-1], place, seconds=seconds)):
            return found
        key_of = {server_of(key): key for key in auths}
        for scope in scopes:
            if scope in key_of:
                key = key_of[scope]
                return _stored(auths[key], place, at=f"auths.{key}")
    except DecodeError as error:
        raise place.broken(error) from None
    return None


def _scopes(host: str, repository: str) -> tuple[tuple[str, str], ...]:
    # containers-auth.json(5): the most specific of host/namespace/repository wins.
    server, _ = server_of(host)
    parts = repository.split("/")
    prefixes = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return (*((server, prefix) for prefix in prefixes), (server, ""))


def _stored(entry: object, place: LoginPlace, *, at: str) -> Credential | None:
    obj = mapping(entry, at=at)
    identity = optional(obj, "identitytoken", str, at=at)
    username = optional(obj, "username", str, at=at) or ""
    password = optional(obj, "password", str, at=at) or ""
    if encoded := optional(obj, "auth", str, at=at):
        try:
            plain = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise DecodeError("is not base64 of user:password", at=f"{at}.auth") from None
        username, _, password = plain.partition(":")
        password = password.rstrip("\0")
    if identity or username:
        return Credential(
            username=username,
            password=password,
            identity_token=identity or None,
            source=str(place),
        )
    return None


def _ask(
    helper: str, scope: tuple[str, str], place: LoginPlace, *, seconds: float | None
) -> Credential | None:
    server = _HUB_SERVER if scope == (DOCKER_HUB, "") else "/".join(filter(None, scope))
    tool = f"docker-credential-{helper}"
    hint = f"try `{tool} get` yourself, or remove {helper!r} from {place} and log in again"
    if not helper.replace("-", "").replace("_", "").isalnum():
        raise RegistryError(f"{place}: {helper!r} is not the name of a credential helper")
    try:
        done = process.attempt([tool, "get"], stdin=server.encode(), seconds=seconds)
    except ToolMissingError:
        raise RegistryError(f"{tool}, which {place} names, cannot be run", hint=hint) from None
    except ToolFailedError as error:
        raise RegistryError(f"{error.message}, for {server}", hint=hint) from None
    if done.returncode != 0:
        # The protocol has no codes: every helper says it in these words.
        if b"credentials not found" in done.stdout or "credentials not found" in done.stderr:
            return None
        raise RegistryError(f"{tool} ended with status {done.returncode} for {server}", hint=hint)
    try:
        answer = mapping(json.loads(done.stdout), at="")
        username = required(answer, "Username", str, at="")
        secret = typed(answer.get("Secret"), str, at="Secret")
    except (ValueError, RecursionError):
        raise RegistryError(f"{tool} gave an answer that is no credential", hint=hint) from None
    if not username and not secret:
        return None  # so some say that they know of nobody
    source = f"{tool}, which {place} names"
    if username == _TOKEN_USER:
        return Credential(identity_token=secret, source=source)
    return Credential(username=username, password=secret, source=source)
