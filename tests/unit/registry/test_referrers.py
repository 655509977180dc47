"""What speaks of an image: found by its registry, or under a tag that clients write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, RegistryError
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json
from condabox.oci.mediatype import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous
from condabox.registry.referrers import list_referrers, push_referrer, referrers_tag
from condabox.registry.repository import Repository

if TYPE_CHECKING:
    from condabox.registry.transport import Transport
    from tests.fakes.registry import FakeRegistry

SUBJECT = Digest.of(b"an image")
TAG = f"sha256-{SUBJECT.hex}"
SBOM = "application/spdx+json"


@pytest.fixture
def repository(registry: FakeRegistry, transport: Transport) -> Repository:
    registry.link("app", b"{}")
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Anonymous()
    )
    return Repository(client=client, name="app")


def speaking(kind: str | None = SBOM, *, number: int = 1) -> bytes:
    """Make a manifest that speaks of the subject."""
    empty = {"mediaType": OCI_CONFIG, "digest": str(Digest.of(b"{}")), "size": 2}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": empty,
        "layers": [],
        "subject": {"mediaType": OCI_MANIFEST, "digest": str(SUBJECT), "size": 8},
        "annotations": {"number": str(number)},
    }
    return canonical_json(document | ({"artifactType": kind} if kind else {}))


def tagged(registry: FakeRegistry) -> list[dict[str, object]]:
    document = json.loads(registry.manifests["app", TAG])
    found: list[dict[str, object]] = document["manifests"]
    return found


@pytest.mark.parametrize("api", [True, False], ids=["api", "tag"])
def test_what_was_pushed_is_listed(
    registry: FakeRegistry, repository: Repository, *, api: bool
) -> None:
    registry.referrers_api = api
    pushed = [push_referrer(repository, speaking(number=number)) for number in range(3)]

    found = list_referrers(repository, SUBJECT)

    assert {each.descriptor.digest for each in found} == set(pushed)
    assert {each.artifact_type for each in found} == {SBOM}
    assert (("app", TAG) in registry.manifests) is not api


@pytest.mark.parametrize("api", [True, False], ids=["api", "tag"])
def test_one_type_can_be_asked_for(
    registry: FakeRegistry, repository: Repository, *, api: bool
) -> None:
    registry.referrers_api = api
    wanted = push_referrer(repository, speaking())
    push_referrer(repository, speaking("application/x-signature"))

    (found,) = list_referrers(repository, SUBJECT, artifact_type=SBOM)

    assert found.descriptor.digest == wanted


def test_every_page_is_read(registry: FakeRegistry, repository: Repository) -> None:
    registry.page = 2
    for number in range(5):
        push_referrer(repository, speaking(number=number))

    assert len(list_referrers(repository, SUBJECT)) == 5


def test_nothing_is_said_of_most(registry: FakeRegistry, repository: Repository) -> None:
    assert list_referrers(repository, SUBJECT) == ()

    registry.referrers_api = False
    assert list_referrers(repository, SUBJECT) == ()


def test_an_entry_of_the_tag_says_what_the_manifest_does(
    registry: FakeRegistry, repository: Repository
) -> None:
    registry.referrers_api = False
    raw = speaking()

    push_referrer(repository, raw)

    assert tagged(registry) == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(raw)),
            "size": len(raw),
            "artifactType": SBOM,
            "annotations": {"number": "1"},
        }
    ]


def test_without_a_type_it_is_that_of_the_config(
    registry: FakeRegistry, repository: Repository
) -> None:
    registry.referrers_api = False

    push_referrer(repository, speaking(None))

    assert [each["artifactType"] for each in tagged(registry)] == [OCI_CONFIG]


def test_the_tag_keeps_what_others_wrote(registry: FakeRegistry, repository: Repository) -> None:
    registry.referrers_api = False
    theirs = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"x")), "size": 1, "more": [1]}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [theirs], "annotations": {}}
    registry.tag("app", TAG, canonical_json(index))
    registry.add_document("app", b"x")

    for _ in range(2):
        push_referrer(repository, speaking())

    assert [each["digest"] for each in tagged(registry)] == [
        theirs["digest"],
        str(Digest.of(speaking())),
    ]
    assert tagged(registry)[0] == theirs


@pytest.mark.parametrize(
    "raw",
    [
        canonical_json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}),
        canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": "none"}),
    ],
)
def test_a_tag_that_is_something_else_is_left_alone(
    registry: FakeRegistry, repository: Repository, raw: bytes
) -> None:
    registry.referrers_api = False
    registry.tag("app", TAG, raw)

    with pytest.raises(RegistryError, match="not a list of referrers"):
        push_referrer(repository, speaking())

    assert registry.manifests["app", TAG] == raw


def test_a_tag_that_is_no_index_lists_nothing(
    registry: FakeRegistry, repository: Repository
) -> None:
    registry.referrers_api = False
    registry.tag("app", TAG, canonical_json({"manifests": [{"digest": "nonsense"}]}))

    assert list_referrers(repository, SUBJECT) == ()


@pytest.mark.parametrize("subject", [None, "x", {"digest": "sha256:short", "size": 1}])
def test_what_speaks_of_nothing_is_refused(repository: Repository, subject: object) -> None:
    document = json.loads(speaking()) | {"subject": subject}

    with pytest.raises(ImageError, match="subject"):
        push_referrer(repository, canonical_json(document))


def test_the_tag_is_named_after_the_digest() -> None:
    assert referrers_tag(SUBJECT) == TAG
