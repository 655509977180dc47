"""What a registry refuses, in its own words, and what to do about it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.decode import each, mapping, optional
from condabox.errors import (
    ImageNotFoundError,
    RegistryError,
    RegistryRefusedError,
    RegistryUnreachableError,
    UntrustedHostError,
)

if TYPE_CHECKING:
    from condabox.registry.messages import Response

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""What OpenSSL says of a certificate that nobody vouches for."""
_UNKNOWN_CLIENT = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA")
"""What OpenSSL says of a server that wants to have one of ours, or another one."""

_MOST_WORDS = 300

_CAUSES = {
    UNTRUSTED: "add the authority that signed its certificate to the system's, name a file with it "
    "in SSL_CERT_FILE, or put it into /etc/containers/certs.d/HOST:PORT/ca.crt",
    **dict.fromkeys(
        _UNKNOWN_CLIENT,
        "it wants a certificate of yours: put client.cert and client.key into "
        "/etc/containers/certs.d/HOST:PORT or ~/.config/containers/certs.d/HOST:PORT",
    ),
    "WRONG_VERSION_NUMBER": "it may speak plain HTTP: set `insecure = true` for it, below "
    "`registries` in condabox.toml",
}
"""What to do about what OpenSSL says."""
_NETWORK = "check the network, the proxy variables, and `registries` in the settings"
_LOG = "the registry's own log, or that of a proxy before it, may say more"
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_UNKNOWN = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN"})

_PUSH_HINTS = (
    # What the message says comes before the codes, of which some registries know but one.
    (("immutable", "overwrit"), "the tag is there and may not be changed: use another one"),
    (("quota",), "make room in the registry, or ask who runs it for more"),
    (("UNAUTHORIZED",), "log in with `docker login {host}`"),
    (
        ("DENIED",),
        "log in with `docker login {host}` as somebody who may push there, or make the repository",
    ),
    (("NAME_UNKNOWN",), "make the repository first: this registry does not by itself"),
    (("NAME_INVALID", "TAG_INVALID"), "give the image a name that this registry takes"),
    (("UNSUPPORTED",), "this registry takes no images: it may be a mirror or a cache"),
    (("TOOMANYREQUESTS",), "wait, or log in with `docker login {host}`"),
    (("BLOB_UNKNOWN",), "push again: the registry has lost a part of the image meanwhile"),
    (("MANIFEST_INVALID",), "this registry takes no such images: is it a very old one?"),
    (("DIGEST_INVALID", "SIZE_INVALID"), "what arrives is not what was sent: look for a proxy"),
)
_PUSH_STATUS_HINTS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "log in with `docker login {host}`",
    HTTPStatus.FORBIDDEN: "log in with `docker login {host}` as somebody who may push there",
    HTTPStatus.NOT_FOUND: "check the name; some registries want the repository made first",
    HTTPStatus.METHOD_NOT_ALLOWED: "this registry takes no images: it may be a mirror or a cache",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "raise the limit of the registry, or of the proxy "
    "before it (nginx: client_max_body_size)",
    HTTPStatus.TOO_MANY_REQUESTS: "wait, or log in with `docker login {host}`",
    HTTPStatus.INSUFFICIENT_STORAGE: "make room in the registry, or ask who runs it for more",
}


def wants_certificate(reason: str) -> bool:
    """Say whether ``reason``, for which a connection failed, is that we did not say who we are."""
    return any(mark in reason for mark in _UNKNOWN_CLIENT)


def unreachable(host: str, reason: str) -> RegistryUnreachableError:
    """Describe a connection that failed; a URL would show the signatures of redirects."""
    kind = UntrustedHostError if UNTRUSTED in reason else RegistryUnreachableError
    hints = (hint for cause, hint in _CAUSES.items() if cause in reason)
    return kind(f"{host or 'the registry'} cannot be reached: {reason}", hint=next(hints, _NETWORK))


def naming(hint: str, source: str) -> str:
    """Return ``hint`` with the ``source`` of the credentials that were refused, if any were."""
    return f"{hint}; the credentials came from {source}" if source else hint


def damaged(problem: str) -> RegistryError:
    """Describe what is not what it was asked for, each time that it arrives."""
    return RegistryError(
        problem,
        hint="try again; if it repeats, the registry, or a proxy before it, damages what passes",
    )


def pull_failure(
    answer: Response, said: str, *, host: str, source: str, what: str = ""
) -> RegistryError:
    """Describe why ``what``, or else the whole image, cannot be had.

    ``said`` are the registry's own words, and ``source`` is where the credentials come from, empty
    where there are none.  Who asked for the image says which it is.
    """
    detail = f": {said}" if said else ""
    lead = f"{what}: " if what else ""
    refused, status = f"{lead}status {answer.status}{detail}", answer.status
    if status in _REFUSALS:
        # Registries answer so for what does not exist, too.
        hint = f"check the name; if it is right, log in with `docker login {host}`"
        return RegistryRefusedError(refused, hint=naming(hint, source))
    if status == HTTPStatus.NOT_FOUND or codes_of(answer.body) & _UNKNOWN:
        return ImageNotFoundError(
            f"{lead}the registry has no such image{detail}", hint="check the name and the tag"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        hint = f"wait, log in with `docker login {host}`, or name a mirror in the settings"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        hint = "try again later, or name a mirror in the settings"
    else:
        hint = _LOG
    return RegistryError(refused, hint=hint)


def push_failure(status: int, said: str, *, what: str, host: str, source: str) -> RegistryError:
    """Describe why ``what`` cannot be stored; ``said`` and ``source`` are as for `pull_failure`."""
    detail = f": {said}" if said else ""
    words = said.lower()
    hints = (hint for marks, hint in _PUSH_HINTS if any(mark.lower() in words for mark in marks))
    by_status = "try again later" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    hint = next(hints, None) or _PUSH_STATUS_HINTS.get(status) or by_status
    hint = (hint or _LOG).format(host=host)
    if status in _REFUSALS:
        return RegistryRefusedError(f"{what}: status {status}{detail}", hint=naming(hint, source))
    return RegistryError(f"{what}: status {status}{detail}", hint=hint)


def words_of(body: bytes) -> str:
    """Return what a registry says in an error: codes and messages, or nothing."""
    text = "; ".join(filter(None, (f"{code} {message}".strip() for code, message in _errors(body))))
    return "".join(character for character in text if character.isprintable())[:_MOST_WORDS]


def codes_of(body: bytes) -> frozenset[str]:
    """Return the codes of distribution-spec that a registry gives for an error."""
    return frozenset(code for code, _ in _errors(body))


def _errors(body: bytes) -> tuple[tuple[str, str], ...]:
    # distribution-spec, "Error Codes": {"errors": [{"code": …, "message": …}]}
    try:
        return each(
            mapping(json.loads(body), at="").get("errors"),
            lambda item, at: (
                optional(mapping(item, at=at), "code", str, at=at) or "",
                optional(mapping(item, at=at), "message", str, at=at) or "",
            ),
            at="errors",
        )
    except (ValueError, RecursionError):
        return ()
