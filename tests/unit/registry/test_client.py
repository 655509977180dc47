"""What a client asks of a registry, and how it says who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from condabox.errors import (
    DigestMismatchError,
    ImageError,
    ImageNotFoundError,
    RegistryError,
    RegistryRefusedError,
)
from condabox.oci.digest import Digest
from condabox.oci.mediatype import DOCKER_MANIFEST
from condabox.registry.certificates import Trust
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.repository import Repository
from condabox.registry.tokens import Authorizer
from condabox.registry.tokenserver import Access, AuthorizationRequest
from tests.fakes.registry import ISSUED
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known

if TYPE_CHECKING:
    from condabox.registry.transport import Transport
    from tests.fakes.registry import FakeRegistry

DOCUMENT = b'{"schemaVersion":2}'
SESAME = "open-sesame"


ME = Credential(username="me", password=SESAME)


def client_of(
    registry: FakeRegistry, transport: Transport, credential: Credential | None = None
) -> RegistryClient:
    return RegistryClient(
        host=registry.host,
        insecure=False,
        transport=transport,
        credentials=Known(credential) if credential else Anonymous(),
    )


def test_a_manifest_is_fetched_by_tag(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("team/app", "1.0", DOCUMENT)

    assert client_of(registry, transport).manifest("team/app", "1.0") == DOCUMENT


def test_every_type_of_manifest_is_accepted(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)

    client_of(registry, transport).manifest("app", "1.0")

    assert registry.seen[-1].headers["accept"].split(", ") == [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]


def test_a_tag_is_resolved_without_a_pull(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)

    digest = client_of(registry, transport).digest("app", "1.0")

    assert digest == Digest.of(DOCUMENT)
    assert registry.lines == ["HEAD /v2/app/manifests/1.0"]


def test_a_registry_without_head_needs_a_get(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.heads = False

    assert client_of(registry, transport).digest("app", "1.0") is None


def test_a_manifest_that_is_another_than_its_digest_is_refused(
    registry: FakeRegistry, transport: Transport
) -> None:
    digest = Digest.of(b"something else")
    registry.manifests["app", str(digest)] = DOCUMENT

    with pytest.raises(DigestMismatchError, match=str(digest)):
        client_of(registry, transport).manifest("app", str(digest))


def test_a_missing_image_is_named_with_the_code_of_the_registry(
    registry: FakeRegistry, transport: Transport
) -> None:
    with pytest.raises(ImageNotFoundError, match=r"/app:2\.0.*MANIFEST_UNKNOWN"):
        client_of(registry, transport).manifest("app", "2.0")


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, RegistryRefusedError, "docker login"),
        (403, RegistryRefusedError, "docker login"),
        (429, RegistryError, "mirror"),
    ],
)
def test_a_refusal_says_what_to_do(
    registry: FakeRegistry,
    transport: Transport,
    status: int,
    kind: type[RegistryError],
    advice: str,
) -> None:
    registry.behaviour.refused = status

    with pytest.raises(RegistryError, match=f"status {status}") as caught:
        client_of(registry, transport).manifest("app", "1.0")

    assert type(caught.value) is kind
    assert advice in str(caught.value.hint)


def test_what_a_registry_says_cannot_write_to_the_terminal(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.failures = [(400, {})]

    with pytest.raises(RegistryError) as caught:
        client_of(registry, transport).manifest("app", "1.0")

    assert caught.value.message.isprintable()


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


def test_who_answers_instead_of_the_registry_may_not_ask_who_we_are(
    registry: FakeRegistry, other: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.redirect = ("GET",), other.url
    other.behaviour.basic = ("me", SESAME)
    other.behaviour.token_realm = f"{other.url}/token"

    with pytest.raises(RegistryError, match="401"):
        client_of(registry, transport, ME).manifest("app", "1.0")

    assert [each.line for each in other.seen] == ["GET /v2/app/manifests/1.0"]


@pytest.mark.parametrize("stated", [DOCKER_MANIFEST, f"{DOCKER_MANIFEST}; charset=utf-8"])
def test_a_manifest_that_calls_itself_something_else_is_refused(
    registry: FakeRegistry, transport: Transport, stated: str
) -> None:
    registry.tag("app", "1.0", b'{"mediaType": "application/vnd.oci.image.index.v1+json"}')
    registry.behaviour.manifest_type = stated

    with pytest.raises(ImageError, match="calls itself"):
        client_of(registry, transport).manifest("app", "1.0")


def test_basic_authentication_works(registry: FakeRegistry, transport: Transport) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    registry.behaviour.basic = ("me", SESAME)

    assert client_of(registry, transport, ME).manifest("app", "1.0") == DOCUMENT


def test_nobody_is_asked_who_we_are_before_the_registry_wants_to_know(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.tag("app", "1.0", DOCUMENT)
    known = Known(ME)
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=known
    )

    client.manifest("app", "1.0")

    assert known.asked == []
    assert all("authorization" not in seen.headers for seen in registry.seen)


@pytest.mark.parametrize("bearer", [True, False], ids=["token", "basic"])
def test_wrong_credentials_are_refused_and_not_shown(
    registry: FakeRegistry, transport: Transport, *, bearer: bool
) -> None:
    registry.behaviour.basic = ("me", "another password")
    if bearer:
        registry.behaviour.token_realm = f"{registry.url}/token"

    with pytest.raises(RegistryRefusedError, match="401") as caught:
        client_of(registry, transport, ME).manifest("app", "1.0")

    said = caught.value.message + str(caught.value.hint)
    assert "docker login" in said
    assert SESAME not in said


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


def test_a_certificate_is_wanted_of_hosts_elsewhere(
    registry: FakeRegistry, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condabox.registry.client._is_local", lambda _: False)

    with pytest.raises(RegistryError, match="cannot be reached"):
        client_of(registry, transport).manifest("app", "1.0")

    assert registry.seen == []
