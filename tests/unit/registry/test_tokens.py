"""How a client gets the tokens that a registry wants, and for how long it keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from condabox.errors import RegistryError
from condabox.oci.digest import Digest
from condabox.registry.certificates import Trust
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.repository import Repository
from condabox.registry.tokens import Authorizer
from condabox.registry.tokenserver import Access, AuthorizationRequest
from tests.fakes.registry import ISSUED
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known, client_of

if TYPE_CHECKING:
    from condabox.registry.transport import Transport
    from tests.fakes.registry import FakeRegistry

DOCUMENT = b'{"schemaVersion":2}'
SESAME = "open-sesame"
ME = Credential(username="me", password=SESAME)


def test_an_anonymous_user_gets_a_token(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("team/app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"

    client_of(registry, transport).manifest("team/app", "1.0")

    asked = next(seen for seen in registry.seen if seen.path.startswith("/token"))
    assert parse_qs(urlsplit(asked.path).query) == {
        "service": ["fake, really"],
        "scope": ["repository:team/app:pull"],
    }
    assert "authorization" not in asked.headers
    assert registry.seen[-1].headers["authorization"] == f"Bearer {ISSUED}"


def test_a_token_is_asked_for_once(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"
    client = client_of(registry, transport)

    for _ in range(3):
        client.manifest("app", "1.0")

    assert sum(line.startswith("GET /token") for line in registry.lines) == 1


def test_a_query_of_the_realm_stays(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token?account=x"

    client_of(registry, transport).manifest("app", "1.0")

    asked = next(seen for seen in registry.seen if seen.path.startswith("/token"))
    assert parse_qs(urlsplit(asked.path).query)["account"] == ["x"]


def test_a_user_gets_a_token_with_the_password(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"

    client_of(registry, transport, ME).manifest("app", "1.0")

    asked = next(seen for seen in registry.seen if seen.path.startswith("/token"))
    assert asked.headers["authorization"] == ME.basic


def test_an_identity_token_is_exchanged(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"
    client = client_of(registry, transport, Credential(identity_token=SESAME))

    client.manifest("app", "1.0")

    asked = next(seen for seen in registry.seen if seen.path.startswith("/token"))
    assert asked.method == "POST"
    form = parse_qs(asked.body.decode())
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], [SESAME])


@pytest.mark.parametrize("account", ["", "00000000-0000-0000-0000-000000000000"])
def test_a_token_server_that_knows_no_exchange_gets_the_identity_token_as_a_password(
    registry: FakeRegistry, transport: Transport, account: str
) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.behaviour.token_methods = ("GET",)
    registry.behaviour.basic = (account or "<token>", SESAME)
    client = client_of(registry, transport, Credential(username=account, identity_token=SESAME))

    assert client.manifest("app", "1.0") == DOCUMENT
    asked = [seen.method for seen in registry.seen if seen.path.startswith("/token")]
    assert asked == ["POST", "GET"]


def test_rights_to_push_and_to_mount_are_asked_for_in_scopes_of_their_own(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    repository = Repository(client=client_of(registry, transport, ME), name="team/app")

    repository.start_upload(mount=Digest.of(b""), source="bases/ubuntu")

    asked = next(seen for seen in registry.seen if seen.path.startswith("/token"))
    assert parse_qs(urlsplit(asked.path).query)["scope"] == [
        "repository:team/app:pull,push",
        "repository:bases/ubuntu:pull",
    ]


def test_an_identity_token_asks_for_scopes_in_one_word(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    client = client_of(registry, transport, Credential(identity_token=SESAME))

    Repository(client=client, name="app").start_upload(mount=Digest.of(b""), source="base")

    asked = next(seen for seen in registry.seen if seen.path.startswith("/token"))
    scope = parse_qs(asked.body.decode())["scope"]
    assert scope == ["repository:app:pull,push repository:base:pull"]


def test_a_token_that_was_revoked_is_replaced(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"
    client = client_of(registry, transport)
    client.manifest("app", "1.0")
    registry.revoke()

    assert client.manifest("app", "1.0") == DOCUMENT


def test_a_token_server_that_always_gives_the_same_is_asked_once_more_and_no_oftener(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    token = b'{"token": "of-no-use"}'
    registry.behaviour.faults = [
        Fault(method="GET", path="/token", status=200, body=token, times=9)
    ]

    with pytest.raises(RegistryError, match="status 401"):
        client_of(registry, transport).manifest("app", "1.0")

    assert len(registry.requests("GET", "/token")) == 1


def test_what_a_token_server_says_is_told_without_our_secrets(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    said = f"no user me with {SESAME} or {ME.basic}"
    registry.behaviour.faults = [
        Fault(method="GET", path="/token", status=403, code="DENIED", message=said)
    ]

    with pytest.raises(RegistryError, match="DENIED no user me with …") as caught:
        client_of(registry, transport, ME).manifest("app", "1.0")

    assert SESAME not in caught.value.message
    assert ME.basic not in caught.value.message


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "/token", "http://["])
def test_a_realm_that_is_no_address_is_refused(
    registry: FakeRegistry, transport: Transport, realm: str
) -> None:
    registry.behaviour.token_realm = realm

    with pytest.raises(RegistryError, match="token server"):
        client_of(registry, transport).manifest("app", "1.0")


def test_credentials_are_not_sent_in_the_clear_for_a_registry_with_https(
    registry: FakeRegistry, transport: Transport
) -> None:
    authorizer = Authorizer(host="registry.example", transport=transport, credentials=Known(ME))
    request = AuthorizationRequest(
        host="registry.example",
        access=Access.to_pull("app"),
        url="https://registry.example/v2/app/manifests/1.0",
        trust=Trust(),
    )

    with pytest.raises(RegistryError, match="without encryption"):
        authorizer.answer(f'Bearer realm="{registry.url}/token"', request=request, refused=None)

    assert registry.seen == []


def test_an_old_token_is_replaced_before_it_is_refused(
    registry: FakeRegistry, transport: Transport
) -> None:
    now = [0.0]
    authorizer = Authorizer(
        host=registry.host, transport=transport, credentials=Anonymous(), clock=lambda: now[0]
    )
    request = AuthorizationRequest(
        host=registry.host,
        access=Access.to_pull("app"),
        url=f"{registry.url}/v2/",
        trust=Trust(verify=False),
    )
    challenge = f'Bearer realm="{registry.url}/token",service="fake, really"'
    authorizer.answer(challenge, request=request, refused=None)

    headers = [authorizer.header(request) for now[0] in (0.0, 49.0, 60.0)]

    assert headers == [f"Bearer {ISSUED}", f"Bearer {ISSUED}", f"Bearer {ISSUED}-1"]


@pytest.mark.parametrize("life", ["NaN", "Infinity", "-Infinity", '"300"', "[]", "0", "-1", "true"])
def test_a_life_that_is_none_is_the_usual_one(
    registry: FakeRegistry, transport: Transport, life: str
) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.issue(frozenset({"app:pull"}))
    token = f'{{"token": "{ISSUED}", "expires_in": {life}}}'.encode()
    registry.behaviour.faults = [
        Fault(method="GET", path="/token", status=200, body=token, times=99)
    ]
    client = client_of(registry, transport)

    assert [client.manifest("app", "1.0") for _ in range(3)] == [DOCUMENT] * 3
    assert len(registry.requests("GET", "/token")) == 1


def test_a_life_of_many_digits_is_the_usual_one(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    token = f'{{"token": "{ISSUED}", "expires_in": 1{"0" * 400}}}'.encode()
    registry.behaviour.faults = [Fault(method="GET", path="/token", status=200, body=token)]
    registry.issue(frozenset({"app:pull"}))
    registry.tag("app", "1.0", DOCUMENT)

    assert client_of(registry, transport).manifest("app", "1.0") == DOCUMENT


def test_an_answer_of_a_token_server_that_is_none_has_a_hint(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.behaviour.faults = [Fault(method="GET", path="/token", status=200)]

    with pytest.raises(RegistryError, match="is no token") as caught:
        client_of(registry, transport).manifest("app", "1.0")

    assert "proxy" in str(caught.value.hint)
