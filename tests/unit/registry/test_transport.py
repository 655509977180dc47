"""Connections that fail, hesitate and lead elsewhere."""

from __future__ import annotations

import socketserver
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.registry.certificates import Trust
from condabox.registry.notices import Notices
from condabox.registry.transport import ATTEMPTS, Transport
from tests.fakes.httpserver import LocalServer
from tests.fakes.registry import FakeRegistry
from tests.fakes.registry_behaviour import Fault
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from collections.abc import Iterator


class Naps(list[float]):
    """Remembers how long somebody wanted to sleep."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def transport(naps: Naps) -> Iterator[Transport]:
    with Transport(sleep=naps) as transport:
        yield transport


def test_httpx_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, condabox.base; sys.exit('httpx' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(
    registry: FakeRegistry, transport: Transport, naps: Naps, status: int
) -> None:
    registry.add_document("app", b"{}")
    registry.behaviour.failures = [(status, {}), (status, {})]

    answer = transport.request("GET", f"{registry.url}/v2/app/manifests/none", limit=1000)

    assert answer.status == 404
    assert len(naps) == 2


def test_what_stays_wrong_is_returned_in_the_end(
    registry: FakeRegistry, transport: Transport, naps: Naps
) -> None:
    registry.behaviour.failures = [(503, {})] * ATTEMPTS

    answer = transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert (answer.status, len(naps)) == (503, ATTEMPTS - 1)


def test_pauses_grow(registry: FakeRegistry, transport: Transport, naps: Naps) -> None:
    registry.behaviour.failures = [(500, {})] * ATTEMPTS

    transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert naps == sorted(naps)
    assert naps[-1] > 2 * naps[0]


def test_retry_after_in_seconds_is_kept(
    registry: FakeRegistry, transport: Transport, naps: Naps
) -> None:
    registry.behaviour.failures = [(429, {"Retry-After": "17"})]

    transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert naps == [17.0]


def test_retry_after_as_a_date_is_kept(
    registry: FakeRegistry, transport: Transport, naps: Naps
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    registry.behaviour.failures = [(503, {"Retry-After": date})]

    transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert 25 < naps[0] <= 30


@pytest.mark.parametrize("value", ["soon", "-5", "Wed, 99 Foo 2020", ""])
def test_retry_after_that_is_none_is_ignored(
    registry: FakeRegistry, transport: Transport, naps: Naps, value: str
) -> None:
    registry.behaviour.failures = [(503, {"Retry-After": value})]

    transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert naps[0] < 1


def test_nobody_waits_for_hours(registry: FakeRegistry, transport: Transport, naps: Naps) -> None:
    registry.behaviour.refused = 429

    answer = transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert (answer.status, naps) == (429, [])


def test_a_closed_port_is_explained(transport: Transport) -> None:
    with FakeRegistry().running() as gone:
        url = gone.url

    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:\d+ cannot be reached") as caught:
        transport.request("GET", f"{url}/v2/app/manifests/x?password=secret", limit=1000)

    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["http://[", "http://a b/", "ftp://127.0.0.1/", "http://\udcff/", "http://127.0.0.1:x/"]
)
def test_what_is_no_address_is_explained(transport: Transport, url: str) -> None:
    with pytest.raises(RegistryError):
        transport.request("GET", url, limit=1000)


def test_an_answer_that_is_too_large_is_not_read(
    registry: FakeRegistry, transport: Transport
) -> None:
    digest = registry.add_document("app", b"{" + b" " * 100_000 + b"}")

    with pytest.raises(RegistryError, match="larger than 1000 bytes"):
        transport.request("GET", f"{registry.url}/v2/app/manifests/{digest}", limit=1000)


def test_authorization_does_not_follow_to_another_host(
    registry: FakeRegistry, transport: Transport
) -> None:
    with FakeRegistry().running() as storage:
        storage.blobs["sha256:x"] = b"content"
        registry.behaviour.blob_redirect = storage.url
        answer = transport.request(
            "GET",
            f"{registry.url}/v2/app/blobs/sha256:x",
            headers={"Authorization": "Bearer abc", "Range": "bytes=0-"},
            limit=1000,
        )

    assert answer.body == b"content"
    assert "authorization" not in storage.seen[0].headers
    assert storage.seen[0].headers["range"] == "bytes=0-"


def test_a_form_does_not_follow_a_redirect(registry: FakeRegistry, transport: Transport) -> None:
    with FakeRegistry().running() as other:
        moved = Fault(method="POST", status=307, headers={"Location": f"{other.url}/moved"})
        registry.behaviour.faults = [moved]
        answer = transport.request(
            "POST", f"{registry.url}/moved", form={"refresh_token": "abc"}, limit=1000
        )

    assert answer.status == 307
    assert other.seen == []


def test_authorization_stays_on_the_same_host(registry: FakeRegistry, transport: Transport) -> None:
    registry.behaviour.blob_redirect = registry.url

    with pytest.raises(RegistryError, match="redirects"):
        transport.request(
            "GET",
            f"{registry.url}/v2/app/blobs/sha256:x",
            headers={"Authorization": "Bearer abc"},
            limit=1000,
        )

    assert {seen.headers.get("authorization") for seen in registry.seen} == {"Bearer abc"}


@pytest.mark.parametrize("target", ["http://[", "file:///etc", "gopher://127.0.0.1"])
def test_a_redirect_to_something_else_is_refused(
    registry: FakeRegistry, transport: Transport, target: str
) -> None:
    registry.behaviour.blob_redirect = target

    with pytest.raises(RegistryError) as caught:
        transport.request("GET", f"{registry.url}/v2/app/blobs/sha256:x", limit=1000)

    assert "signature" not in caught.value.message


def test_a_broken_proxy_variable_is_explained_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://user:secret@proxy")

    with Transport() as transport, pytest.raises(RegistryError, match="set up") as caught:
        transport.request("GET", "http://registry.example/v2/", limit=1000)

    assert "secret" not in caught.value.message


def test_a_missing_certificate_file_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist.pem")

    with Transport() as transport, pytest.raises(RegistryError) as caught:
        transport.request("GET", "https://127.0.0.1:1/v2/", limit=1000)

    assert "SSL_CERT_FILE" in str(caught.value.hint)


@pytest.mark.parametrize("status", [404, 413, 502])
def test_of_a_long_error_the_beginning_is_enough(
    registry: FakeRegistry, transport: Transport, status: int
) -> None:
    page = b"<html>" + b"x" * 70_000
    registry.behaviour.faults = [Fault(method="GET", status=status, body=page, times=9)]

    answer = transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    assert (answer.status, answer.body) == (status, page[:1000])


def test_a_redirect_that_does_not_end_has_a_hint(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.blob_redirect = registry.url

    with pytest.raises(RegistryError, match="redirects") as caught:
        transport.request("GET", f"{registry.url}/v2/app/blobs/sha256:x", limit=1000)

    assert caught.value.hint


class Reflecting(socketserver.StreamRequestHandler):
    """Answers with what it was sent, and not as HTTP has it."""

    fake: LocalServer

    def handle(self) -> None:
        lines = iter(self.rfile.readline, b"\r\n")
        said = next(line for line in lines if line.lower().startswith(b"authorization"))
        self.wfile.write(b"HTTP/1.1 200 OK\r\nbad " + said.partition(b": ")[2] + b"\r\n")


def test_an_answer_that_is_not_http_is_not_repeated(transport: Transport) -> None:
    with LocalServer(Reflecting).running() as server, pytest.raises(RegistryError) as caught:
        transport.request("GET", server.url, headers={"Authorization": "Basic c2VjcmV0"}, limit=9)

    assert "its answer is not HTTP" in caught.value.message
    assert "c2VjcmV0" not in caught.value.message + str(caught.value.hint)


def test_a_connection_that_ends_too_early_is_called_so(
    registry: FakeRegistry, transport: Transport
) -> None:
    registry.behaviour.faults = [Fault(method="GET", unanswered=True, times=9)]

    with pytest.raises(RegistryError, match="disconnected"):
        transport.request("GET", f"{registry.url}/v2/", limit=1000)


def test_what_answers_a_probe_is_not_read(transport: Transport) -> None:
    endless = Endless()
    with endless.running():
        assert transport.reachable(endless.url, trust=Trust())

    assert endless.sent < 100 << 20


class Endless(LocalServer):
    """Sends 100 MiB, for as long as somebody takes them."""

    def __init__(self) -> None:
        super().__init__(_Sending)
        self.sent = 0


class _Sending(socketserver.StreamRequestHandler):
    fake: Endless

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        with suppress(OSError):
            for _ in range(100):
                self.wfile.write(bytes(1 << 20))
                self.fake.sent += 1 << 20


def test_what_is_waited_for_is_told(registry: FakeRegistry) -> None:
    reporter = WatchingReporter()
    registry.behaviour.faults = [
        Fault(method="GET", unanswered=True),
        Fault(method="GET", status=429, headers={"Retry-After": "17"}),
    ]

    with Transport(sleep=lambda _: None, notices=Notices(reporter)) as transport:
        transport.request("GET", f"{registry.url}/v2/app/manifests/x", limit=1000)

    lost, busy = reporter.messages
    assert lost.startswith(f"{registry.host}: ")
    assert "disconnected" in lost
    assert busy == f"{registry.host} answers with status 429: trying again in 17 s"
