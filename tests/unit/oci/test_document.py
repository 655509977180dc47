"""JSON that is written in one way."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from condabox.oci.document import canonical_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def test_canonical_json_is_one_line_with_sorted_keys() -> None:
    assert canonical_json({"b": [1, "ü"], "a": None}) == rb'{"a":null,"b":[1,"\u00fc"]}'


@given(json_values)
def test_canonical_json_round_trips(value: object) -> None:
    assert json.loads(canonical_json(value)) == value
