"""Where answers lead, and whether that is still who was asked."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import RegistryError
from condabox.registry.addresses import host_of, joined, origin_of, with_query

HERE = "https://registry.example/v2/team/app/blobs/uploads/"

_QUERIES = st.lists(
    st.tuples(st.text("abc_-", min_size=1, max_size=4), st.text("xyz/+=& %", max_size=6)),
    max_size=4,
)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v2/x?_state=a%2Fb==&c", "https://registry.example/v2/x?_state=a%2Fb==&c"),
        ("1234?x=1", "https://registry.example/v2/team/app/blobs/uploads/1234?x=1"),
        ("https://storage.example/y?sig=a%2B", "https://storage.example/y?sig=a%2B"),
        ("//storage.example/y", "https://storage.example/y"),
        pytest.param("http://registry.example/v2/x", "https://registry.example/v2/x", id="tls"),
        pytest.param("http://other.example/v2/x", "http://other.example/v2/x", id="other-host"),
    ],
)
def test_locations_are_followed_as_they_are(location: str, target: str) -> None:
    assert joined(HERE, location) == target


def test_a_registry_on_a_port_of_its_own_keeps_its_tls() -> None:
    here = "https://registry.example:5000/v2/"

    assert joined(here, "http://registry.example:5000/v2/x") == f"{here}x"


def test_another_port_is_another_server() -> None:
    assert joined(HERE, "http://registry.example:8080/x") == "http://registry.example:8080/x"


@pytest.mark.parametrize("location", ["http://[", "http://example.org:port/"])
def test_what_is_no_address_is_refused(location: str) -> None:
    with pytest.raises(RegistryError, match="not a URL"):
        joined(HERE, location)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://a.example:443/y?z", True),
        ("http://a.example/x", "http://A.example:80", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "https://a.example@evil.example/", False),
        ("https://a.example", "https://a.example:444", False),
    ],
)
def test_who_is_who(one: str, other: str, *, same: bool) -> None:
    assert (origin_of(one) == origin_of(other)) is same


@given(before=_QUERIES, added=_QUERIES)
def test_a_query_is_added_to_and_never_changed(
    before: list[tuple[str, str]], added: list[tuple[str, str]]
) -> None:
    url = with_query("https://registry.example/x", before)

    longer = with_query(url, added)

    assert longer.startswith(url)
    assert parse_qsl(urlsplit(longer).query, keep_blank_values=True) == before + added


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:secret@registry.example:5000/x?signature=y", "registry.example:5000"),
        ("https://registry.example/x", "registry.example"),
        ("http://me:p@ss@[::1]:5000/x", "[::1]:5000"),
        ("http://[", ""),
    ],
)
def test_a_message_names_host_and_port_alone(url: str, host: str) -> None:
    assert host_of(url) == host
