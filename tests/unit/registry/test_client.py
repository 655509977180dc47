"""What a client asks of a registry, and what it makes of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, ImageNotFoundError, RegistryError, RegistryRefusedError
from condabox.oci.digest import Digest
from condabox.oci.mediatype import DOCKER_MANIFEST
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Credential
from condabox.registry.notices import Notices
from condabox.registry.transport import Transport
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known, client_of
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from tests.fakes.registry import FakeRegistry

DOCUMENT = b'{"schemaVersion":2}'
SESAME = "open-sesame"
ME = Credential(username="me", password=SESAME)


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

    with pytest.raises(RegistryError, match=f"damaged.*{digest}") as caught:
        client_of(registry, transport).manifest("app", str(digest))

    assert "try again" in str(caught.value.hint)
    assert registry.lines == [f"GET /v2/app/manifests/{digest}"] * 2


def test_a_manifest_that_arrives_damaged_once_is_fetched_again(
    registry: FakeRegistry, transport: Transport
) -> None:
    digest = registry.add_document("app", DOCUMENT)
    registry.behaviour.faults = [Fault(method="GET", status=200, body=b"{")]

    assert client_of(registry, transport).manifest("app", str(digest)) == DOCUMENT


def test_a_missing_image_is_named_with_the_code_of_the_registry(
    registry: FakeRegistry, transport: Transport
) -> None:
    with pytest.raises(ImageNotFoundError, match=r"no such image.*MANIFEST_UNKNOWN"):
        client_of(registry, transport).manifest("app", "2.0")


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, RegistryRefusedError, "docker login"),
        (403, RegistryRefusedError, "docker login"),
        (418, RegistryError, "log"),
        (429, RegistryError, "mirror"),
        (500, RegistryError, "later"),
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


def test_a_certificate_is_wanted_of_hosts_elsewhere(
    registry: FakeRegistry, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condabox.registry.client._is_local", lambda _: False)

    with pytest.raises(RegistryError, match="cannot be reached"):
        client_of(registry, transport).manifest("app", "1.0")

    assert registry.seen == []


def test_a_long_page_instead_of_a_blob_is_a_refusal(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.faults = [
        Fault(method="GET", path="/blobs/", status=404, body=b"<html>" + b"x" * 70_000)
    ]
    blob = client_of(registry, transport).blob("app", Digest.of(b""), offset=0)

    with pytest.raises(ImageNotFoundError), blob:
        pass


def test_a_warning_is_told_without_our_secrets(registry: FakeRegistry) -> None:
    reporter = WatchingReporter()
    registry.behaviour.basic = ("me", SESAME)
    registry.tag("app", "1.0", DOCUMENT)

    with Transport(sleep=lambda _: None, notices=Notices(reporter)) as transport:
        client = client_of(registry, transport, ME)
        client.manifest("app", "1.0")
        registry.behaviour.headers = {"Warning": f'299 - "you said {ME.basic}"'}
        client.manifest("app", "1.0")

    assert reporter.warnings == [f"{registry.host} says: you said Basic …"]
