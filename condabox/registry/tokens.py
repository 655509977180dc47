"""How a client proves who it is: Basic, or a Bearer token, as long as that lives."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condabox.errors import RegistryError
from condabox.registry.challenge import parse_challenges
from condabox.registry.tokenserver import fetch_token, token_as_password

if TYPE_CHECKING:
    from collections.abc import Callable

    from condabox.registry.challenge import Challenge
    from condabox.registry.credentials import Credential, Credentials
    from condabox.registry.tokenserver import Access, AuthorizationRequest
    from condabox.registry.transport import Transport

_SHORTEST_SECRET = 4
"""A shorter one would leave holes in every sentence, which tell what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A header that works until the time ``until``, and the challenge that it answers."""

    header: str = field(repr=False)
    until: float
    bearer: Challenge | None


class Authorizer:
    """Answers one registry's challenges and remembers its tokens while they live.

    May be used by several threads.
    """

    def __init__(
        self,
        *,
        host: str,
        transport: Transport,
        credentials: Credentials,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._known: dict[Access, _Known] = {}
        self._secrets: frozenset[str] = frozenset()
        self._source = ""
        self._lock = threading.Lock()

    @property
    def source(self) -> str:
        """Where the credentials come from that were used last, empty where there were none."""
        return self._source

    def header(self, request: AuthorizationRequest) -> str | None:
        """Return the Authorization header that worked for such a request, if one did.

        A token whose time is over is replaced: a large body would be sent with it in vain.
        """
        with self._lock:
            known = self._known.get(request.access)
            if known is None or self._lives(known):
                return known.header if known else None
            return self._new_header(known.bearer, self._credential(request), request=request)

    def answer(
        self, challenges: str, *, request: AuthorizationRequest, refused: str | None
    ) -> str | None:
        """Return a new Authorization header for a WWW-Authenticate header, or None.

        ``refused`` is the header that the registry did not accept; what another thread has
        fetched in the meantime is used.
        """
        with self._lock:
            known = self._known.get(request.access)
            if known and known.header != refused and self._lives(known):
                return known.header
            offered = {challenge.scheme: challenge for challenge in parse_challenges(challenges)}
            if not offered.keys() & {"bearer", "basic"}:
                return None
            credential = self._credential(request)
            header = self._new_header(offered.get("bearer"), credential, request=request)
            return None if header == refused else header

    def without_secrets(self, text: str) -> str:
        """Return what a registry said without what we said to it."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def _lives(self, known: _Known) -> bool:
        return self._clock() < known.until

    def _credential(self, request: AuthorizationRequest) -> Credential | None:
        credential = self._credentials.lookup(self._host, request.access.repository)
        self._source = credential.source if credential else ""
        if credential:
            for each in (credential, token_as_password(credential)):
                self._keep_secret(each.password)
                self._keep_secret(each.basic.removeprefix("Basic "))
        return credential

    def _keep_secret(self, secret: str) -> None:
        if len(secret) >= _SHORTEST_SECRET:
            self._secrets |= {secret}

    def _new_header(
        self,
        bearer: Challenge | None,
        credential: Credential | None,
        *,
        request: AuthorizationRequest,
    ) -> str | None:
        if bearer:
            try:
                token, life = fetch_token(
                    bearer, credential, request=request, transport=self._transport
                )
            except RegistryError as error:
                said = self.without_secrets(error.message)
                raise type(error)(said, hint=error.hint) from None
            self._keep_secret(token)
            header, until = f"Bearer {token}", self._clock() + life
        elif credential and credential.username:
            header, until = credential.basic, float("inf")
        else:
            return None
        self._known[request.access] = _Known(header=header, until=until, bearer=bearer)
        return header
