from __future__ import annotations

from typing import TYPE_CHECKING

from condabox import errors
from condabox.errors import CondaboxError

if TYPE_CHECKING:
    from collections.abc import Iterator


def below(error: type[CondaboxError]) -> Iterator[type[CondaboxError]]:
    for child in error.__subclasses__():
        yield child
        yield from below(child)


def test_each_kind_of_error_has_its_own_exit_code() -> None:
    codes = [kind.exit_code for kind in CondaboxError.__subclasses__()]

    assert sorted(codes) == list(range(3, 12))


def test_a_narrower_error_keeps_the_code_of_its_kind() -> None:
    for kind in CondaboxError.__subclasses__():
        assert {each.exit_code for each in below(kind)} <= {kind.exit_code}


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert errors.__doc__ is not None

    assert [
        each.__name__ for each in below(CondaboxError) if each.__name__ not in errors.__doc__
    ] == []
