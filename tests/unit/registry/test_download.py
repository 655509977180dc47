"""One blob out of a registry: what may pass is survived, and nothing damaged is kept."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError, RegistryUnreachableError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous
from condabox.registry.download import BlobDownload, BlobOrigin
from condabox.registry.transport import ATTEMPTS
from tests.fakes.registry_behaviour import Fault
from tests.fakes.watching import Counter

if TYPE_CHECKING:
    from collections.abc import Callable

    from condabox.oci.layout import BlobDirectory
    from condabox.registry.transport import Transport
    from tests.fakes.registry import FakeRegistry

DATA = hashlib.shake_128(b"blob").digest(50_000)
BLOB = Descriptor(media_type="", digest=Digest.of(DATA), size=len(DATA))
FLIPPED = bytes([DATA[0] ^ 1]) + DATA[1:]
HALF = 25_000


@pytest.fixture
def task() -> Counter:
    return Counter()


@pytest.fixture
def fetch(
    registry: FakeRegistry, transport: Transport, blobs: BlobDirectory, task: Counter
) -> Callable[[], None]:
    registry.link("app", DATA)
    registry.behaviour.pieces = 1000
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Anonymous()
    )
    origin = BlobOrigin(host=registry.host, opened=partial(client.blob, "app", BLOB.digest))
    download = BlobDownload(BLOB, blobs=blobs, transport=transport, task=task)
    return partial(download.run, origin)


def ranges(registry: FakeRegistry) -> list[str | None]:
    return [each.headers.get("range") for each in registry.requests("GET", "/blobs/")]


def of(start: int, stop: int, *, stated: str = "") -> Fault:
    """Return an answer with a part of the blob; the one that cut the connection comes before."""
    header = stated or f"bytes {start}-{stop - 1}/{len(DATA)}"
    return Fault(
        method="GET",
        path="/blobs/",
        skip=1,
        status=206,
        body=DATA[start:stop],
        headers={"Content-Range": header},
    )


def test_a_blob_arrives_whole(
    fetch: Callable[[], None], blobs: BlobDirectory, task: Counter
) -> None:
    fetch()

    assert blobs.path_of(BLOB.digest).read_bytes() == DATA
    assert task.done == BLOB.size


SURVIVED = {
    "cut": ([], [None, f"bytes={HALF}-"]),
    "416": (
        [Fault(method="GET", path="/blobs/", skip=1, status=416, code="RANGE_INVALID")],
        [None, f"bytes={HALF}-", None],
    ),
    "all-of-it": ([of(0, len(DATA))], [None, f"bytes={HALF}-"]),
    "more-than-asked-for": ([of(HALF - 7, len(DATA))], [None, f"bytes={HALF}-"]),
    "less-than-asked-for": ([of(HALF + 7, len(DATA))], [None, f"bytes={HALF}-", None]),
    "a-part-of-what-was-asked-for": (
        [of(HALF, HALF + 9)],
        [None, f"bytes={HALF}-", f"bytes={HALF + 9}-"],
    ),
    "no-range-told": (
        [of(HALF, len(DATA), stated="of what unit?")],
        [None, f"bytes={HALF}-"],
    ),
    "another-range-than-told": (
        [of(0, HALF, stated=f"bytes {HALF}-{len(DATA) - 1}/{len(DATA)}")],
        [None, f"bytes={HALF}-", None],
    ),
}


@pytest.mark.parametrize(("faults", "asked"), SURVIVED.values(), ids=SURVIVED)
def test_a_broken_connection_is_survived(
    registry: FakeRegistry,
    fetch: Callable[[], None],
    task: Counter,
    *,
    faults: list[Fault],
    asked: list[str | None],
) -> None:
    registry.behaviour.cuts = [HALF]
    registry.behaviour.faults = [fresh(fault) for fault in faults]

    fetch()

    assert ranges(registry) == asked
    assert task.done == BLOB.size


def test_a_blob_that_arrives_damaged_once_is_fetched_again(
    registry: FakeRegistry, fetch: Callable[[], None], blobs: BlobDirectory, task: Counter
) -> None:
    registry.behaviour.faults = [Fault(method="GET", path="/blobs/", status=200, body=FLIPPED)]

    fetch()

    assert blobs.path_of(BLOB.digest).read_bytes() == DATA
    assert task.done == BLOB.size


@pytest.mark.parametrize("body", [FLIPPED, DATA + b"more"], ids=["flipped", "longer"])
def test_a_blob_that_arrives_damaged_again_is_not_kept(
    registry: FakeRegistry, fetch: Callable[[], None], blobs: BlobDirectory, body: bytes
) -> None:
    registry.behaviour.faults = [
        Fault(method="GET", path="/blobs/", status=200, body=body, times=9)
    ]

    with pytest.raises(RegistryError, match=str(BLOB.digest)) as caught:
        fetch()

    assert caught.value.exit_code == 8
    assert "try again" in str(caught.value.hint)
    assert len(ranges(registry)) == 2
    assert list(blobs.path.rglob("*")) == [blobs.path / "sha256"]


def test_a_registry_that_always_cuts_and_never_goes_on_is_given_up(
    registry: FakeRegistry, fetch: Callable[[], None]
) -> None:
    registry.behaviour.cuts = [HALF] * 100
    registry.behaviour.ranges = False

    with pytest.raises(RegistryUnreachableError, match="closed"):
        fetch()

    assert len(ranges(registry)) == ATTEMPTS


def test_a_registry_that_refuses_every_range_is_given_up(
    registry: FakeRegistry, fetch: Callable[[], None], task: Counter
) -> None:
    registry.behaviour.cuts = [HALF] * 100
    registry.behaviour.faults = [
        Fault(method="GET", path="/blobs/", skip=skip, status=416) for skip in range(1, 9)
    ]

    with pytest.raises(RegistryError) as caught:
        fetch()

    assert caught.value.hint
    assert len(ranges(registry)) == ATTEMPTS
    assert task.done == HALF


def test_what_a_registry_never_begins_is_a_refusal(
    registry: FakeRegistry, fetch: Callable[[], None]
) -> None:
    registry.behaviour.faults = [Fault(method="GET", path="/blobs/", status=416)]

    with pytest.raises(RegistryError, match="status 416"):
        fetch()


def fresh(fault: Fault) -> Fault:
    """Return a fault that has not happened yet."""
    return replace(fault)
