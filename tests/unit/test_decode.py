"""Foreign documents are read with errors that say where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.decode import (
    DecodeError,
    each,
    join,
    mapping,
    optional,
    reject_unknown,
    required,
    sequence,
    string_mapping,
    strings,
    typed,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("at", "key", "expected"),
    [
        pytest.param("", "name", "name", id="top"),
        pytest.param("package", "name", "package.name", id="key"),
        pytest.param("package", 3, "package[3]", id="index"),
        pytest.param("", 0, "[0]", id="index-at-top"),
    ],
)
def test_join_extends_a_dotted_path(at: str, key: str | int, expected: str) -> None:
    assert join(at, key) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", str), (3, int), (1.5, float), (True, bool), ([], list), ({}, dict)],
)
def test_typed_returns_a_value_of_its_kind(value: object, kind: type) -> None:
    assert typed(value, kind, at="x") is value


def test_typed_takes_a_whole_number_as_a_float() -> None:
    found = typed(3, float, at="x")

    assert isinstance(found, float)
    assert found == 3.0


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        pytest.param(3, str, "a.b: expected a string, got a whole number", id="int"),
        pytest.param(True, int, "a.b: expected a whole number, got true or false", id="bool-int"),
        pytest.param(False, float, "a.b: expected a number, got true or false", id="bool-float"),
        pytest.param(1, bool, "a.b: expected true or false, got a whole number", id="int-bool"),
        pytest.param(None, str, "a.b: expected a string, got nothing", id="null"),
        pytest.param([], dict, "a.b: expected a mapping, got a list", id="list"),
        pytest.param(b"", str, "a.b: expected a string, got a bytes", id="foreign"),
    ],
)
def test_typed_says_what_was_expected_and_found(value: object, kind: type, expected: str) -> None:
    with pytest.raises(DecodeError) as raised:
        typed(value, kind, at="a.b")

    assert str(raised.value) == expected


def test_an_error_at_the_top_has_no_path() -> None:
    with pytest.raises(DecodeError) as raised:
        mapping([], at="")

    assert str(raised.value) == "expected a mapping, got a list"


def test_a_key_that_is_no_string_is_told_to_be_quoted() -> None:
    with pytest.raises(DecodeError, match=r"^a: the key 3\.1 is not a string: put it in quotes$"):
        mapping({3.1: "x"}, at="a")


@pytest.mark.parametrize("value", ["text", {"a": 1}, None, 3])
def test_only_a_list_is_a_sequence(value: object) -> None:
    with pytest.raises(DecodeError, match=r"^a: expected a list, got "):
        sequence(value, at="a")


def test_each_gives_every_item_its_index() -> None:
    assert each(["x", "y"], lambda item, at: (item, at), at="a") == (("x", "a[0]"), ("y", "a[1]"))


def test_strings_names_the_item_that_is_none() -> None:
    with pytest.raises(DecodeError, match=r"^a\[1\]: expected a string, got a list$"):
        strings(["x", []], at="a")


def test_string_mapping_names_the_key_whose_value_is_none() -> None:
    with pytest.raises(DecodeError, match=r"^a\.y: expected a string, got a whole number$"):
        string_mapping({"x": "1", "y": 1}, at="a")


def test_required_says_that_a_key_is_missing() -> None:
    with pytest.raises(DecodeError, match=r"^package\[0\]\.url: is missing$"):
        required({}, "url", str, at="package[0]")


def test_required_returns_the_value() -> None:
    assert required({"url": "x"}, "url", str, at="") == "x"


@pytest.mark.parametrize("document", [{}, {"a": None}])
def test_optional_takes_null_as_absent(document: dict[str, object]) -> None:
    assert optional(document, "a", str, at="") is None


def test_optional_checks_what_is_there() -> None:
    with pytest.raises(DecodeError, match=r"^a: expected a string, got a number$"):
        optional({"a": 1.5}, "a", str, at="")


def test_an_unknown_key_is_told_the_nearest_known_one() -> None:
    with pytest.raises(DecodeError, match=r"^x\.chanels: unknown key; did you mean 'channels'\?$"):
        reject_unknown({"chanels": 1}, ("name", "channels"), at="x")


def test_an_unknown_key_near_to_none_is_told_all_of_them() -> None:
    with pytest.raises(DecodeError, match=r"^zzz: unknown key; known keys: name, channels$"):
        reject_unknown({"zzz": 1}, ("name", "channels"), at="")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(value=_JSON)
@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda value: mapping(value, at="x"), id="mapping"),
        pytest.param(lambda value: sequence(value, at="x"), id="sequence"),
        pytest.param(lambda value: strings(value, at="x"), id="strings"),
        pytest.param(lambda value: string_mapping(value, at="x"), id="string-mapping"),
        pytest.param(lambda value: typed(value, float, at="x"), id="number"),
    ],
)
def test_no_document_raises_anything_but_a_decode_error(
    read: Callable[[object], object], value: object
) -> None:
    try:
        read(value)
    except DecodeError as error:
        assert str(error).startswith("x")  # noqa: PT017  (whether it raises depends on the value)


def test_numbers_without_end_are_no_numbers() -> None:
    with pytest.raises(DecodeError, match="life: the number is too large"):
        typed(10**400, float, at="life")
