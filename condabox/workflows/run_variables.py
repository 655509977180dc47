"""The variables of a container, as ``--env`` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def check_variable(text: str) -> None:
    """Raise SpecError where ``text`` is neither ``NAME=value`` nor ``NAME``."""
    if text.startswith("=") or not text:
        raise SpecError(f"{text!r} is not a variable", hint="write it like NAME=value")


def resolve_env(wanted: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of ``NAME=value`` and ``NAME``, the latter where ``env`` has it."""
    resolved = {}
    for text in wanted:
        name, given, value = text.partition("=")
        if given:
            resolved[name] = value
        elif name in env:
            resolved[name] = env[name]
    return resolved
