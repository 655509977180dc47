"""Who the user is to a registry: Docker's and podman's configuration and its helpers.

Formats: docker/cli `cli/config/configfile`, containers-auth.json(5), and the protocol of
docker/docker-credential-helpers.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from condabox import process
from condabox.decode import DecodeError, mapping, optional, required, string_mapping, typed
from condabox.errors import RegistryError, ToolMissingError
from condabox.oci.reference import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.decode import JSON

_HUB_SERVER = "https://index.docker.io/v1/"
_HUB_ALIASES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_VARIABLE = "DOCKER_AUTH_CONFIG"
"""Has what a file would have: GitLab's way, and Docker's since 28."""
_TOKEN_USER = "<token>"  # noqa: S105  (the helpers' mark for an identity token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user's name and password, or an identity token.  Neither is shown by ``repr``."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str | None = field(default=None, repr=False)

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
    """Reads the configuration each time it is asked: logging in takes effect at once."""

    def __init__(self, sources: tuple[Path | _Text, ...]) -> None:
        self._sources = sources

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> ConfigCredentials:
        """Use what docker and podman would use; the first that knows a host wins."""
        return cls(tuple(_locations(env)))

    def lookup(self, host: str, repository: str) -> Credential | None:
        """Return the credential of the longest prefix of ``host/repository`` that has one."""
        for source in self._sources:
            found = _lookup(source, host, repository)
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class _Text:
    """A configuration that is in no file, but in the environment."""

    content: str = field(repr=False)

    def __str__(self) -> str:
        return _VARIABLE

    def read_bytes(self) -> bytes:
        return self.content.encode()


def _locations(env: Mapping[str, str]) -> Iterator[Path | _Text]:
    if explicit := env.get("REGISTRY_AUTH_FILE"):
        yield Path(explicit)
    if text := env.get(_VARIABLE):
        yield _Text(text)
    home = env.get("HOME") or env.get("USERPROFILE")
    if configured := env.get("DOCKER_CONFIG"):
        yield Path(configured, "config.json")
    elif home:
        yield Path(home, ".docker", "config.json")
    if runtime := env.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers", "auth.json")
    if home:
        yield Path(home, ".config", "containers", "auth.json")


def _lookup(source: Path | _Text, host: str, repository: str) -> Credential | None:
    config = _read(source)
    try:
        helpers = string_mapping(config.get("credHelpers") or {}, at="credHelpers")
        store = optional(config, "credsStore", str, at="")
        auths = mapping(config.get("auths") or {}, at="auths")
        by_server = {_normalized(server): server for server in auths}
        names = _prefixes(_normalized(host), repository)
        for name in names:
            helper = {_normalized(server): tool for server, tool in helpers.items()}.get(name)
            if helper:
                return _ask(helper, name, source)
        if store and (found := _ask(store, _normalized(host), source)):
            return found
        for name in names:
            if name in by_server:
                server = by_server[name]
                return _stored(auths[server], at=f"auths.{server}")
    except DecodeError as error:
        raise RegistryError(f"{source}: {error}", hint=_how_to_mend(source)) from None
    return None


def _read(source: Path | _Text) -> JSON:
    try:
        return mapping(json.loads(source.read_bytes()), at="")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise RegistryError(f"{source}: {error.strerror}") from None
    except (ValueError, RecursionError):
        # The reason would quote the text, which holds secrets.
        raise RegistryError(f"{source}: is not a JSON mapping", hint=_how_to_mend(source)) from None


def _how_to_mend(source: Path | _Text) -> str:
    if isinstance(source, Path):
        return "log in again to write it anew"
    return "it must have what Docker's config.json has, or be unset"


def _prefixes(host: str, repository: str) -> tuple[str, ...]:
    # containers-auth.json(5): the most specific of host/namespace/repository wins.
    parts = repository.split("/")
    scoped = [f"{host}/{'/'.join(parts[:count])}" for count in range(len(parts), 0, -1)]
    return (*scoped, host)


def _normalized(server: str) -> str:
    # Old clients wrote URLs with the API's version: https://registry.example/v1/
    name = server.removeprefix("https://").removeprefix("http://").rstrip("/")
    name = name.removesuffix("/v1").removesuffix("/v2")
    return DOCKER_HUB if name in _HUB_ALIASES else name


def _stored(entry: object, *, at: str) -> Credential | None:
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
        return Credential(username=username, password=password, identity_token=identity or None)
    return None


def _ask(helper: str, name: str, source: Path | _Text) -> Credential | None:
    server = _HUB_SERVER if name == DOCKER_HUB else name
    tool = f"docker-credential-{helper}"
    hint = f"try `{tool} get` yourself, or remove {helper!r} from {source} and log in again"
    if not helper.replace("-", "").replace("_", "").isalnum():
        raise RegistryError(f"{source}: {helper!r} is not the name of a credential helper")
    try:
        done = process.attempt([tool, "get"], stdin=server.encode())
    except ToolMissingError:
        raise RegistryError(f"{tool}, which {source} names, cannot be run", hint=hint) from None
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
    if username == _TOKEN_USER:
        return Credential(identity_token=secret)
    return Credential(username=username, password=secret)
