"""Who may log in: the public keys that were given, in whatever way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from condabox.development.container.folder import read_file
from condabox.development.container.keygen import Keygen
from condabox.development.container.places import KEYS, SECRETS
from condabox.development.container.words import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from condabox.development.container.places import System

NO_KEYS = (
    f"it was given no key, neither in {KEYS} nor {SECRETS}/authorized_keys "
    "nor ~/.ssh/authorized_keys"
)


def authorized_keys(system: System, *, env: Mapping[str, str], home: Path) -> tuple[bytes, ...]:
    """Return the lines of all that was given and is a public key, each of them once.

    They go into a file of ours: engines and volumes give those of others modes that sshd refuses.
    """
    found: list[bytes] = []
    keygen = Keygen(program=system.tool("ssh-keygen"), env=env)
    for source, text in _given(system, env=env, home=home):
        lines = _lines(text)
        are_keys = keygen.public_keys(list(lines.values())) if lines else ()
        others = [str(number) for number, is_key in zip(lines, are_keys, strict=True) if not is_key]
        if others:
            # what stands there may be secret, as the other half of a key is
            say(f"{source} has no public key in line {', '.join(others)}")
        found += (line for line, is_key in zip(lines.values(), are_keys, strict=True) if is_key)
    return tuple(dict.fromkeys(found))


def _given(system: System, *, env: Mapping[str, str], home: Path) -> Iterator[tuple[str, bytes]]:
    yield KEYS, os.fsencode(env.get(KEYS, ""))
    for path in (system.at(f"{SECRETS}/authorized_keys"), home / ".ssh" / "authorized_keys"):
        try:
            yield str(path), read_file(path) or b""
        except OSError as error:
            say(f"{path} has no key that counts: {error.strerror}")


def _lines(text: bytes) -> dict[int, bytes]:
    """Return by number what is neither empty nor a comment."""
    lines = enumerate((line.strip() for line in text.split(b"\n")), start=1)
    return {number: line for number, line in lines if line and not line.startswith(b"#")}
