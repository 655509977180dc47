"""WWW-Authenticate headers, as registries write them and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.registry.challenge import Challenge, parse_challenges

DOCKER_HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/ubuntu:pull,push"'
)


def test_commas_in_quotes_belong_to_the_value() -> None:
    assert parse_challenges(DOCKER_HUB) == (
        Challenge(
            scheme="bearer",
            parameters={
                "realm": "https://auth.docker.io/token",
                "service": "registry.docker.io",
                "scope": "repository:library/ubuntu:pull,push",
            },
        ),
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(
            'Basic realm="x", Bearer realm="y",service=a',
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": "a"})],
            id="several",
        ),
        pytest.param(
            'Negotiate, , Basic realm="a"',
            [("negotiate", {}), ("basic", {"realm": "a"})],
            id="empty-element",
        ),
        pytest.param(
            'Negotiate abc==, Bearer realm="r"',
            [("negotiate", {}), ("bearer", {"realm": "r"})],
            id="token68",
        ),
        pytest.param(
            r'BEARER Realm = "a \"b\"" , x=y', [("bearer", {"realm": 'a "b"', "x": "y"})], id="odd"
        ),
        pytest.param('realm="nobody asked"', [], id="no-scheme"),
        pytest.param('Bearer realm="open', [("bearer", {"realm": ""})], id="unclosed"),
        pytest.param("", [], id="empty"),
    ],
)
def test_headers_are_read_as_rfc_9110_says(
    header: str, expected: list[tuple[str, dict[str, str]]]
) -> None:
    found = [(each.scheme, each.parameters) for each in parse_challenges(header)]

    assert found == expected


@given(st.text())
def test_whatever_stands_in_a_header_is_read_to_an_end(header: str) -> None:
    parse_challenges(header)


_TOKENS = st.text("abcdefgh-0123", min_size=1, max_size=8)
_VALUES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20)


@given(_TOKENS, st.dictionaries(_TOKENS, _VALUES, min_size=1, max_size=4))
def test_what_is_quoted_comes_back(scheme: str, parameters: dict[str, str]) -> None:
    quoted = {
        key: value.replace("\\", "\\\\").replace('"', '\\"') for key, value in parameters.items()
    }
    header = f"{scheme} " + ", ".join(f'{key}="{value}"' for key, value in quoted.items())

    assert parse_challenges(header) == (Challenge(scheme=scheme, parameters=parameters),)
