"""How a registry receives us, and what is said where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.registry import client
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.probe import Reception, RegistryAnswer, probe_registry
from condabox.registry.transport import Transport
from tests.fakes.certificates import make_certificates
from tests.fakes.gate import Gate
from tests.fakes.httpserver import Answer, unanswered_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.registry.credentials import Credentials

PASSWORD = "open-sesame"  # noqa: S105  (of nothing)
ME = f"me:{PASSWORD}"


class Known:
    """One user."""

    def __init__(self, password: str = PASSWORD) -> None:
        self.password = password

    def lookup(self, host: str, repository: str) -> Credential | None:  # noqa: ARG002
        return Credential(username="me", password=self.password)


class Broken:
    """A store of credentials that cannot be read."""

    def lookup(self, host: str, repository: str) -> Credential | None:  # noqa: ARG002
        raise RegistryError("docker-credential-x cannot be run", hint="try it yourself")


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as gate:
        yield gate


def probe(
    host: str, credentials: Credentials | None = None, *, insecure: bool = True
) -> RegistryAnswer:
    with Transport(sleep=lambda _: None) as transport:
        return probe_registry(
            host,
            "",
            insecure=insecure,
            transport=transport,
            credentials=credentials or Anonymous(),
        )


def refused(host: str, *, insecure: bool = True) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        probe(host, insecure=insecure)
    return caught.value


def test_an_open_registry_does_not_ask(gate: Gate) -> None:
    assert probe(gate.host, Known()) == RegistryAnswer(reception=Reception.OPEN)


@pytest.mark.parametrize("tokens", [False, True])
def test_credentials_are_taken(gate: Gate, *, tokens: bool) -> None:
    gate.rules.user, gate.rules.tokens = ME, tokens

    assert probe(gate.host, Known()).reception is Reception.KNOWN


@pytest.mark.parametrize("tokens", [False, True])
def test_credentials_are_refused_and_not_repeated(gate: Gate, *, tokens: bool) -> None:
    gate.rules.user, gate.rules.tokens = ME, tokens

    answer = probe(gate.host, Known("wrong-password"))

    assert answer.reception is Reception.REFUSED
    assert "UNAUTHORIZED" in answer.words
    assert "wrong-password" not in answer.words
    assert "bWU6d3Jvbmct" not in answer.words


@pytest.mark.parametrize("tokens", [False, True])
def test_strangers_are_refused(gate: Gate, *, tokens: bool) -> None:
    gate.rules.user, gate.rules.tokens = ME, tokens

    assert probe(gate.host).reception is Reception.STRANGER


def test_strangers_may_see_what_is_public(gate: Gate) -> None:
    gate.rules.user, gate.rules.tokens, gate.rules.public = ME, True, True

    assert probe(gate.host).reception is Reception.PUBLIC


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer(404), "it is no registry", id="something else"),
        pytest.param(Answer(503), "status 503", id="out of order"),
        pytest.param(
            Answer(200, b"<html>", {"Content-Type": "text/html; charset=utf-8"}),
            "a web page",
            id="a login page",
        ),
    ],
)
def test_who_answers_need_not_be_a_registry(gate: Gate, answer: Answer, expected: str) -> None:
    gate.rules.answer = answer

    error = refused(gate.host)

    assert expected in error.message
    assert gate.host in error.message
    assert error.hint
    assert len([seen for seen in gate.seen if seen.path == "/v2/"]) == 1


def test_nobody_answers() -> None:
    host = unanswered_url().removeprefix("http://")

    assert "refused" in refused(host).message


def test_a_token_server_that_is_not_there_is_no_refusal(gate: Gate) -> None:
    gate.rules.answer = gate.refused(f'Bearer realm="{unanswered_url()}/token"')

    assert "cannot be reached" in refused(gate.host).message


def test_a_token_server_that_is_out_of_order_is_no_refusal(gate: Gate) -> None:
    gate.rules.user, gate.rules.tokens, gate.rules.token_status = ME, True, 503

    assert "status 503" in refused(gate.host).message


def test_broken_credentials_are_told(gate: Gate) -> None:
    gate.rules.user = ME

    with pytest.raises(RegistryError, match="docker-credential-x") as caught:
        probe(gate.host, Broken())
    assert caught.value.hint == "try it yourself"


def test_an_authority_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_is_local", lambda _: False)

    with Gate(certificates=make_certificates(tmp_path)) as gate:
        error = refused(gate.host, insecure=False)

    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert "SSL_CERT_FILE" in str(error.hint)


def test_plain_http_where_tls_is_expected(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_is_local", lambda _: False)

    assert "insecure = true" in str(refused(gate.host, insecure=False).hint)
