"""What distribution-spec `spec.md` asks of clients: each class is a paragraph, each test a rule."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.events import SilentReporter, SilentTask
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json
from condabox.oci.image import MemoryBlobs, index_of
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import INDEXES, MANIFESTS, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from condabox.registry import uploads
from condabox.registry.blobreader import BlobReader
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Credential
from condabox.registry.notices import Notices
from condabox.registry.referrers import list_referrers, push_referrer
from condabox.registry.repository import Repository
from condabox.registry.transfer import Fetcher
from condabox.registry.transport import Transport
from condabox.registry.uploads import BlobUpload
from tests.fakes.images import ARM64, make_image
from tests.fakes.pulling import pulled
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.registry.push import Pusher
    from tests.fakes.registry import FakeRegistry

SMALL = b"a small blob"
LARGE = hashlib.shake_128(b"large").digest(90_000)
CHUNK = re.compile("^[0-9]+-[0-9]+$")
ME = Credential(username="me", password="open-sesame")  # noqa: S106


@pytest.fixture(autouse=True)
def _small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 90 kB be much: from the second failure on they go in pieces of 40 kB."""
    monkeypatch.setattr(uploads, "SMALL", 10_000)
    monkeypatch.setattr(uploads, "_PIECES", (1 << 62, 40_000))


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 500}, {"b": b"2"})


@pytest.fixture
def repository(registry: FakeRegistry, transport: Transport) -> Repository:
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Known(ME)
    )
    return Repository(client=client, name="team/app")


@pytest.fixture
def fetcher(repository: Repository, tmp_path: Path) -> Fetcher:
    return Fetcher(
        client=repository.client,
        repository="team/app",
        blobs=BlobDirectory(tmp_path / "pulled"),
        reporter=SilentReporter(),
    )


def push(pusher: Pusher, registry: FakeRegistry, *images: Image) -> None:
    reference = Reference.parse(f"{registry.host}/team/app:1.0")
    pusher.push(parts_of(images), references=[reference], elsewhere={})


def send(repository: Repository, data: bytes) -> None:
    descriptor = Descriptor(media_type="", digest=Digest.of(data), size=len(data))
    source = MemoryBlobs({descriptor.digest: data})
    with BlobReader(source, descriptor, task=SilentTask()) as reader:
        upload = BlobUpload(repository, reader, session=None)
        try:
            upload.run()
        finally:
            upload.abandon()


class TestPullingManifests:
    def test_the_client_should_include_an_accept_header(
        self, registry: FakeRegistry, fetcher: Fetcher, image: Image
    ) -> None:
        registry.add("team/app", "1.0", [image])

        pulled(fetcher, "1.0")

        accepted = {
            tuple(each.headers["accept"].split(", "))
            for each in registry.seen
            if "/manifests/" in each.path
        }
        assert accepted == {(*INDEXES, *MANIFESTS)}

    def test_clients_should_verify_that_the_manifest_matches_the_digest(
        self, registry: FakeRegistry, fetcher: Fetcher, image: Image
    ) -> None:
        digest = registry.add("team/app", "1.0", [image])
        registry.manifests["team/app", str(digest)] += b" "

        with pytest.raises(RegistryError, match="damaged"):
            pulled(fetcher, str(digest))

    def test_parameters_of_the_content_type_should_be_ignored(
        self, registry: FakeRegistry, fetcher: Fetcher, image: Image
    ) -> None:
        registry.add("team/app", "1.0", [image])
        registry.behaviour.manifest_type = f"{OCI_MANIFEST}; charset=utf-8"

        assert pulled(fetcher, "1.0").digest == image.digest


class TestPullingBlobs:
    def test_clients_should_verify_that_the_body_matches_the_digest(
        self, registry: FakeRegistry, fetcher: Fetcher, image: Image
    ) -> None:
        registry.add("team/app", "1.0", [image])
        registry.behaviour.flipped = True

        with pytest.raises(RegistryError, match="damaged"):
            pulled(fetcher, "1.0")

    def test_a_blob_is_resumed_with_a_range(
        self, registry: FakeRegistry, fetcher: Fetcher, image: Image
    ) -> None:
        registry.add("team/app", "1.0", [image])
        registry.behaviour.cuts = [7]

        pulled(fetcher, "1.0")

        assert [each.headers["range"] for each in registry.seen if "range" in each.headers] == [
            "bytes=7-"
        ]


class TestCheckingIfContentExistsInTheRegistry:
    def test_make_a_head_request(self, registry: FakeRegistry, repository: Repository) -> None:
        digest = registry.link("team/app", SMALL)

        assert repository.has_blob(digest)
        assert registry.lines == [f"HEAD /v2/team/app/blobs/{digest}"]


class TestPostThenPut:
    def test_the_put_has_length_type_and_digest(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        send(repository, SMALL)

        (put,) = registry.requests("PUT")
        assert put.headers["content-length"] == str(len(SMALL))
        assert put.headers["content-type"] == "application/octet-stream"
        assert "transfer-encoding" not in put.headers
        assert put.query["digest"] == str(Digest.of(SMALL))

    @pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
    def test_the_location_should_match_exactly_what_the_post_answered(
        self, registry: FakeRegistry, repository: Repository, *, absolute: bool
    ) -> None:
        registry.upload_url = registry.url if absolute else ""

        send(repository, SMALL)

        (put,) = registry.requests("PUT")
        assert "?_state=0%2Fx%3D%3D&b=a+c&digest=" in put.path


class TestPushingABlobInChunks:
    def test_the_post_must_have_no_content(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        send(repository, LARGE)

        assert registry.requests("POST")[0].headers["content-length"] == "0"

    def test_ranges_are_inclusive_in_order_and_begin_with_0(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.behaviour.faults = [Fault(method="PATCH", status=413)]

        send(repository, LARGE)

        patches = registry.requests("PATCH")[1:]
        ranges = [each.headers["content-range"] for each in patches]
        assert all(CHUNK.match(each) for each in ranges)
        assert ranges == ["0-39999", "40000-79999", "80000-89999"]
        assert [each.headers["content-length"] for each in patches] == ["40000", "40000", "10000"]
        assert b"".join(each.body for each in patches) == LARGE

    def test_each_chunk_should_use_the_location_of_the_answer_before(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.behaviour.faults = [Fault(method="PATCH", status=413)]

        send(repository, LARGE)

        states = [each.query["_state"] for each in registry.requests("PATCH")]
        assert states == ["0/x==", "1/x==", "2/x==", "3/x=="]

    def test_chunks_should_have_the_least_length_but_the_final_one(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.chunk_min_length = 50_000
        registry.behaviour.faults = [Fault(method="PATCH", status=413)]

        send(repository, LARGE)

        lengths = [len(each.body) for each in registry.requests("PATCH")[1:]]
        assert lengths == [50_000, 40_000]

    def test_the_session_must_be_closed_with_the_digest_of_the_whole_blob(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        send(repository, LARGE)

        (put,) = registry.requests("PUT")
        assert (put.query["digest"], put.body) == (str(Digest.of(LARGE)), b"")

    def test_after_416_a_get_tells_the_status_and_the_location_to_use(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.behaviour.faults = [
            Fault(method="PATCH", cut=30_000),
            Fault(method="PATCH", status=416, code="RANGE_INVALID"),
        ]

        send(repository, LARGE)

        states = [
            (each.method, each.query["_state"][0])
            for each in registry.seen
            if "_state" in each.path
        ]
        assert states == [
            ("PATCH", "0"),  # whose answer, of another state, is lost
            ("GET", "0"),
            ("PATCH", "2"),
            ("GET", "2"),
            ("PATCH", "3"),
            ("PUT", "4"),
        ]


class TestCancelABlobUpload:
    def test_clients_should_send_it_when_aborting(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.behaviour.faults = [Fault(method="PUT", status=403, code="DENIED")]

        with pytest.raises(RegistryError, match="DENIED"):
            send(repository, SMALL)

        (delete,) = registry.requests("DELETE")
        assert delete.headers["content-length"] == "0"
        assert registry.uploads == {}

    def test_clients_should_ignore_any_failures(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.behaviour.faults = [
            Fault(method="PUT", status=403, code="DENIED"),
            Fault(method="DELETE", status=500, code="UNKNOWN", message="of the cancelling"),
        ]

        with pytest.raises(RegistryError, match="DENIED"):
            send(repository, SMALL)


class TestMountingABlobFromAnotherRepository:
    def test_201_means_that_it_is_mounted(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        digest = registry.link("base", SMALL)

        answer = repository.start_upload(mount=digest, source="base")

        assert answer.status == 201
        assert repository.has_blob(digest)

    def test_202_means_that_the_upload_may_proceed(
        self, registry: FakeRegistry, pusher: Pusher, image: Image
    ) -> None:
        registry.mounts = False
        names = [f"{registry.host}/{name}:1.0" for name in ("one", "two")]

        pusher.push(parts_of([image]), references=[*map(Reference.parse, names)], elsewhere={})

        assert len(registry.requests("POST", "/two/")) == 3
        assert ("two", "1.0") in registry.manifests


class TestPushingManifests:
    def test_clients_must_set_the_content_type_to_the_media_type(
        self, registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
    ) -> None:
        arm = make_image(tmp_path / "made", {"a": b"1"}, platform=ARM64)

        push(pusher, registry, image, arm)

        for put in registry.requests("PUT", "/manifests/"):
            assert put.headers["content-type"] == json.loads(put.body)["mediaType"]

    def test_blobs_come_before_manifests_and_these_before_the_index(
        self, registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
    ) -> None:
        arm = make_image(tmp_path / "made", {"a": b"1"}, platform=ARM64)

        push(pusher, registry, image, arm)  # the registry takes no other order

        assert registry.manifests["team/app", "1.0"] == index_of([image, arm]).raw

    def test_the_digest_that_is_answered_should_be_verified(
        self, registry: FakeRegistry, repository: Repository, image: Image
    ) -> None:
        headers = {"Docker-Content-Digest": str(Digest.of(b"another"))}
        registry.behaviour.faults = [Fault(method="PUT", status=201, headers=headers)]

        with pytest.raises(RegistryError, match="something else"):
            repository.put_manifest("1.0", image.manifest.raw, media_type=OCI_MANIFEST)


class TestPushingManifestsWithSubject:
    @pytest.fixture
    def raw(self, registry: FakeRegistry) -> bytes:
        empty = registry.link("team/app", b"{}")
        return canonical_json(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {"mediaType": OCI_CONFIG, "digest": str(empty), "size": 2},
                "layers": [],
                "subject": {"mediaType": OCI_MANIFEST, "digest": str(empty), "size": 2},
            }
        )

    def test_with_the_header_the_registry_keeps_the_list(
        self, registry: FakeRegistry, repository: Repository, raw: bytes
    ) -> None:
        push_referrer(repository, raw)

        assert len(registry.requests("PUT", "/manifests/")) == 1

    def test_without_the_header_the_client_must(
        self, registry: FakeRegistry, repository: Repository, raw: bytes
    ) -> None:
        registry.referrers_api = False

        push_referrer(repository, raw)

        tag = f"sha256-{Digest.of(b'{}').hex}"
        (entry,) = json.loads(registry.manifests["team/app", tag])["manifests"]
        assert (entry["digest"], entry["artifactType"]) == (str(Digest.of(raw)), OCI_CONFIG)

    def test_duplicate_entries_should_not_be_created(
        self, registry: FakeRegistry, repository: Repository, raw: bytes
    ) -> None:
        registry.referrers_api = False

        for _ in range(3):
            push_referrer(repository, raw)

        assert len(list_referrers(repository, Digest.of(b"{}"))) == 1


class TestListingTags:
    def test_clients_should_prefer_the_link_header(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.page = 1
        for tag in ("a", "b"):
            registry.tag("team/app", tag, b'{"schemaVersion":2}')

        assert repository.tags() == ("a", "b")
        assert registry.lines[-1] == "GET /v2/team/app/tags/list?last=a"


class TestListingReferrers:
    def test_after_404_the_client_must_fall_back_to_the_tag(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.referrers_api = False
        subject = Digest.of(SMALL)
        entry = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(LARGE)), "size": 1}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        registry.tag("team/app", f"sha256-{subject.hex}", canonical_json(index))

        (found,) = list_referrers(repository, subject)

        assert found.descriptor.digest == Digest.of(LARGE)

    def test_without_a_valid_index_there_are_none(
        self, registry: FakeRegistry, repository: Repository
    ) -> None:
        registry.referrers_api = False
        registry.tag("team/app", f"sha256-{Digest.of(SMALL).hex}", b'{"manifests": 1}')

        assert list_referrers(repository, Digest.of(SMALL)) == ()


class TestApi:
    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
    def test_redirects_should_be_followed_and_authorization_must_stay(
        self, registry: FakeRegistry, other: FakeRegistry, repository: Repository, data: bytes
    ) -> None:
        registry.behaviour.basic = (ME.username, ME.password)
        registry.behaviour.redirect = ("PUT", "PATCH"), other.url
        other.uploads, other.links, other.blobs = registry.uploads, registry.links, registry.blobs

        send(repository, data)

        assert registry.blobs[str(Digest.of(data))] == data
        assert all("authorization" not in each.headers for each in other.seen)


class TestErrorCodes:
    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": 1}', b'{"errors": [1]}'])
    def test_a_body_may_have_any_format(
        self, registry: FakeRegistry, repository: Repository, body: bytes
    ) -> None:
        registry.behaviour.faults = [Fault(method="PUT", status=400, body=body)]

        with pytest.raises(RegistryError, match="status 400"):
            send(repository, SMALL)

    def test_a_message_is_optional(self, registry: FakeRegistry, repository: Repository) -> None:
        body = b'{"errors": [{"code": "DENIED"}, {"code": "UNSUPPORTED", "message": "x"}]}'
        registry.behaviour.faults = [Fault(method="PUT", status=400, body=body)]

        with pytest.raises(RegistryError, match="DENIED; UNSUPPORTED x"):
            send(repository, SMALL)


class TestWarnings:
    @pytest.fixture
    def reporter(self) -> WatchingReporter:
        return WatchingReporter()

    @pytest.fixture
    def transport(self, reporter: WatchingReporter) -> Iterator[Transport]:
        with Transport(sleep=lambda _: None, notices=Notices(reporter)) as transport:
            yield transport

    def test_the_client_should_report_them_to_the_user_and_deduplicate_them(
        self, registry: FakeRegistry, fetcher: Fetcher, image: Image, reporter: WatchingReporter
    ) -> None:
        registry.add("team/app", "1.0", [image])
        text = "Your auth token will expire in 30 seconds."
        registry.behaviour.headers = {"Warning": f'299 - "{text}"'}

        pulled(fetcher, "1.0")

        assert reporter.warnings == [f"{registry.host} says: {text}"]

    def test_more_than_4096_bytes_of_them_are_not(
        self, registry: FakeRegistry, repository: Repository, reporter: WatchingReporter
    ) -> None:
        many = ", ".join(f'299 - "{number:090}"' for number in range(100))
        registry.behaviour.headers = {"Warning": many}

        repository.digest("1.0")

        assert 35 < len(reporter.warnings) < 46

    def test_their_agent_must_be_a_hyphen(
        self, registry: FakeRegistry, repository: Repository, reporter: WatchingReporter
    ) -> None:
        registry.behaviour.headers = {"Warning": '110 cache.example "Response is stale"'}

        repository.digest("1.0")

        assert reporter.warnings == []
