"""Registries and networks that misbehave: nothing is lost, nothing corrupted, nobody kept waiting.

Whatever cannot succeed ends with what the registry said and what to do about it.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.events import SilentReporter
from condabox.oci.layout import BlobDirectory
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.push import Pusher
from condabox.registry.transfer import Fetcher
from condabox.registry.transport import Transport
from condabox.registry.uploads import SMALL
from condabox.settings import Settings
from tests.fakes.images import make_image
from tests.fakes.pulling import pulled
from tests.fakes.pushing import Pushing
from tests.fakes.registry import ISSUED, FakeRegistry
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condabox.oci.image import Image

MIB = 1 << 20
SESAME = "open-sesame-7d1f"
ME = Credential(username="me", password=SESAME)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Make an image with one layer that goes in pieces, and one that does not."""
    large = hashlib.shake_128(b"large").digest(SMALL + MIB)
    return make_image(tmp_path_factory.mktemp("made"), {"large": large}, {"small": b"small"})


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as registry:
        registry.behaviour.pieces = MIB
        yield registry


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(sleep=lambda _: None) as transport:
        yield transport


@pytest.fixture
def pusher(transport: Transport, tmp_path: Path) -> Pusher:
    return Pusher(
        transport=transport,
        credentials=Known(ME),
        settings=Settings(cache_dir=tmp_path),
        reporter=SilentReporter(),
    )


@pytest.fixture
def fetcher(registry: FakeRegistry, transport: Transport, tmp_path: Path) -> Fetcher:
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Anonymous()
    )
    blobs = BlobDirectory(tmp_path / "pulled" / "blobs")
    return Fetcher(client=client, repository="app", blobs=blobs, reporter=SilentReporter())


def push(pusher: Pusher, registry: FakeRegistry, image: Image) -> None:
    reference = Reference.parse(f"{registry.host}/app:1.0")
    pusher.push(parts_of([image]), references=[reference], elsewhere={})


LONG_PAGE = b"<html>" + b"x" * 70_000
PASSING = {
    "cut-at-half-a-large-blob": [Fault(method="PATCH", cut=SMALL // 2)],
    "cut-at-half-a-small-blob": [Fault(method="PUT", path="digest=", cut=50)],
    "cut-in-a-manifest": [Fault(method="PUT", path="/manifests/", cut=50)],
    "cut-before-an-answer": [
        Fault(method=method, unanswered=True) for method in ("HEAD", "POST", "PATCH", "PUT")
    ],
    "500-twice": [
        Fault(method=method, status=500, times=2) for method in ("HEAD", "POST", "PATCH", "PUT")
    ],
    "429-with-seconds": [
        Fault(method="PUT", status=429, headers={"Retry-After": "9"}),
        Fault(method="PATCH", status=429, headers={"Retry-After": "9"}),
    ],
    "416-on-resume": [
        Fault(method="PATCH", cut=MIB),
        Fault(method="PATCH", status=416, code="RANGE_INVALID"),
    ],
    "502-twice-with-a-long-page": [Fault(method="PATCH", status=502, times=2, body=LONG_PAGE)],
    "413-of-a-proxy-with-a-long-page": [Fault(method="PATCH", status=413, body=LONG_PAGE)],
    "413-of-a-proxy": [Fault(method="PATCH", status=413, early=True)],
    "a-flipped-byte-in-a-large-blob": [Fault(method="PATCH", flipped=True)],
    "a-flipped-byte-in-a-small-blob": [Fault(method="PUT", path="digest=", flipped=True)],
    "a-forgotten-upload": [
        Fault(method="PATCH", cut=MIB),
        Fault(method="GET", path="/uploads/", status=404, code="BLOB_UPLOAD_UNKNOWN"),
    ],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_survived_by_a_push(
    registry: FakeRegistry, pusher: Pusher, fetcher: Fetcher, image: Image, faults: list[Fault]
) -> None:
    registry.behaviour.faults = [fresh(fault) for fault in faults]

    push(pusher, registry, image)

    assert all(not fault.times for fault in registry.behaviour.faults)
    assert validate_image(pulled(fetcher, "1.0")) == ()


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
def test_a_token_that_dies_in_the_middle_is_replaced(
    registry: FakeRegistry, pusher: Pusher, image: Image, method: str
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.behaviour.basic = ("me", SESAME)
    challenge = f'Bearer realm="{registry.url}/token",service="fake, really",error="invalid_token"'
    registry.behaviour.faults = [
        Fault(method=method, skip=1, status=401, headers={"WWW-Authenticate": challenge})
    ]

    push(pusher, registry, image)

    assert registry.manifests["app", "1.0"] == image.manifest.raw


@pytest.mark.parametrize("pieces", [997, 64 << 10])
def test_a_slow_registry_is_only_slow(
    registry: FakeRegistry, pusher: Pusher, fetcher: Fetcher, tmp_path: Path, pieces: int
) -> None:
    registry.behaviour.pieces = pieces
    small = make_image(tmp_path, {"a": hashlib.shake_128(b"a").digest(MIB)})

    push(pusher, registry, small)

    assert validate_image(pulled(fetcher, "1.0")) == ()


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (Fault(method="POST", status=401, code="UNAUTHORIZED"), "docker login"),
        (Fault(method="POST", status=403, code="DENIED"), "docker login"),
        (Fault(method="POST", status=404, code="NAME_UNKNOWN"), "make the repository"),
        (Fault(method="POST", status=405, code="UNSUPPORTED"), "mirror"),
        (Fault(method="PATCH", status=413, code="TOOBIG"), "client_max_body_size"),
        (Fault(method="PATCH", status=413, early=True), "client_max_body_size"),
        (Fault(method="PUT", status=412, code="DENIED", message="quota reached"), "make room"),
        (Fault(method="PUT", status=507), "make room"),
        (Fault(method="PUT", path="/1.0$", status=400, code="TAG_INVALID"), "a name that"),
        (
            Fault(method="PUT", path="/1.0$", status=409, code="DENIED", message="is immutable"),
            "another one",
        ),
        (Fault(method="PATCH", flipped=True), "proxy"),
        (Fault(method="POST", status=503), "later"),
        (Fault(method="PATCH", cut=0), "network"),
    ],
    ids=lambda value: "" if isinstance(value, str) else f"{value.method}-{value.status or 'lost'}",
)
def test_what_cannot_succeed_ends_with_a_hint(
    registry: FakeRegistry, pusher: Pusher, image: Image, fault: Fault, advice: str
) -> None:
    endless = fresh(fault)
    endless.times = 10_000
    registry.behaviour.faults = [endless]

    with pytest.raises(RegistryError) as caught:
        push(pusher, registry, image)

    assert caught.value.exit_code == 8
    assert fault.code in caught.value.message
    assert advice in str(caught.value.hint)
    assert ("app", "1.0") not in registry.manifests


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no-ranges"])
def test_a_pull_goes_on_after_cuts(
    registry: FakeRegistry, fetcher: Fetcher, image: Image, *, ranges: bool
) -> None:
    registry.add("app", "1.0", [image])
    registry.behaviour.ranges = ranges
    registry.behaviour.cuts = [100, SMALL // 2, SMALL // 4]

    assert validate_image(pulled(fetcher, "1.0")) == ()


def test_a_pull_survives_500_twice_and_429(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    registry.behaviour.faults = [
        Fault(method="GET", status=500, times=2),
        Fault(method="GET", path="/blobs/", status=429, headers={"Retry-After": "9"}),
    ]

    assert validate_image(pulled(fetcher, "1.0")) == ()


def test_a_pull_of_a_flipped_byte_keeps_nothing(
    registry: FakeRegistry, fetcher: Fetcher, image: Image
) -> None:
    registry.add("app", "1.0", [image])
    registry.behaviour.flipped = True

    with pytest.raises(RegistryError, match="damaged"):
        pulled(fetcher, "1.0")

    assert [each.name for each in fetcher.blobs.path.glob("sha256/*")] == [image.digest.hex]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stalled", ["POST", "PATCH", "digest=", "/manifests/"])
def test_an_interrupted_push_ends_though_the_registry_stalls(
    registry: FakeRegistry, image: Image, tmp_path: Path, number: signal.Signals, stalled: str
) -> None:
    pushing = Pushing.of(tmp_path, [image])
    method, path = (stalled, "") if stalled.isalpha() else ("PUT", stalled)
    end = threading.Event()
    registry.behaviour.faults = [Fault(method=method, path=path, times=99, until=end)]

    with pushing.start(f"{registry.host}/app:1.0") as running:
        until(lambda: bool(registry.requests(method, path)))
        running.send_signal(number)
        status = running.wait(timeout=30)
        said = running.communicate()[1]
        end.set()

    assert status == (130 if number == signal.SIGINT else 143)
    assert b"Traceback" not in said
    assert ("app", "1.0") not in registry.manifests


def test_an_interrupted_pull_ends_and_leaves_nothing(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("app", "1.0", [image])
    pushing = Pushing.of(tmp_path, [image])
    end = threading.Event()
    registry.behaviour.faults = [Fault(method="GET", path="/blobs/", skip=1, until=end, times=99)]
    with (
        FakeRegistry().running() as target,
        subprocess.Popen(
            pushing.command(f"{registry.host}/app:1.0", f"{target.host}/app:1.0"),
            cwd=tmp_path,
            env=pushing.variables(),
            stderr=subprocess.PIPE,
        ) as running,
    ):
        until(lambda: len(registry.requests("GET", "/blobs/")) > 1)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        end.set()

    assert list((tmp_path / "cache").rglob(".partial-*")) == []


def test_secrets_are_nowhere_to_be_seen(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    registry.behaviour.basic = ("me", SESAME)
    secrets = [SESAME, ME.basic.removeprefix("Basic "), ISSUED]
    said = f"you said {ME.basic} and {ISSUED}-1"
    stalling = threading.Event()
    registry.behaviour.faults = [
        Fault(method="PATCH", until=stalling),
        Fault(method="PUT", path="/manifests/", status=403, code="DENIED", message=said),
    ]
    pushing = Pushing.of(tmp_path, [image])
    pushing.log_in(**{registry.host: {"auth": ME.basic.removeprefix("Basic ")}})
    seen: list[str] = []

    def look() -> None:
        until(lambda: bool(registry.requests("PATCH")))
        seen.extend(process_list())
        stalling.set()

    looking = threading.Thread(target=look)
    looking.start()
    done = pushing.run(f"{registry.host}/app:1.0", LOG_EVERYTHING="1")
    looking.join()

    assert done.returncode == 8, done.stderr
    assert "you said" in done.stderr
    assert "DEBUG:httpcore" in done.stderr
    assert any("push" in each for each in seen)
    kept = [path.read_text(errors="replace") for path in (tmp_path / "cache").rglob("*.*")]
    for text in (done.stdout, done.stderr, *seen, *kept):
        assert not [secret for secret in secrets if secret in text]


def fresh(fault: Fault) -> Fault:
    """Return a fault that has not happened yet."""
    return replace(fault)


def until(happened: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")


def process_list() -> list[str]:
    """Return what everybody on this machine can see of what runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found
