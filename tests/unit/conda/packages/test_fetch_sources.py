"""From where archives come: by which credentials, and past which faults of mirrors."""

from __future__ import annotations

import hashlib
import json
import socket
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.fetch_worker import _failure
from condabox.errors import InstallError
from condabox.events import SilentReporter
from condabox.settings import Settings
from tests.fakes.certificates import make_certificates
from tests.fakes.channel import ChannelServer, everywhere, write_channel
from tests.fakes.oci_channel import SecureRegistry, Tunnel, push_channel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEAM = "https://corp.example/conda/team"
REGISTRY = "registry.example"
OCI = f"oci://{REGISTRY}/mirrors/forge"
USER, PASSWORD, TOKEN = "visible-user", "visible-p@ss", "tk-visible-token"
BASIC = f"{USER}:visible-p%40ss"
NAMES = tuple(f"package-{number}" for number in range(12))


class Fetching:
    """Fetches packages of one channel, from its mirrors and then from itself."""

    def __init__(self, root: Path) -> None:
        self.channel = TEAM
        self.cache = root / "cache"

    def __call__(self, *mirrors: str, names: tuple[str, ...] = NAMES[:1]) -> None:
        settings = Settings(cache_dir=self.cache, channel_mirrors={self.channel: mirrors})
        wanted = [locked(name, self.channel) for name in names]
        found = fetch_archives(wanted, settings=settings, reporter=SilentReporter())
        assert len(found) == len(wanted)

    def refused(self, *mirrors: str) -> InstallError:
        with pytest.raises(InstallError) as caught:
            self(*mirrors)
        assert "visible" not in str(caught.value)
        return caught.value


def locked(name: str, channel: str) -> LockedPackage:
    (made, _) = everywhere(name)
    return LockedPackage(
        name=name,
        version="1.0",
        manager="conda",
        url=f"{channel}/linux-64/{made.filename}",
        sha256=hashlib.sha256(made.archive).hexdigest(),
        category="main",
        dependencies=(),
    )


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return Fetching(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    write_channel(tmp_path / "channel", [one for name in NAMES for one in everywhere(name)])
    with ChannelServer(tmp_path / "channel") as server:
        yield server


def store(home: Path, credentials: object) -> Path:
    path = home / "store.json"
    path.write_text(json.dumps({"127.0.0.1": credentials}))
    return path


def test_user_and_password_of_the_channel(server: ChannelServer, fetching: Fetching) -> None:
    server.credentials = f"{USER}:{PASSWORD}"

    fetching(f"http://{BASIC}@{server.host}")


def test_a_token_of_the_channel(server: ChannelServer, fetching: Fetching) -> None:
    server.token = TOKEN

    fetching(f"{server.url}/t/{TOKEN}")


@pytest.mark.parametrize(
    ("kind", "credentials"),
    [
        ("credentials", {"BasicHTTP": {"username": USER, "password": PASSWORD}}),
        ("bearer", {"BearerToken": TOKEN}),
        ("token", {"CondaToken": TOKEN}),
    ],
)
def test_rattler_s_own_store(
    server: ChannelServer,
    fetching: Fetching,
    tmp_path: Path,
    kind: str,
    credentials: object,
) -> None:
    setattr(server, kind, f"{USER}:{PASSWORD}" if kind == "credentials" else TOKEN)
    with pytest.MonkeyPatch.context() as env:
        env.setenv("RATTLER_AUTH_FILE", str(store(tmp_path, credentials)))
        fetching(server.url)


def test_the_url_s_own_credentials_count_more_than_stored_ones(
    server: ChannelServer, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = TOKEN
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(store(tmp_path, {"CondaToken": "another"})))

    fetching(f"{server.url}/t/{TOKEN}")


def test_each_source_of_one_host_has_its_own(server: ChannelServer, fetching: Fetching) -> None:
    server.credentials = f"{USER}:{PASSWORD}"

    fetching(f"http://other:one@{server.host}", f"http://{BASIC}@{server.host}", names=NAMES)


@pytest.mark.parametrize(
    ("url", "expected", "hint"),
    [
        ("http://visible:wrong@HOST", "401 Unauthorized", "log in"),
        ("http://$NOBODY:$NOTHING@HOST", "the variable NOBODY is not set", "set it"),
        ("http://HOST/t/${NO_TOKEN}", "the variable NO_TOKEN is not set", "set it"),
    ],
)
def test_who_is_refused_is_told_what_to_do(
    server: ChannelServer, fetching: Fetching, url: str, expected: str, hint: str
) -> None:
    """Whatever the channel itself says, which nobody could tell credentials."""
    server.credentials = "some:body"
    fetching.channel = server.url
    error = fetching.refused(url.replace("HOST", server.host))

    assert error.message == (
        f"package-0 1.0: {server.url}/linux-64/package-0-1.0-0.conda: {expected}"
    )
    assert hint in str(error.hint)


def test_a_store_that_cannot_be_read_is_named_and_not_quoted(
    server: ChannelServer, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(tmp_path, "visible")
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(path))
    fetching.channel = server.url
    error = fetching.refused()

    assert str(path) in error.message
    assert "log in" in str(error.hint)


def test_a_dead_mirror_is_passed_over(server: ChannelServer, fetching: Fetching) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        dead = f"http://127.0.0.1:{gone.getsockname()[1]}"

    fetching(dead, server.url, names=NAMES)


def test_a_mirror_that_fails_is_not_asked_for_everything(
    server: ChannelServer, fetching: Fetching, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    with ChannelServer(tmp_path / "bad") as bad:
        bad.statuses = {f"/linux-64/{name}-1.0-0.conda": [400] * 9 for name in NAMES}
        fetching(bad.url, server.url, names=NAMES)

    assert 0 < len(bad.requests) < len(NAMES)


def test_a_stale_mirror_gives_what_it_has(
    server: ChannelServer, fetching: Fetching, tmp_path: Path
) -> None:
    write_channel(tmp_path / "stale", everywhere(NAMES[0]))
    with ChannelServer(tmp_path / "stale") as stale:
        fetching(stale.url, server.url, names=NAMES)

    assert len(stale.requests) == len(NAMES)
    assert f"/linux-64/{NAMES[0]}-1.0-0.conda" not in server.requests


def test_a_mirror_that_breaks_off_is_passed_over(
    server: ChannelServer, fetching: Fetching, tmp_path: Path
) -> None:
    write_channel(tmp_path / "cut", everywhere(NAMES[0]))
    with ChannelServer(tmp_path / "cut") as mirror:
        mirror.cut[f"/linux-64/{NAMES[0]}-1.0-0.conda"] = 9
        fetching(mirror.url, server.url)

    assert len(server.requests) == 1


def test_a_server_that_has_too_much_to_do_is_asked_again(
    server: ChannelServer, fetching: Fetching
) -> None:
    server.retry_after = 1
    server.statuses[f"/linux-64/{NAMES[0]}-1.0-0.conda"] = [429, 429]

    fetching(server.url)


@pytest.mark.parametrize(
    ("status", "again"), [("503 Service Unavailable", True), ("400 Bad Request", False)]
)
def test_what_is_busy_is_asked_once_more_when_rattler_has_given_up(
    status: str, *, again: bool
) -> None:
    found = _failure(f"HTTP status server error ({status}) for url (http://x)", again=False)

    assert (found.kind, found.problem, found.again) == ("network", status, again)


def test_what_a_server_leads_to_is_not_told_with_its_signature() -> None:
    found = _failure("error sending request for url (https://s3/x?X-Sig=visible)", again=False)

    assert found.problem == "error sending request for url (https://s3/x)"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecureRegistry]:
    """A registry with a channel, which HTTPS on port 443 of registry.example leads to."""
    certificates = make_certificates(tmp_path, REGISTRY)
    write_channel(tmp_path / "pushed", everywhere(NAMES[0]))
    registry = SecureRegistry(certificates)
    push_channel(registry, tmp_path / "pushed", name="mirrors/forge")
    with registry.running(), Tunnel(registry) as tunnel:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        yield registry


@pytest.mark.tool("openssl")
def test_archives_come_from_registries_too(registry: SecureRegistry, fetching: Fetching) -> None:
    fetching(OCI)

    assert registry.lines[0] == "GET /v2/mirrors/forge/linux-64/package-0/manifests/1.0-0"


@pytest.mark.tool("openssl")
def test_registries_ask_for_credentials(registry: SecureRegistry, fetching: Fetching) -> None:
    registry.behaviour.basic = (USER, PASSWORD)
    fetching.channel = OCI
    error = fetching.refused()
    assert "requested authentication" in error.message
    assert "log in" in str(error.hint)

    registry.behaviour.token_realm = f"https://{REGISTRY}/token"
    fetching(OCI.replace("//", f"//{BASIC}@"))


@pytest.mark.tool("openssl")
def test_what_a_registry_does_not_have_is_missing(
    registry: SecureRegistry, fetching: Fetching
) -> None:
    registry.manifests.clear()
    fetching.channel = OCI
    error = fetching.refused()

    assert "404 Not Found" in error.message
    assert "no longer has it" in str(error.hint)
