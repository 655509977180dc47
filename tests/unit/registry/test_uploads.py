"""One blob on its way, and all that can happen to it there: it arrives, or it is told why not."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condabox.errors import DigestMismatchError, RegistryError
from condabox.events import SilentTask
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import BlobSource, MemoryBlobs
from condabox.registry import uploads
from condabox.registry.blobreader import BlobReader
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.repository import Repository
from condabox.registry.transport import ATTEMPTS, Transport
from condabox.registry.uploads import BlobUpload
from tests.fakes.registry import FakeRegistry
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.registry.credentials import Credentials

KIB = 1 << 10
SESAME = "open-sesame"


ME = Known(Credential(username="me", password=SESAME))


class Sender:
    """Sends blobs to one repository of a registry."""

    def __init__(
        self, registry: FakeRegistry, naps: list[float], credentials: Credentials | None = None
    ) -> None:
        self.registry = registry
        self.transport = Transport(sleep=naps.append)
        client = RegistryClient(
            host=registry.host,
            insecure=False,
            transport=self.transport,
            credentials=credentials or Anonymous(),
        )
        self.repository = Repository(client=client, name="team/app")

    def send(self, data: bytes, *, promised: bytes | None = None) -> None:
        digest = Digest.of(data if promised is None else promised)
        descriptor = Descriptor(media_type="", digest=digest, size=len(promised or data))
        source = MemoryBlobs({digest: data})
        with BlobReader(source, descriptor, task=SilentTask()) as reader:
            upload = BlobUpload(self.repository, reader, session=None)
            try:
                upload.run()
            finally:
                upload.abandon()

    def has(self, data: bytes) -> bool:
        return self.registry.blob("team/app", str(Digest.of(data))) == data


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def sender(registry: FakeRegistry, naps: list[float]) -> Iterator[Sender]:
    sender = Sender(registry, naps)
    with sender.transport:
        yield sender


@pytest.fixture(autouse=True)
def _small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be a thousandth of what it is: small is 16 KiB, a piece at most 64."""
    monkeypatch.setattr(uploads, "SMALL", 16 * KIB)
    monkeypatch.setattr(uploads, "_PIECES", (1 << 62, 64 * KIB, 16 * KIB))


@pytest.fixture
def small() -> bytes:
    return hashlib.shake_128(b"small").digest(10 * KIB)


@pytest.fixture
def large() -> bytes:
    return hashlib.shake_128(b"large").digest(200 * KIB + 7)


def ranges(registry: FakeRegistry) -> list[str]:
    return [each.headers["content-range"] for each in registry.requests("PATCH")]


def test_a_small_blob_takes_two_requests(
    registry: FakeRegistry, sender: Sender, small: bytes
) -> None:
    sender.send(small)

    assert sender.has(small)
    assert [each.method for each in registry.seen if each.path != "/v2/"] == ["POST", "PUT"]


def test_a_large_blob_goes_in_one_piece(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    sender.send(large)

    assert sender.has(large)
    assert ranges(registry) == [f"0-{len(large) - 1}"]


def test_an_empty_blob_arrives(sender: Sender) -> None:
    sender.send(b"")

    assert sender.has(b"")


@pytest.mark.parametrize("url", ["", "absolute"])
def test_locations_may_be_relative_or_absolute(
    registry: FakeRegistry, sender: Sender, small: bytes, large: bytes, url: str
) -> None:
    registry.upload_url = registry.url if url else ""

    sender.send(small)
    sender.send(large)

    assert sender.has(small)
    assert sender.has(large)


def test_an_upload_goes_on_after_a_cut(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    cut = 70 * KIB
    registry.behaviour.faults = [Fault(method="PATCH", cut=cut)]

    sender.send(large)

    assert sender.has(large)
    assert ranges(registry) == [f"0-{len(large) - 1}", f"{cut}-{len(large) - 1}"]


def test_cuts_in_a_row_are_survived_as_long_as_something_arrives(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    registry.behaviour.faults = [Fault(method="PATCH", cut=10 * KIB, times=3 * ATTEMPTS)]

    sender.send(large)

    assert sender.has(large)
    assert sum(len(each.body) for each in registry.requests("PATCH")) == len(large)


def test_a_registry_that_forgets_gets_everything_again(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    registry.behaviour.faults = [
        Fault(method="PATCH", cut=70 * KIB),
        Fault(method="GET", path="/uploads/", status=404, code="BLOB_UPLOAD_UNKNOWN"),
    ]

    sender.send(large)

    assert sender.has(large)
    assert len(registry.requests("POST")) == 2


def test_smaller_pieces_pass_where_large_ones_never_do(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    # A load balancer that ends every request after so many bytes, and nothing is kept.
    registry.behaviour.faults = [
        Fault(method="PATCH", cut=100 * KIB, times=2),
        Fault(method="GET", path="/uploads/", status=404, times=2),
    ]

    sender.send(large)

    assert sender.has(large)
    assert ranges(registry)[2:] == ["0-65535", "65536-131071", "131072-196607", "196608-204806"]


def test_a_proxy_with_a_limit_gets_smaller_pieces(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    registry.behaviour.faults = [Fault(method="PATCH", status=413, early=True)]

    sender.send(large)

    assert sender.has(large)
    assert ranges(registry)[1] == "0-65535"


def test_a_least_length_of_pieces_is_kept(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    registry.chunk_min_length = 100 * KIB
    registry.behaviour.faults = [Fault(method="PATCH", status=413)]

    sender.send(large)

    assert sender.has(large)
    assert ranges(registry)[1:] == ["0-102399", "102400-204799", "204800-204806"]


@pytest.mark.parametrize("code", ["TOOBIG", ""])
def test_what_is_too_large_is_explained(
    registry: FakeRegistry, sender: Sender, large: bytes, code: str
) -> None:
    fault = Fault(method="PATCH", status=413, code=code, message="no more than 9", times=99)
    registry.behaviour.faults = [fault]

    with pytest.raises(RegistryError, match="status 413") as caught:
        sender.send(large)

    assert "client_max_body_size" in str(caught.value.hint)
    assert len(registry.requests("PATCH")) == (1 if code else 3)
    assert registry.uploads == {}


def test_416_is_answered_by_asking_what_is_there(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    registry.behaviour.faults = [
        Fault(method="PATCH", cut=50 * KIB),
        Fault(method="GET", path="/uploads/", status=204, headers={"Range": "0-999"}),
    ]

    sender.send(large)

    assert sender.has(large)
    assert ranges(registry) == [
        f"0-{len(large) - 1}",
        f"1000-{len(large) - 1}",
        f"{50 * KIB}-{len(large) - 1}",
    ]


def test_416_for_ever_is_given_up(registry: FakeRegistry, sender: Sender, large: bytes) -> None:
    fault = Fault(method="PATCH", status=416, code="RANGE_INVALID", times=99)
    registry.behaviour.faults = [fault]

    with pytest.raises(RegistryError, match="RANGE_INVALID") as caught:
        sender.send(large)

    assert caught.value.hint
    assert len(registry.requests("PATCH")) == ATTEMPTS


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_tried_again(
    registry: FakeRegistry, sender: Sender, small: bytes, method: str, status: int
) -> None:
    registry.behaviour.faults = [Fault(method=method, status=status, code="UNKNOWN", times=2)]

    sender.send(small)

    assert sender.has(small)
    assert len(registry.requests(method)) == 3


def test_500_twice_while_a_large_blob_is_sent_loses_nothing(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    registry.behaviour.faults = [Fault(method="PATCH", status=500, times=2)]

    sender.send(large)

    assert sender.has(large)


def test_retry_after_is_kept_in_seconds(
    registry: FakeRegistry, sender: Sender, naps: list[float], large: bytes
) -> None:
    wait = {"Retry-After": "17"}
    registry.behaviour.faults = [
        Fault(method="PATCH", status=429, code="TOOMANYREQUESTS", headers=wait)
    ]

    sender.send(large)

    assert naps == [17.0]


def test_retry_after_is_kept_as_a_date(
    registry: FakeRegistry, sender: Sender, naps: list[float], small: bytes
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    registry.behaviour.faults = [Fault(method="PUT", status=503, headers={"Retry-After": date})]

    sender.send(small)

    assert 25 < naps[0] <= 30


def test_nobody_waits_for_hours(
    registry: FakeRegistry, sender: Sender, naps: list[float], small: bytes
) -> None:
    wait = {"Retry-After": "86400"}
    registry.behaviour.faults = [
        Fault(method="PUT", status=429, code="TOOMANYREQUESTS", headers=wait, times=99)
    ]

    with pytest.raises(RegistryError, match="TOOMANYREQUESTS"):
        sender.send(small)

    assert naps == []


@pytest.mark.parametrize(
    ("status", "code", "message", "advice"),
    [
        (401, "UNAUTHORIZED", "authentication required", "docker login"),
        (403, "DENIED", "requested access is denied", "docker login"),
        (404, "NAME_UNKNOWN", "no such repository", "make the repository"),
        (400, "NAME_INVALID", "invalid name", "a name that this registry takes"),
        (405, "UNSUPPORTED", "the operation is unsupported", "mirror or a cache"),
        (412, "DENIED", "quota exceeded: 10 GiB", "make room"),
        (507, "UNKNOWN", "no space", "make room"),
        (400, "TAG_INVALID", "the tag is immutable", "another one"),
        (418, "", "", "log"),
    ],
)
def test_what_cannot_succeed_ends_at_once_in_the_registrys_words(
    registry: FakeRegistry,
    sender: Sender,
    *,
    naps: list[float],
    small: bytes,
    status: int,
    code: str,
    message: str,
    advice: str,
) -> None:
    registry.behaviour.faults = [
        Fault(method="PUT", status=status, code=code, message=message, times=99)
    ]

    with pytest.raises(RegistryError, match=f"status {status}") as caught:
        sender.send(small)

    assert code in caught.value.message
    assert message in caught.value.message
    assert advice in str(caught.value.hint)
    assert (naps, len(registry.requests("PUT"))) == ([], 1)


@pytest.mark.parametrize("size", ["small", "large"])
def test_one_flipped_bit_is_noticed_and_sent_again(
    registry: FakeRegistry, sender: Sender, size: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(size)
    registry.behaviour.faults = [Fault(method="PUT" if size == "small" else "PATCH", flipped=True)]

    sender.send(data)

    assert sender.has(data)
    assert len(registry.requests("POST")) == 2


def test_bits_that_flip_for_ever_are_told_of(
    registry: FakeRegistry, sender: Sender, small: bytes
) -> None:
    registry.behaviour.faults = [Fault(method="PUT", flipped=True, times=99)]

    with pytest.raises(RegistryError, match="DIGEST_INVALID") as caught:
        sender.send(small)

    assert "proxy" in str(caught.value.hint)
    assert len(registry.requests("PUT")) == ATTEMPTS


@pytest.mark.parametrize("size", ["small", "large"])
def test_an_answer_that_is_lost_costs_no_second_upload(
    registry: FakeRegistry, sender: Sender, size: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(size)
    registry.behaviour.faults = [Fault(method="PUT", unanswered=True)]

    sender.send(data)

    assert sender.has(data)
    assert sum(len(each.body) for each in registry.seen) == len(data)


@pytest.mark.parametrize("cut", [5, 0])
def test_what_is_begun_anew_is_given_up_before(
    registry: FakeRegistry, sender: Sender, small: bytes, cut: int
) -> None:
    registry.behaviour.faults = [Fault(method="PUT", cut=cut, times=3)]

    sender.send(small)

    assert sender.has(small)
    assert (len(registry.requests("POST")), len(registry.requests("DELETE"))) == (4, 3)
    assert registry.uploads == {}


def test_what_arrived_is_not_given_up(
    registry: FakeRegistry, sender: Sender, small: bytes, large: bytes
) -> None:
    sender.send(small)
    sender.send(large)

    assert registry.requests("DELETE") == []


def test_a_registry_that_always_hangs_up_is_given_up(
    registry: FakeRegistry, sender: Sender, small: bytes, naps: list[float]
) -> None:
    registry.behaviour.faults = [Fault(method="PUT", cut=5, times=99)]

    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        sender.send(small)

    assert caught.value.hint
    assert naps == sorted(naps)
    assert len(naps) == ATTEMPTS - 1


@pytest.mark.parametrize("early", [True, False], ids=["early", "late"])
def test_a_token_that_dies_under_way_is_replaced(
    registry: FakeRegistry, naps: list[float], large: bytes, *, early: bool
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.behaviour.basic = ("me", SESAME)
    challenge = f'Bearer realm="{registry.url}/token",service="fake, really",error="invalid_token"'
    refused = {"WWW-Authenticate": challenge}
    registry.behaviour.faults = [
        Fault(method="PATCH", cut=50 * KIB),
        Fault(method="PATCH", status=401, code="UNAUTHORIZED", headers=refused, early=early),
    ]
    sender = Sender(registry, naps, ME)
    with sender.transport:
        sender.send(large)

    assert sender.has(large)
    again = f"{50 * KIB}-{len(large) - 1}"
    assert ranges(registry)[-1] == again
    assert len(registry.requests("POST", "/uploads/")) == 2  # refused, and then with a token


def test_an_identity_token_pushes_too(
    registry: FakeRegistry, naps: list[float], small: bytes
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.behaviour.identity = SESAME
    sender = Sender(registry, naps, Known(Credential(identity_token=SESAME)))
    with sender.transport:
        sender.send(small)

    assert sender.has(small)


@pytest.mark.parametrize("location", ["absolute", "redirect"])
def test_storage_elsewhere_gets_the_bytes_but_not_our_name(
    registry: FakeRegistry,
    other: FakeRegistry,
    naps: list[float],
    *,
    small: bytes,
    large: bytes,
    location: str,
) -> None:
    registry.behaviour.basic = ("me", SESAME)
    other.uploads, other.links, other.blobs = registry.uploads, registry.links, registry.blobs
    if location == "absolute":
        registry.upload_url = other.url
    else:
        registry.behaviour.redirect = ("PATCH", "PUT"), other.url
    sender = Sender(registry, naps, ME)
    with sender.transport:
        sender.send(small)
        sender.send(large)

    assert sender.has(small)
    assert sender.has(large)
    assert {each.method for each in other.seen} == {"PATCH", "PUT"}
    assert all("authorization" not in each.headers for each in other.seen)
    assert all(SESAME not in str(each) for each in other.seen)


def test_a_stranger_who_asks_for_a_name_learns_none(
    registry: FakeRegistry, other: FakeRegistry, naps: list[float], small: bytes
) -> None:
    registry.behaviour.basic = other.behaviour.basic = ("me", SESAME)
    other.behaviour.token_realm = f"{other.url}/token"
    registry.upload_url = other.url
    sender = Sender(registry, naps, ME)

    with sender.transport, pytest.raises(RegistryError, match="status 401"):
        sender.send(small)

    assert [each.method for each in other.seen] == ["PUT", "DELETE"]
    assert all("authorization" not in each.headers for each in other.seen)


class Changing(BlobSource):
    """A source whose blob is another than it was promised."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def open(self, descriptor: Descriptor) -> BinaryIO:  # noqa: ARG002
        return BytesIO(self.data)


@pytest.mark.parametrize("data", [b"x" * 9, b"x" * 4, b""], ids=["other", "short", "none"])
def test_what_is_not_what_it_should_be_never_arrives(
    registry: FakeRegistry, sender: Sender, data: bytes
) -> None:
    promised = Descriptor(media_type="", digest=Digest.of(b"y" * 9), size=9)

    with (
        BlobReader(Changing(data), promised, task=SilentTask()) as reader,
        pytest.raises(DigestMismatchError),
    ):
        BlobUpload(sender.repository, reader, session=None).run()

    assert registry.blobs == {}


def test_what_is_read_a_second_time_is_checked_too(
    registry: FakeRegistry, sender: Sender, large: bytes
) -> None:
    source = Changing(large)
    promised = Descriptor(media_type="", digest=Digest.of(large), size=len(large))
    registry.behaviour.faults = [
        Fault(method="PATCH", cut=50 * KIB),
        Fault(method="GET", path="/uploads/", status=404),
    ]

    with BlobReader(source, promised, task=SilentTask()) as reader:
        source.data = bytes(len(large))
        with pytest.raises(DigestMismatchError):
            BlobUpload(sender.repository, reader, session=None).run()

    assert registry.blobs == {}


@pytest.mark.parametrize("answer", ["nonsense", "0-", "5-9", "0-99999999999999999999", ""])
def test_a_place_that_is_none_is_not_believed(
    registry: FakeRegistry, sender: Sender, large: bytes, answer: str
) -> None:
    registry.behaviour.faults = [
        Fault(method="PATCH", cut=50 * KIB),
        Fault(method="GET", path="/uploads/", status=204, headers={"Range": answer}),
    ]

    sender.send(large)

    assert sender.has(large)


@pytest.mark.parametrize("location", ["http://[", "ftp://example.org/x", ""])
def test_a_location_that_is_none_is_explained(
    registry: FakeRegistry, sender: Sender, small: bytes, location: str
) -> None:
    headers = {"Location": location} if location else {}
    registry.behaviour.faults = [Fault(method="POST", status=202, headers=headers, times=99)]

    with pytest.raises(RegistryError) as caught:
        sender.send(small)

    assert caught.value.hint


@given(data=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_whatever_is_cut_the_reader_gives_what_is_asked_for(data: bytes, cuts: list[int]) -> None:
    descriptor = Descriptor(media_type="", digest=Digest.of(data), size=len(data))
    source = MemoryBlobs({descriptor.digest: data})
    advanced: list[int] = []

    class Adding(SilentTask):
        def advance(self, amount: int) -> None:
            advanced.append(amount)

    with BlobReader(source, descriptor, task=Adding()) as reader:
        for cut in cuts:
            start, stop = sorted((min(cut, len(data)), min(2 * cut, len(data))))
            assert b"".join(reader.part(start, stop).chunks()) == data[start:stop]
        assert b"".join(reader.part(0, len(data)).chunks()) == data

    assert sum(advanced) == len(data)


def _faults(method: str) -> st.SearchStrategy[Fault]:
    what_happens = st.one_of(
        st.fixed_dictionaries({"cut": st.integers(0, 210 * KIB)}),
        st.just({"unanswered": True}),
        st.just({"flipped": True}),
        st.fixed_dictionaries(
            {
                "status": st.sampled_from([400, 401, 404, 408, 413, 416, 429, 500, 503]),
                "code": st.sampled_from(["", "DIGEST_INVALID", "BLOB_UPLOAD_UNKNOWN", "UNKNOWN"]),
                "early": st.booleans(),
            }
        ),
    )
    return st.builds(
        lambda what, times, skip: Fault(method=method, times=times, skip=skip, **what),
        what_happens,
        st.integers(1, 3),
        st.integers(0, 2),
    )


@given(
    faults=st.lists(
        st.sampled_from(["POST", "PATCH", "PUT", "GET", "HEAD"]).flatmap(_faults), max_size=5
    ),
    size=st.sampled_from([0, 10 * KIB, 16 * KIB, 200 * KIB + 7]),
)
@settings(max_examples=60)
def test_whatever_goes_wrong_a_blob_arrives_whole_or_not_at_all(
    faults: list[Fault], size: int
) -> None:
    data = hashlib.shake_128(b"any").digest(size)
    with FakeRegistry().running() as registry:
        registry.behaviour.faults = faults
        sender = Sender(registry, [])
        with sender.transport:
            try:
                sender.send(data)
            except RegistryError as error:
                advice = error.hint
            else:
                advice = "none is needed" if sender.has(data) else None
        assert advice
        assert all(str(Digest.of(blob)) == digest for digest, blob in registry.blobs.items())
