"""Who is asked through a proxy, and who never is."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Credential
from condabox.registry.probe import Reception, probe_registry
from condabox.registry.proxies import Proxies
from condabox.registry.transport import Transport
from tests.fakes.httpserver import Answer, HttpServer
from tests.fakes.users import Known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.httpserver import Seen
    from tests.fakes.registry import FakeRegistry

PROXY = "http://proxy.example:3128"
ME = Credential(username="me", password="open-sesame")  # noqa: S106


class Recorder(HttpServer):
    """A proxy that leads nowhere, and remembers who wanted to go where."""

    def answer(self, request: Seen) -> Answer:  # noqa: ARG002
        return Answer(502)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with Recorder().running() as recorder:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, recorder.url)
        yield recorder


@pytest.fixture
def transport(recorder: Recorder) -> Iterator[Transport]:  # noqa: ARG001  (whose variables it reads)
    with Transport(sleep=lambda _: None, certificates=[]) as transport:
        yield transport


@pytest.fixture(autouse=True)
def _no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_registry_on_this_machine_is_asked_directly_and_no_proxy_sees_the_password(
    registry: FakeRegistry, recorder: Recorder, transport: Transport, name: str
) -> None:
    registry.behaviour.basic = ("me", "open-sesame")
    registry.tag("app", "1.0", b"{}")
    host = registry.host.replace("127.0.0.1", name)
    client = RegistryClient(host=host, insecure=False, transport=transport, credentials=Known(ME))

    assert client.manifest("app", "1.0") == b"{}"
    assert recorder.seen == []


def test_a_registry_on_this_machine_answers_its_check_behind_a_proxy(
    registry: FakeRegistry, recorder: Recorder, transport: Transport
) -> None:
    answer = probe_registry(
        registry.host, "", insecure=False, transport=transport, credentials=Known(ME)
    )

    assert answer.reception is Reception.OPEN
    assert recorder.seen == []


def test_everything_else_goes_through_the_proxy(recorder: Recorder, transport: Transport) -> None:
    answer = transport.request("GET", "http://registry.example/v2/", limit=1000)

    assert answer.status == 502
    assert {each.path for each in recorder.seen} == {"http://registry.example/v2/"}


def test_who_a_redirect_leads_to_is_decided_for_itself(
    registry: FakeRegistry, recorder: Recorder, transport: Transport
) -> None:
    registry.behaviour.blob_redirect = "http://storage.example"

    answer = transport.request("GET", f"{registry.url}/v2/app/blobs/sha256:x", limit=1000)

    assert answer.status == 502
    assert {each.path.partition("?")[0] for each in recorder.seen} == {
        "http://storage.example/storage/blobs/sha256:x"
    }


def test_the_password_of_a_proxy_reaches_it(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", recorder.url.replace("//", "//me:open-sesame@"))
    with Transport(sleep=lambda _: None, certificates=[]) as transport:
        transport.request("GET", "http://registry.example/v2/", limit=1000)

    given = recorder.seen[0].headers["proxy-authorization"]
    assert base64.b64decode(given.removeprefix("Basic ")) == b"me:open-sesame"


def test_a_network_of_another_kind_of_address_stops_nobody(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "fd00::/8,[,://,nonsense/8")
    with Transport(sleep=lambda _: None, certificates=[]) as transport:
        answer = transport.request("GET", "http://registry.example/v2/", limit=1000)

    assert answer.status == 502
    assert recorder.seen


def test_a_proxy_that_cannot_be_spoken_to_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://me:open-sesame@proxy.example")
    monkeypatch.setitem(sys.modules, "socksio", None)

    with Transport(certificates=[]) as transport, pytest.raises(RegistryError) as caught:
        transport.request("GET", "http://registry.example/v2/", limit=1000)

    assert "SOCKS" in caught.value.message
    assert caught.value.hint
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize(
    ("exception", "url"),
    [
        ("*", "https://a.example/"),
        ("a.example", "https://a.example/"),
        ("a.example", "https://A.Example/"),
        ("a.example", "https://a.example./"),
        ("a.example", "https://below.a.example/"),
        (".a.example", "https://below.a.example/"),
        ("*.a.example", "https://below.a.example/"),
        ("a.example:5000", "https://a.example:5000/"),
        ("a.example:443", "https://a.example/"),
        ("10.1.2.3", "https://10.1.2.3/"),
        ("10.1.2.3:5000", "https://10.1.2.3:5000/"),
        ("10.0.0.0/8", "https://10.1.2.3/"),
        ("10.1.2.3/8", "https://10.200.2.3/"),
        ("fd00::1", "https://[fd00::1]/"),
        ("[fd00::1]:5000", "https://[fd00::1]:5000/"),
        ("fd00::/8", "https://[fd00::1]/"),
    ],
)
def test_an_exception_is_asked_directly(exception: str, url: str) -> None:
    proxies = Proxies(by_scheme={"all": PROXY}, exceptions=("b.example", exception))

    assert proxies.of(url) is None


@pytest.mark.parametrize(
    ("exception", "url"),
    [
        ("a.example", "https://nota.example/"),
        (".a.example", "https://a.example/"),
        ("a.example:5000", "https://a.example/"),
        ("10.0.0.0/8", "https://11.1.2.3/"),
        ("10.0.0.0/8", "https://a10.example/"),
        ("0.0.0.0/0", "https://[fd00::1]/"),
        ("2.3", "https://10.1.2.3/"),
        ("10.1.2.3:5000", "https://10.1.2.3/"),
        ("", "https://a.example/"),
        ("[", "https://a.example/"),
        ("10.0.0.0/99", "https://10.1.2.3/"),
    ],
)
def test_everybody_else_is_not(exception: str, url: str) -> None:
    assert Proxies(by_scheme={"https": PROXY}, exceptions=(exception,)).of(url) == PROXY


@pytest.mark.parametrize(
    "host", ["localhost:5000", "LOCALHOST", "127.0.0.1", "127.255.0.9:1", "[::1]:5000"]
)
def test_this_machine_is_never_behind_a_proxy(host: str) -> None:
    proxies = Proxies(by_scheme={"all": PROXY})

    assert proxies.of(f"http://{host}/") is proxies.of(f"https://{host}/") is None


def test_each_scheme_may_have_its_own_and_needs_not_say_how_to_speak_to_it() -> None:
    proxies = Proxies(by_scheme={"http": "proxy.example:3128", "all": "https://other.example"})

    assert proxies.of("http://a.example/") == PROXY
    assert proxies.of("https://a.example/") == "https://other.example"


def test_passwords_are_not_shown() -> None:
    assert "open-sesame" not in repr(Proxies(by_scheme={"all": "http://me:open-sesame@proxy"}))
