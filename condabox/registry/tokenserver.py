"""What a registry's token server is asked for a Bearer token, and what it answers.

https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox.decode import DecodeError, mapping, optional, typed
from condabox.errors import RegistryError, RegistryRefusedError
from condabox.registry.addresses import with_query
from condabox.registry.credentials import Credential
from condabox.registry.failures import naming, words_of

if TYPE_CHECKING:
    from condabox.registry.certificates import Trust
    from condabox.registry.challenge import Challenge
    from condabox.registry.messages import Response
    from condabox.registry.transport import Transport

_LIMIT = 1 << 20
_DEFAULT_LIFE = 60.0
"""Seconds that a token lives when the server does not say."""
_MARGIN = 10.0
_CLIENT_ID = "condabox"
_TOKEN_USER = "<token>"  # noqa: S105  (stands where a name would, no secret)
# RFC 6749 §5.2 has 400 for an identity token that is not valid any more
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_NO_POST = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})


@dataclass(frozen=True, slots=True)
class Access:
    """What a client wants to do with ``repository``, in the words of token servers."""

    repository: str
    scopes: tuple[str, ...]

    @classmethod
    def to_pull(cls, repository: str) -> Access:
        """Read alone."""
        return cls(repository, (f"repository:{repository}:pull",))

    @classmethod
    def to_push(cls, repository: str, *, mounting: str | None = None) -> Access:
        """Read and write, and perhaps read what is in another repository of the registry."""
        own = f"repository:{repository}:pull,push"
        return cls(repository, (own, f"repository:{mounting}:pull") if mounting else (own,))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What a client wants to do, and at which address of which registry."""

    host: str
    access: Access
    url: str
    trust: Trust
    """What holds for the registry's certificate, and so for its token server's."""


def fetch_token(
    bearer: Challenge,
    credential: Credential | None,
    *,
    request: AuthorizationRequest,
    transport: Transport,
) -> tuple[str, float]:
    """Return a token and the seconds for which it can be used; raise RegistryError for none."""
    _check_realm(bearer, credential, request=request)
    if credential and credential.identity_token:
        answer = _exchange(bearer, credential, request=request, transport=transport)
    else:
        answer = _ask(bearer, credential, request=request, transport=transport)
    if answer.status != HTTPStatus.OK:
        who = "these credentials" if credential else "an anonymous user"
        said = words_of(answer.body)
        detail = f": {said}" if said else ""
        kind = RegistryRefusedError if answer.status in _REFUSALS else RegistryError
        raise kind(
            f"{request.host}: its token server refused {who} with status {answer.status}{detail}",
            hint=naming(
                f"log in with `docker login {request.host}`",
                credential.source if credential else "",
            ),
        )
    return _parsed(answer.body, host=request.host)


def token_as_password(credential: Credential) -> Credential:
    """Return ``credential`` for token servers that know no identity tokens but take them so."""
    username = credential.username or _TOKEN_USER
    return Credential(username=username, password=credential.identity_token or "")


def _ask(
    bearer: Challenge,
    credential: Credential | None,
    *,
    request: AuthorizationRequest,
    transport: Transport,
) -> Response:
    query = [("scope", scope) for scope in request.access.scopes]
    if service := bearer.parameters.get("service"):
        query.append(("service", service))
    return transport.request(
        "GET",
        with_query(bearer.parameters["realm"], query),
        limit=_LIMIT,
        headers={"Authorization": credential.basic} if credential else {},
        trust=request.trust,
    )


def _exchange(
    bearer: Challenge,
    credential: Credential,
    *,
    request: AuthorizationRequest,
    transport: Transport,
) -> Response:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credential.identity_token or "",
        "client_id": _CLIENT_ID,
        "scope": " ".join(request.access.scopes),  # RFC 6749 §3.3
    }
    if service := bearer.parameters.get("service"):
        form["service"] = service
    answer = transport.request(
        "POST", bearer.parameters["realm"], limit=_LIMIT, form=form, trust=request.trust
    )
    if answer.status not in _NO_POST:
        return answer
    return _ask(bearer, token_as_password(credential), request=request, transport=transport)


def _parsed(body: bytes, *, host: str) -> tuple[str, float]:
    try:
        obj = mapping(json.loads(body), at="")
        token = optional(obj, "token", str, at="") or optional(obj, "access_token", str, at="")
        if not token or not token.isascii() or not token.isprintable():
            raise DecodeError("is missing", at="token")
    except (ValueError, RecursionError):
        raise RegistryError(
            f"{host}: its token server's answer is no token",
            hint="did a proxy or a login page answer for it?",
        ) from None
    return token, max(_life(obj.get("expires_in")) - _MARGIN, _MARGIN)


def _life(stated: object) -> float:
    try:
        seconds = typed(stated, float, at="")
    except DecodeError:
        return _DEFAULT_LIFE
    return seconds if 0 < seconds < float("inf") else _DEFAULT_LIFE


def _check_realm(
    bearer: Challenge, credential: Credential | None, *, request: AuthorizationRequest
) -> None:
    try:
        realm = urlsplit(bearer.parameters.get("realm", ""))
        scheme, name = realm.scheme, realm.hostname
    except ValueError:
        scheme, name = "", None
    if scheme not in {"https", "http"} or not name:
        raise RegistryError(
            f"{request.host}: it names no token server that can be asked",
            hint="the registry's `realm` must be an https address",
        )
    if credential and scheme == "http" and request.url.startswith("https:"):
        raise RegistryError(
            f"{request.host}: it wants the credentials sent to {name} without encryption",
            hint="the registry's `realm` must be an https address",
        )
