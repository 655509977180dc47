"""What a repository is asked for, and what it may answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.oci.digest import Digest
from condabox.oci.mediatype import OCI_INDEX
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.repository import Repository
from tests.fakes.registry import ISSUED
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known

if TYPE_CHECKING:
    from condabox.registry.transport import Transport
    from tests.fakes.registry import FakeRegistry

SESAME = "open-sesame"
INDEX = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()


@pytest.fixture
def repository(registry: FakeRegistry, transport: Transport) -> Repository:
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Anonymous()
    )
    return Repository(client=client, name="team/app")


def test_a_blob_is_there_or_not(registry: FakeRegistry, repository: Repository) -> None:
    here, elsewhere = registry.link("team/app", b"here"), registry.link("other", b"elsewhere")

    assert [repository.has_blob(digest) for digest in (here, elsewhere)] == [True, False]
    assert {each.method for each in registry.seen if each.path != "/v2/"} == {"HEAD"}


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_every_tag_is_listed(registry: FakeRegistry, repository: Repository, page: int) -> None:
    registry.page = page
    for tag in ("1.0", "2.0", "latest"):
        registry.tag("team/app", tag, INDEX)

    assert repository.tags() == ("1.0", "2.0", "latest")


def test_an_unknown_repository_has_no_tags(repository: Repository) -> None:
    assert repository.tags() == ()


@pytest.mark.parametrize("body", [b"none", b"[]", b'{"tags": "x"}', b'{"tags": [1]}', b"[" * 9999])
def test_a_list_that_is_none_is_refused(
    registry: FakeRegistry, repository: Repository, body: bytes
) -> None:
    registry.behaviour.faults = [Fault(method="GET", path="tags/list", status=200, body=body)]

    with pytest.raises(RegistryError, match="list of tags"):
        repository.tags()


def test_a_list_that_never_ends_is_left(
    registry: FakeRegistry, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condabox.registry.repository._MOST_PAGES", 5)
    again = {"Link": '</v2/team/app/tags/list>; rel="next"'}
    fault = Fault(
        method="GET",
        path="tags/list",
        status=200,
        headers=again,
        body=b'{"tags": ["x"]}',
        times=99,
    )
    registry.behaviour.faults = [fault]

    with pytest.raises(RegistryError, match="goes on for ever"):
        repository.tags()


def test_a_manifest_is_stored_under_its_type(
    registry: FakeRegistry, repository: Repository
) -> None:
    repository.put_manifest("1.0", INDEX, media_type=OCI_INDEX)

    assert registry.manifests["team/app", "1.0"] == INDEX
    assert repository.digest("1.0") == Digest.of(INDEX)


def test_a_registry_that_stores_something_else_is_not_believed(
    registry: FakeRegistry, repository: Repository
) -> None:
    headers = {"Docker-Content-Digest": str(Digest.of(b"something else"))}
    registry.behaviour.faults = [Fault(method="PUT", status=201, headers=headers)]

    with pytest.raises(RegistryError, match="something else"):
        repository.put_manifest("1.0", INDEX, media_type=OCI_INDEX)


def test_a_refused_manifest_is_named(registry: FakeRegistry, repository: Repository) -> None:
    registry.behaviour.faults = [
        Fault(method="PUT", status=400, code="MANIFEST_INVALID", message="too new")
    ]

    with pytest.raises(RegistryError, match=r"/team/app:1\.0: status 400.*too new") as caught:
        repository.put_manifest("1.0", INDEX, media_type=OCI_INDEX)

    assert "very old" in str(caught.value.hint)


@pytest.mark.parametrize("bearer", [True, False], ids=["token", "basic"])
def test_what_a_registry_repeats_of_our_secrets_is_not_shown(
    registry: FakeRegistry, transport: Transport, *, bearer: bool
) -> None:
    me = Credential(username="me", password=SESAME)
    registry.behaviour.basic = ("me", SESAME)
    registry.behaviour.token_realm = f"{registry.url}/token" if bearer else None
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Known(me)
    )
    said = f"you are me:{SESAME}, {me.basic}, Bearer {ISSUED}"
    fault = Fault(method="PUT", skip=1, status=403, code="DENIED", message=said)
    registry.behaviour.faults = [fault]

    with pytest.raises(RegistryError, match="you are me") as caught:
        Repository(client=client, name="app").put_manifest("1.0", INDEX, media_type=OCI_INDEX)

    shown = caught.value.message + str(caught.value.hint)
    assert SESAME not in shown
    assert me.basic.removeprefix("Basic ") not in shown
    assert (ISSUED in shown) is not bearer
