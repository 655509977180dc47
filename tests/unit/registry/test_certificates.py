"""Registries with an authority of their own, and registries that want a client's certificate."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError, UntrustedHostError
from condabox.oci.digest import Digest
from condabox.registry.certificates import Trust, certificate_folders, find_trust
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous
from condabox.registry.transport import Transport
from tests.fakes.certificates import make_certificates, make_client_certificate
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.certificates import Certificates

THERE = Digest.of(b"{}")

pytestmark = pytest.mark.tool("openssl")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def client_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_client_certificate(tmp_path_factory.mktemp("client"), "-subj", "/CN=me")


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    return tmp_path / "certs.d"


@pytest.fixture
def ask(certs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeRegistry], Digest | None]:
    """Return what asks a registry, as if it were elsewhere, for the digest of a tag."""
    monkeypatch.setattr("condabox.registry.client._is_local", lambda _: False)

    def digest(registry: FakeRegistry) -> Digest | None:
        with Transport(sleep=lambda _: None, certificates=[certs]) as transport:
            client = RegistryClient(
                host=registry.host, insecure=False, transport=transport, credentials=Anonymous()
            )
            registry.tag("app", "1.0", b"{}")
            return client.digest("app", "1.0")

    return digest


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def use(folder: Path) -> None:
    """Use what is in ``folder`` for a.example, which is not asked if that cannot be used."""
    trust = find_trust("a.example", verify=True, folders=[folder])
    trust.prepare(ssl.create_default_context())


def test_an_authority_of_one_s_own_is_trusted(
    made: Certificates, certs: Path, ask: Callable[[FakeRegistry], Digest | None]
) -> None:
    with FakeRegistry(certificates=made).running() as registry:
        put(made.authority, certs / registry.host / "any name.crt")

        assert ask(registry) == THERE


def test_it_is_trusted_for_that_registry_alone(
    made: Certificates, certs: Path, ask: Callable[[FakeRegistry], Digest | None]
) -> None:
    put(made.authority, certs / "127.0.0.1:1" / "ca.crt")
    put(made.authority, certs / "ca.crt")
    with (
        FakeRegistry(certificates=made).running() as registry,
        pytest.raises(UntrustedHostError) as caught,
    ):
        ask(registry)

    assert "certs.d" in str(caught.value.hint)


def test_its_token_server_and_storage_are_trusted_as_it_is(
    made: Certificates, certs: Path, ask: Callable[[FakeRegistry], Digest | None]
) -> None:
    with (
        FakeRegistry(certificates=made).running() as registry,
        FakeRegistry(certificates=made).running() as tokens,
    ):
        tokens.issued = registry.issued
        registry.behaviour.token_realm = f"{tokens.url}/token"
        put(made.authority, certs / registry.host / "ca.crt")

        assert ask(registry) == THERE

    assert tokens.seen


def test_a_client_s_certificate_is_shown(
    made: Certificates,
    client_certificate: tuple[Path, Path],
    certs: Path,
    ask: Callable[[FakeRegistry], Digest | None],
) -> None:
    certificate, key = client_certificate
    asking = replace(made, clients=certificate)
    with FakeRegistry(certificates=asking).running() as registry:
        put(made.authority, certs / registry.host / "ca.crt")
        put(certificate, certs / registry.host / "client.cert")
        put(key, certs / registry.host / "client.key")

        assert ask(registry) == THERE


def test_it_is_shown_to_a_registry_whose_certificate_does_not_matter(
    made: Certificates, client_certificate: tuple[Path, Path], certs: Path
) -> None:
    certificate, key = client_certificate
    with FakeRegistry(certificates=replace(made, clients=certificate)).running() as registry:
        put(certificate, certs / registry.host / "client.cert")
        put(key, certs / registry.host / "client.key")
        with Transport(sleep=lambda _: None, certificates=[certs]) as transport:
            client = RegistryClient(
                host=registry.host, insecure=True, transport=transport, credentials=Anonymous()
            )

            assert client.digest("app", "1.0") is None


def test_that_one_is_wanted_is_told(
    made: Certificates,
    client_certificate: tuple[Path, Path],
    certs: Path,
    ask: Callable[[FakeRegistry], Digest | None],
) -> None:
    asking = replace(made, clients=client_certificate[0])
    with FakeRegistry(certificates=asking).running() as registry:
        put(made.authority, certs / registry.host / "ca.crt")
        with pytest.raises(RegistryError, match="certificate required") as caught:
            ask(registry)

    assert "client.cert" in str(caught.value.hint)


def test_the_first_folder_that_knows_a_registry_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, host in ((second, "a.example"), (second, "b.example:5000"), (first, "a.example")):
        (folder / host).mkdir(parents=True)
        (folder / host / "ca.crt").touch()

    found = [
        find_trust(host, verify=True, folders=[first, second])
        for host in ("a.example", "b.example:5000", "b.example", "c.example")
    ]

    assert found == [
        Trust(verify=True, authorities=(first / "a.example" / "ca.crt",)),
        Trust(verify=True, authorities=(second / "b.example:5000" / "ca.crt",)),
        Trust(),
        Trust(),
    ]


def test_the_folders_are_podman_s_and_docker_s() -> None:
    assert [*map(str, certificate_folders({"HOME": "/home/me"}))] == [
        "/home/me/.config/containers/certs.d",
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
    ]
    assert len(certificate_folders({})) == 2


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("ca.crt", b"no certificate", "cannot be read as a certificate"),
        ("ca.crt", b"", "cannot be read as a certificate"),
        ("client.cert", b"", "has no client.key beside it"),
        ("client.key", b"", "has no client.cert beside it"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    path = tmp_path / "a.example" / name
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(RegistryError) as caught:
        use(tmp_path)

    assert caught.value.message.startswith(f"{path} {problem}")
    assert caught.value.hint


def test_a_key_with_a_password_asks_nobody(
    tmp_path: Path, client_certificate: tuple[Path, Path]
) -> None:
    folder = tmp_path / "a.example"
    put(client_certificate[0], folder / "client.cert")
    lock = ("openssl", "pkcs8", "-topk8", "-in", str(client_certificate[1]))
    locked = ("-out", str(folder / "client.key"), "-passout", "pass:open-sesame")
    subprocess.run([*lock, *locked], check=True)

    with pytest.raises(RegistryError, match="cannot be read as a certificate and its key"):
        use(tmp_path)


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").touch()
    (tmp_path / "certs.d").mkdir()

    assert find_trust("..", verify=True, folders=[tmp_path / "certs.d"]) == Trust()
