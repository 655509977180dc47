"""How a client proves who it is: Basic, or a Bearer token from the registry's token server.

https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from condabox.decode import DecodeError, mapping, optional
from condabox.errors import RegistryError
from condabox.registry.challenge import parse_challenges

if TYPE_CHECKING:
    from collections.abc import Callable

    from condabox.registry.challenge import Challenge
    from condabox.registry.credentials import Credential, Credentials
    from condabox.registry.transport import Transport

_LIMIT = 1 << 20
_DEFAULT_LIFE = 60.0
"""Seconds that a token lives when the server does not say."""
_MARGIN = 10.0
_CLIENT_ID = "condabox"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What a client wants to do, and at which address it was refused."""

    repository: str
    scope: str
    url: str
    verify: bool
    """Whether the registry's certificate, and so its token server's, must be valid."""


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
        self._known: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def header(self, scope: str) -> str | None:
        """Return the Authorization header that worked for ``scope`` before, while it is good."""
        with self._lock:
            value, until = self._known.get(scope, ("", 0.0))
            return value if value and self._clock() < until else None

    def answer(
        self, challenges: str, *, request: AuthorizationRequest, refused: str | None
    ) -> str | None:
        """Return a new Authorization header for a WWW-Authenticate header, or None.

        ``refused`` is the header that the registry did not accept; what another thread has
        fetched in the meantime is used.
        """
        scope = request.scope
        with self._lock:
            value, until = self._known.get(scope, ("", 0.0))
            if value and value != refused and self._clock() < until:
                return value
            offered = {challenge.scheme: challenge for challenge in parse_challenges(challenges)}
            credential = self._credentials.lookup(self._host, request.repository)
            if bearer := offered.get("bearer"):
                value, life = self._token(bearer, credential, request=request)
            elif "basic" in offered and credential and credential.username:
                value, life = credential.basic, float("inf")
            else:
                return None
            if value == refused:
                return None
            self._known[scope] = value, self._clock() + life
            return value

    def _token(
        self, bearer: Challenge, credential: Credential | None, *, request: AuthorizationRequest
    ) -> tuple[str, float]:
        realm = bearer.parameters.get("realm", "")
        query = {"scope": request.scope}
        if service := bearer.parameters.get("service"):
            query["service"] = service
        _check_realm(realm, url=request.url, host=self._host, credential=credential)
        if credential and credential.identity_token:
            form = {
                **query,
                "grant_type": "refresh_token",
                "refresh_token": credential.identity_token,
                "client_id": _CLIENT_ID,
            }
            answer = self._transport.request(
                "POST", realm, limit=_LIMIT, form=form, verify=request.verify
            )
        else:
            headers = {"Authorization": credential.basic} if credential else {}
            address = _with_query(realm, query)
            answer = self._transport.request(
                "GET", address, limit=_LIMIT, headers=headers, verify=request.verify
            )
        if answer.status != HTTPStatus.OK:
            who = "these credentials" if credential else "an anonymous user"
            raise RegistryError(
                f"{self._host}: its token server refused {who} with status {answer.status}",
                hint=f"log in with `docker login {self._host}`",
            )
        return self._parsed(answer.body)

    def _parsed(self, body: bytes) -> tuple[str, float]:
        try:
            obj = mapping(json.loads(body), at="")
            token = optional(obj, "token", str, at="") or optional(obj, "access_token", str, at="")
            life = optional(obj, "expires_in", float, at="") or _DEFAULT_LIFE
            if not token or not token.isascii() or not token.isprintable():
                raise DecodeError("is missing", at="token")
        except (ValueError, RecursionError):
            raise RegistryError(f"{self._host}: its token server's answer is no token") from None
        return f"Bearer {token}", max(life - _MARGIN, _MARGIN)


def _with_query(realm: str, query: dict[str, str]) -> str:
    parts = urlsplit(realm)
    joined = "&".join(filter(None, (parts.query, urlencode(query))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


def _check_realm(realm: str, *, url: str, host: str, credential: Credential | None) -> None:
    try:
        scheme, name = urlsplit(realm).scheme, urlsplit(realm).hostname
    except ValueError:
        scheme, name = "", None
    if scheme not in {"https", "http"} or not name:
        raise RegistryError(f"{host}: it names no token server that can be asked")
    if credential and scheme == "http" and url.startswith("https:"):
        raise RegistryError(
            f"{host}: it wants the credentials sent to {name} without encryption",
            hint="the registry's `realm` must be an https address",
        )
