from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.reachability import listens

if TYPE_CHECKING:
    from collections.abc import Iterator

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def answer(url: str) -> bool:
    return asyncio.run(listens(url))


@pytest.mark.parametrize("scheme", ["http", "https", "oci"])
def test_somebody_listens_or_nobody_does(scheme: str, port: int) -> None:
    assert answer(f"{scheme}://127.0.0.1:{port}/x")


def test_nobody_listens_where_a_server_has_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = server.getsockname()[1]

    assert not answer(f"http://127.0.0.1:{gone}/x")


def test_a_host_without_an_address_does_not_listen() -> None:
    assert not answer("https://no-such-host.invalid/x")


def test_a_proxy_is_asked_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    assert answer("https://no-such-host.invalid/x")
    assert answer("oci://no-such-host.invalid/x")
    assert not answer("http://no-such-host.invalid/x")
    monkeypatch.setenv("no_proxy", "no-such-host.invalid")
    assert not answer("https://no-such-host.invalid/x")


def test_files_are_looked_for_when_they_are_read() -> None:
    assert answer("file:///no/such/channel")
