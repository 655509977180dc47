"""How long a registry wants to be waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.registry.messages import may_pass, parse_retry_after


@pytest.mark.parametrize(
    "form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]
)
def test_all_forms_of_dates_are_understood(form: str) -> None:
    """RFC 9110 §5.6.7: two of them are old, and have to be read all the same."""
    date = (datetime.now(UTC) + timedelta(seconds=3600)).strftime(form)

    assert 3500 < parse_retry_after(date) <= 3600


WORDS = st.sampled_from(
    [
        *("Fri,", "Mon", "0", "1", "31", "99", "Dec", "Jan", "0000", "2025", "9999", "9" * 30),
        *("-99999999999", "23:59:59", "24:00", "GMT", "EST", "-0000", "+2359", "+99999999999"),
    ]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=9).map(" ".join))
def test_whatever_a_registry_writes_is_a_time_or_none(value: str) -> None:
    assert parse_retry_after(value) >= 0


def test_what_is_too_long_is_not_waited_for() -> None:
    assert may_pass(503, wait=parse_retry_after("60"))
    assert not may_pass(503, wait=parse_retry_after("9" * 400))
    assert not may_pass(503, wait=parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT"))
