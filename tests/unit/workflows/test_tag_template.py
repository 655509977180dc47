"""Tags that say what is in an image."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import SpecError
from condabox.oci.reference import Reference
from condabox.workflows.tag_template import expand, provisional

GPU: dict[str, str | None] = {
    "version": "1.4.0",
    "name": "ai",
    "python": "3.12",
    "cuda": "12.8",
    "variant": "prod",
}
FULL = "ghcr.io/me/ai:{version}-{name}-py{python}-cuda{cuda}-{variant}"


def test_every_field_is_filled_in() -> None:
    assert expand(FULL, GPU) == "ghcr.io/me/ai:1.4.0-ai-py3.12-cuda12.8-prod"


def test_what_the_image_has_not_is_left_out() -> None:
    plain = {**GPU, "cuda": None}

    assert expand(FULL, plain) == "ghcr.io/me/ai:1.4.0-ai-py3.12-prod"
    assert expand(FULL, {**plain, "python": None}) == "ghcr.io/me/ai:1.4.0-ai-prod"


def test_a_dash_in_a_value_divides_nothing() -> None:
    fields = {**GPU, "version": "1.4-rc1", "cuda": None}

    assert expand("ai:v{version}-cuda{cuda}", fields) == "ai:v1.4-rc1"


def test_two_versions_do_not_share_a_tag() -> None:
    nameless = {**GPU, "version": None}

    with pytest.raises(SpecError, match="has no version") as caught:
        expand(FULL, nameless)

    assert "org.opencontainers.image.version" in str(caught.value.hint)
    assert expand("ai:{name}", nameless) == "ai:ai"


@pytest.mark.parametrize("text", ["ai:{cuda}", "ai:cuda{cuda}-{cuda}"])
def test_a_tag_of_which_nothing_is_left_is_explained(text: str) -> None:
    with pytest.raises(SpecError, match="nothing is left of the tag, as the image has no cuda"):
        expand(text, {**GPU, "cuda": None})


@pytest.mark.parametrize("text", ["ubuntu", "ubuntu:24.04", "host:5000/a/b:c-d--e", "host:5000/a"])
def test_a_name_without_fields_stays_as_it_is(text: str) -> None:
    assert provisional(text) == text
    assert expand(text, GPU) == text


def test_before_its_fields_are_known_a_name_is_one_all_the_same() -> None:
    assert provisional(FULL) == "ghcr.io/me/ai:0-0-py0-cuda0-0"


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(SpecError, match=r"there is no field \{commit\}") as caught:
        provisional("ai:{version}-{commit}")

    assert "{python}" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["host/{name}:1.0", "{name}", "host:5000/{name}"])
def test_only_a_tag_has_fields(text: str) -> None:
    with pytest.raises(SpecError):
        provisional(text)


@given(
    version=st.text(min_size=1, max_size=20).filter(lambda text: text[0] in string.ascii_letters),
    name=st.text(alphabet=string.printable, min_size=1, max_size=20),
)
def test_whatever_the_values_are_a_reference_comes_out(version: str, name: str) -> None:
    fields = {**GPU, "version": version, "name": name}

    assert Reference.parse(expand(FULL, fields)).tag
