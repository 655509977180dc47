"""Who may log in: the public keys that were given, in whatever way."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from condabox.development.container.folder import read_file
from condabox.development.container.keygen import Keygen, fingerprint
from condabox.development.container.places import KEYS, SECRETS
from condabox.development.container.words import say

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from condabox.development.container.places import System

NO_KEYS = (
    f"it was given no key, neither in {KEYS} nor {SECRETS}/authorized_keys "
    "nor ~/.ssh/authorized_keys"
)

_SWITCHES = frozenset(
    {
        b"agent-forwarding",
        b"port-forwarding",
        b"pty",
        b"touch-required",
        b"user-rc",
        b"verify-required",
        b"x11-forwarding",
    }
)
_OPTIONS = (
    _SWITCHES
    | {b"no-" + name for name in _SWITCHES}
    | {
        b"cert-authority",
        b"command=",
        b"environment=",
        b"expiry-time=",
        b"from=",
        b"permitlisten=",
        b"permitopen=",
        b"principals=",
        b"restrict",
        b"tunnel=",
    }
)
"""What may stand before a key, by AUTHORIZED_KEYS FILE FORMAT of sshd(8), up to its value.

Where there is another one, sshd lets nobody in by the line.
"""
# neither a quote after a backslash nor what stands between quotes is an end
_PIECE = rb'[^"\\ \t,]|\\"?+|"(?:[^"\\]|\\"?+)*+"'
_OPTION = re.compile(rb"(?:%b)++" % _PIECE)
_BEFORE = re.compile(rb"((?:%b|,)++)[ \t]++" % _PIECE)
_KEY = re.compile(rb"[!-~]++[ \t]++(\S++)")
"""Its kind, and itself in base64."""


def authorized_keys(system: System, *, env: Mapping[str, str], home: Path) -> tuple[bytes, ...]:
    """Return the lines of all that was given and is a public key, each of them once.

    They go into a file of ours: engines and volumes give those of others modes that sshd refuses.
    """
    found: list[bytes] = []
    keygen = Keygen(program=system.tool("ssh-keygen"), env=env)
    for source, text in _given(system, env=env, home=home):
        lines = _lines(text)
        known = keygen.fingerprints(list(lines.values())) if lines else frozenset()
        keys = {number: line for number, line in lines.items() if _lets_in(line, known)}
        if others := [str(number) for number in lines if number not in keys]:
            # what stands there may be secret, as the other half of a key is
            say(f"{source} has no public key in line {', '.join(others)}")
        found += keys.values()
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


def _lets_in(line: bytes, known: Collection[str]) -> bool:
    """Tell whether sshd finds one of the ``known`` keys in ``line``, and takes its options."""
    if _begins_with_key(line, known):
        return True
    before = _BEFORE.match(line)
    if before is None or not _begins_with_key(line[before.end() :], known):
        return False
    options = _OPTION.findall(before[1])
    return all(option.partition(b'"')[0].lower() in _OPTIONS for option in options)


def _begins_with_key(text: bytes, known: Collection[str]) -> bool:
    key = _KEY.match(text)
    return key is not None and fingerprint(key[1]) in known
