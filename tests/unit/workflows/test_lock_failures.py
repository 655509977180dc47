from __future__ import annotations

from errno import ENOSPC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import CondaboxError, LockError, RegistryError, SolveError, SpecError
from condabox.workflows.lock_failures import Failures

A, B, C = Path("envs/a.yml"), Path("envs/b.yml"), Path("envs/c.yml")
KINDS = (SpecError, LockError, SolveError, RegistryError)


def raised(*failures: tuple[Path, Exception | None]) -> CondaboxError | None:
    """Return what `Failures` makes of one error, or none, for each environment."""
    found = Failures([environment for environment, _ in failures])
    for environment, error in failures:
        with found.of(environment):
            if error is not None:
                raise error
    try:
        found.check()
    except CondaboxError as error:
        return error
    return None


def test_nothing_is_raised_where_nothing_failed() -> None:
    assert raised((A, None), (B, None)) is None


def test_a_single_environment_has_its_error_as_it_is() -> None:
    error = SolveError("no solution", hint="loosen a version")

    assert raised((A, error)) is error


def test_each_failure_names_its_file_and_keeps_its_hint() -> None:
    found = raised(
        (A, SolveError("linux-64: no solution", hint="loosen a version")),
        (B, None),
        (C, SpecError("envs/c.yml: names no package", hint="name one")),
    )

    assert isinstance(found, SolveError)
    assert found.message.splitlines() == [
        "envs/a.yml: linux-64: no solution",
        "  hint: loosen a version",
        "envs/c.yml: names no package",
    ]
    assert found.hint == "name one"


def test_what_is_wrong_with_many_is_told_once() -> None:
    down = [RegistryError("the channel is down", hint="try again") for _ in range(2)]
    found = raised((A, down[0]), (B, down[1]), (C, SolveError("no solution")))

    assert isinstance(found, RegistryError)
    assert found.message.splitlines() == [
        "envs/a.yml, envs/b.yml: the channel is down",
        "  hint: try again",
        "envs/c.yml: no solution",
    ]
    assert found.hint is None


def test_a_fault_of_the_system_names_the_lock() -> None:
    found = raised((A, OSError(ENOSPC, "No space left on device", "solver")))

    assert isinstance(found, LockError)
    assert found.message == (
        "envs/a.conda-lock.yml cannot be made: solver: No space left on device"
    )


def test_an_interruption_is_no_failure() -> None:
    with pytest.raises(KeyboardInterrupt), Failures([A]).of(A):
        raise KeyboardInterrupt


@given(st.lists(st.none() | st.sampled_from(KINDS), min_size=1, max_size=6))
def test_every_failure_is_told_and_the_first_one_decides(
    kinds: list[type[CondaboxError] | None],
) -> None:
    failures = [
        (Path(f"{number}.yml"), kind(f"problem {number}") if kind else None)
        for number, kind in enumerate(kinds)
    ]
    found = raised(*failures)

    failed = [number for number, kind in enumerate(kinds) if kind]
    if found is None:
        assert not failed
        return
    assert type(found) is kinds[failed[0]]
    told = [f"problem {number}" in found.message for number in range(len(kinds))]
    assert told == [bool(kind) for kind in kinds]
