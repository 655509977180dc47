"""Errors of registries are told apart by their kind, and not by their words."""

from __future__ import annotations

import json

import pytest

from condabox.errors import (
    ImageNotFoundError,
    RegistryError,
    RegistryRefusedError,
    RegistryUnreachableError,
    UntrustedHostError,
)
from condabox.registry.failures import pull_failure, push_failure, unreachable
from condabox.registry.messages import Response


def answer(status: int, code: str = "") -> Response:
    body = json.dumps({"errors": [{"code": code}]}).encode() if code else b""
    return Response(status=status, headers={}, body=body, url="https://a.example/v2/")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "", ImageNotFoundError),
        (404, "NAME_UNKNOWN", ImageNotFoundError),
        (400, "MANIFEST_UNKNOWN", ImageNotFoundError),
        (401, "", RegistryRefusedError),
        (403, "DENIED", RegistryRefusedError),
        (401, "NAME_UNKNOWN", RegistryRefusedError),
        (429, "TOOMANYREQUESTS", RegistryError),
        (500, "", RegistryError),
    ],
)
def test_what_cannot_be_pulled(status: int, code: str, kind: type[RegistryError]) -> None:
    error = pull_failure(
        answer(status, code), code, what="a.example/app", host="a.example", source=""
    )

    assert type(error) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, RegistryRefusedError), (403, RegistryRefusedError), (404, RegistryError)],
)
def test_what_cannot_be_pushed(status: int, kind: type[RegistryError]) -> None:
    assert type(push_failure(status, "", what="a.example/app", host="a.example", source="")) is kind


@pytest.mark.parametrize(
    ("reason", "kind", "hint"),
    [
        ("[Errno 111] Connection refused", RegistryUnreachableError, "check the network"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", UntrustedHostError, "SSL_CERT_FILE"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] bad", RegistryUnreachableError, "client.cert"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] unknown", RegistryUnreachableError, "client.cert"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong", RegistryUnreachableError, "insecure = true"),
    ],
)
def test_who_cannot_be_reached(reason: str, kind: type[RegistryError], hint: str) -> None:
    error = unreachable("a.example", reason)

    assert type(error) is kind
    assert hint in str(error.hint)
