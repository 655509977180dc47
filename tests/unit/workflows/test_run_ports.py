"""Where the ports of a container are."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from condabox.errors import BackendError, SpecError
from condabox.workflows.run_ports import (
    Address,
    check_published,
    free_port,
    is_free,
    outer_ports,
    own_port,
    port_warnings,
    published,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def free() -> int:
    return free_port(())


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])  # noqa: S104  (somebody else may listen there)
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket() as somebody:
        somebody.bind((request.param, 0))
        somebody.listen()
        yield somebody.getsockname()[1]


def test_it_is_the_same_port_where_that_is_free(free: int) -> None:
    assert own_port(free, taken=()) == free


def test_it_is_another_one_where_somebody_listens(taken: int) -> None:
    found = own_port(taken, taken=())

    assert found != taken
    assert is_free(found)


def test_it_is_another_one_where_that_is_promised(free: int) -> None:
    assert own_port(free, taken={free}) != free


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("9000:8888", Address(host="127.0.0.1", port=9000)),
        ("9000:8888/tcp", Address(host="127.0.0.1", port=9000)),
        ("0.0.0.0:9000:8888", Address(host="127.0.0.1", port=9000)),
        ("10.0.0.1:9000:8888", Address(host="10.0.0.1", port=9000)),
        ("[::1]:9000:8888", Address(host="[::1]", port=9000)),
    ],
)
def test_the_user_decides(value: str, address: Address) -> None:
    assert published(8888, ("1:1", value, "2:2")) == (
        address,
        ("1:1", value.removesuffix("/tcp"), "2:2"),
    )


@pytest.mark.parametrize(
    ("value", "prefix"),
    [("8888", ""), ("127.0.0.2::8888", "127.0.0.2:"), ("[::1]::8888", "[::1]:")],
)
def test_a_port_that_the_engine_would_choose_is_chosen_here(value: str, prefix: str) -> None:
    found = published(8888, (value,))

    assert found is not None
    assert found[1] == (f"{prefix}{found[0].port}:8888",)


@pytest.mark.parametrize("value", ["8888:88", "88:8888/udp", "8000-8900:8000-8900"])
def test_another_port_says_nothing(value: str) -> None:
    assert published(8888, (value,)) is None


def test_what_is_no_port_is_refused() -> None:
    with pytest.raises(SpecError, match="http:8888"):
        published(8888, ("http:8888",))


@pytest.mark.parametrize(
    ("value", "ports"),
    [
        ("8000:80", {8000}),
        ("127.0.0.1:8000:80/udp", {8000}),
        ("[::1]:8000:80", {8000}),
        ("8000", set()),
        ("127.0.0.1::80", set()),
        ("8000-8010:8000-8010", set()),
        ("", set()),
    ],
)
def test_what_is_published_is_taken(value: str, ports: set[int]) -> None:
    assert outer_ports((value,)) == ports


@pytest.mark.parametrize("text", ["8000", "8000:8000", "8000:8000/tcp"])
def test_the_hosts_own_ports_need_no_engine(text: str) -> None:
    assert list(port_warnings([text])) == []


@pytest.mark.parametrize("text", ["127.0.0.1:8000:8000", "[::1]:8000:8000"])
def test_an_address_is_the_commands_own_choice(text: str) -> None:
    assert [warning for warning in port_warnings([text]) if text in warning]


def test_another_port_needs_an_engine() -> None:
    with pytest.raises(BackendError, match="8080:8000") as caught:
        list(port_warnings(["8080:8000"]))

    assert "8000:8000" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["", "http", "0", "65536", "8000:", "a:8000", "9" * 5000, "²"])
def test_without_an_engine_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="not a port"):
        list(port_warnings([text]))


@pytest.mark.parametrize(
    "text",
    [
        *("8000", "80:8000", "80:8000/udp", "0:8000", "127.0.0.1::8000", "127.0.0.1:80:8000"),
        *("[::1]:80:8000", "8000-8010:8000-8010", "65535:1"),
    ],
)
def test_what_engines_publish_is_let_through(text: str) -> None:
    check_published(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "http", "80:", "80:0", "99999:8888", "8888:99999", "a:80", "1-99999:1-2", "80:-1"),
        *("8080:80:tcp", "9" * 5000, "²", "1-2-3:1"),
    ],
)
def test_what_has_other_things_than_ports_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="is not a port"):
        check_published(text)


def test_a_port_that_nobody_chose_is_none_that_was_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = iter([9000, 9001])
    monkeypatch.setattr(
        "condabox.workflows.run_ports.free_port",
        lambda taken: next(port for port in given if port not in taken),
    )

    found = published(8888, ("9000:80", "8888"))

    assert found == (Address(host="127.0.0.1", port=9001), ("9000:80", "9001:8888"))
