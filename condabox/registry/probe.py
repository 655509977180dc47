"""Whether a registry answers, and takes who we are: distribution-spec's "Determining Support"."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.errors import RegistryError, RegistryRefusedError
from condabox.registry.client import RegistryClient
from condabox.registry.failures import unreachable
from condabox.registry.tokenserver import Access
from condabox.registry.transport import ConnectionLostError

if TYPE_CHECKING:
    from condabox.registry.credentials import Credential, Credentials
    from condabox.registry.messages import Response
    from condabox.registry.transport import Transport

_BASE = "/v2/"


class Reception(Enum):
    """How a registry receives us."""

    OPEN = auto()
    """It does not want to know who asks."""
    KNOWN = auto()
    """It takes our credentials."""
    PUBLIC = auto()
    """It wants to know who asks, and nobody may ask for what is public."""
    STRANGER = auto()
    """It wants to know who asks, and we have no credentials."""
    REFUSED = auto()
    """It does not take our credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAnswer:
    """How a registry receives us, and its own words where it does not.

    ``source`` is where the credentials come from that it was given, empty where there were none.
    """

    reception: Reception
    words: str = ""
    source: str = ""


class _Remembering:
    """Knows whether anybody was asked for credentials, and what there was."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.asked = False
        self.found: Credential | None = None

    def lookup(self, host: str, repository: str) -> Credential | None:
        self.asked = True
        self.found = self._credentials.lookup(host, repository)
        return self.found


def probe_registry(
    host: str, repository: str, *, insecure: bool, transport: Transport, credentials: Credentials
) -> RegistryAnswer:
    """Ask ``host`` whether it is a registry, once, as who we are to ``repository``.

    Raise RegistryError, with what to do, where nobody answers, or no registry, and where our
    credentials cannot be read.
    """
    known = _Remembering(credentials)
    client = RegistryClient(host=host, insecure=insecure, transport=transport, credentials=known)
    try:
        answer = client.request_once("GET", _BASE, Access(repository, ()))
    except ConnectionLostError as error:
        raise unreachable(host, str(error)) from None
    except RegistryRefusedError as error:
        words = error.message.removeprefix(f"{host}: ")
        return _unwelcome(known, words)
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        words = client.words(answer) or f"status {answer.status}"
        return _unwelcome(known, words)
    _check_registry(answer, host, words=client.words(answer))
    if not known.asked:
        return RegistryAnswer(reception=Reception.OPEN)
    if known.found is None:
        return RegistryAnswer(reception=Reception.PUBLIC)
    return RegistryAnswer(reception=Reception.KNOWN, source=known.found.source)


def _unwelcome(known: _Remembering, words: str) -> RegistryAnswer:
    if known.found is None:
        return RegistryAnswer(reception=Reception.STRANGER, words=words)
    return RegistryAnswer(reception=Reception.REFUSED, words=words, source=known.found.source)


def _check_registry(answer: Response, host: str, *, words: str) -> None:
    if answer.status == HTTPStatus.NOT_FOUND:
        raise RegistryError(
            f"{host} answers, and has no {_BASE}: it is no registry",
            hint="check the name, and `registries` in condabox.toml",
        )
    if not answer.is_success:
        said = f": {words}" if words else ""
        raise RegistryError(
            f"{host} answers with status {answer.status}{said}",
            hint="try again later; its own log, or that of the proxy before it, says more",
        )
    if "html" in answer.headers.get("content-type", ""):
        raise RegistryError(
            f"{host} answers with a web page",
            hint="did a proxy or a login page answer for the registry?",
        )
