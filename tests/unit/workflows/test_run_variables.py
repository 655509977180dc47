"""What ``--env`` may say."""

from __future__ import annotations

import pytest

from condabox.errors import SpecError
from condabox.workflows.run_variables import check_variable, resolve_env


def test_variables_are_given_or_taken_from_here() -> None:
    resolved = resolve_env(["A=1", "B", "C", "D=", "E=x=y"], {"A": "host", "B": "host"})

    assert resolved == {"A": "1", "B": "host", "D": "", "E": "x=y"}


@pytest.mark.parametrize("text", ["A=1", "A", "A=", "A==x"])
def test_a_variable_has_a_name(text: str) -> None:
    check_variable(text)


@pytest.mark.parametrize("text", ["", "=x", "="])
def test_what_is_no_variable_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="variable"):
        check_variable(text)
