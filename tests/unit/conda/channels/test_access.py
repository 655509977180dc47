from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.channels.access import Access, redacted


def test_an_address_is_taken_apart() -> None:
    found = Access.of("https://me:p%40ss@Conda.Example:8443/below/t/tk-1/ch")

    assert found.url == "https://Conda.Example:8443/below/ch"
    assert found.asked == "https://Conda.Example:8443/below/t/tk-1/ch"
    assert (found.user, found.password) == ("me", "p@ss")
    assert (found.private, found.host, found.unset) == (True, "conda.example", ())


def test_what_is_secret_is_not_shown() -> None:
    shown = repr(Access.of("https://hidden:hidden@conda.example/t/hidden/ch"))

    assert "hidden" not in shown


@pytest.mark.parametrize(
    "url", ["https://conda.example/ch", "file:///srv/t/x/y", "oci://ghcr.io/mirrors/conda-forge"]
)
def test_an_open_address_is_its_own(url: str) -> None:
    found = Access.of(url)

    assert (found.url, found.asked, found.private) == (url, url, False)


def test_hosts_of_version_6_are_in_brackets() -> None:
    assert Access.of("http://me@[::1]:80/ch").host == "[::1]"


@pytest.mark.parametrize(
    ("url", "unset"),
    [
        ("https://$USER:${PASSWORD}@conda.example/ch", ("USER", "PASSWORD")),
        ("https://conda.example/t/$TOKEN/ch", ("TOKEN",)),
        ("https://me:pa$word@conda.example/ch", ()),
    ],
)
def test_variables_that_nobody_set_are_named(url: str, unset: tuple[str, ...]) -> None:
    assert Access.of(url).unset == unset


@given(st.text(min_size=1), st.text())
def test_users_and_passwords_come_back_as_they_were(user: str, password: str) -> None:
    user, password = (
        user.encode(errors="replace").decode(),
        password.encode(errors="replace").decode(),
    )
    found = Access.of(f"https://{quote(user, safe='')}:{quote(password, safe='')}@c.example/ch")

    assert (found.user, found.password, found.url) == (user, password, "https://c.example/ch")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for url (http://me:pw@c.example/t/tk/ch/x)", "for url (http://c.example/ch/x)"),
        ("'https://c.example/t/tk/ch': gone", "'https://c.example/ch': gone"),
        ("(https://s3.example/x?X-Sig=1&b=2) 403", "(https://s3.example/x) 403"),
        ("really? yes, a=b", "really? yes, a=b"),
    ],
)
def test_messages_lose_what_is_secret_in_addresses(text: str, expected: str) -> None:
    assert redacted(text) == expected


SECRETS = st.text(st.characters(exclude_characters="/", exclude_categories=["Z", "C"]), min_size=1)


@given(user=SECRETS, password=SECRETS, path=st.sampled_from(["", "/", "/x@1", "/a b@c", "/x?b@c"]))
def test_no_part_of_a_password_stays_quoted_or_not(user: str, password: str, path: str) -> None:
    before, after = "cannot get (", ") from http://c.example/x"
    text = f"{before}https://{user}:{password}@c.example{path}{after}"

    assert redacted(text) == f"{before}https://c.example{path}{after}"
