"""The group that terminals belong to, in containers where nobody can be in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from condabox.development.container.places import System

_TERMINALS = re.compile(rb"tty:[^:\n]*:([0-9]{1,10}):.*\n?")
"""Its line of group(5)."""


def without_unmapped_terminals(system: System) -> bytes | None:
    """Return what is in /etc/group but for that group, None where it does no harm.

    sshd gives each terminal to it, and to the user's own group where there is none.  In a user
    namespace of a single user the kernel does not let it, as user_namespaces(7) has it.
    """
    try:
        groups = system.at("/etc/group").read_bytes()
        maps = system.at("/proc/self/gid_map").read_bytes()
    except FileNotFoundError:
        return None
    lines = groups.splitlines(keepends=True)
    found = [
        line
        for line in lines
        if (group := _TERMINALS.fullmatch(line)) and not _is_mapped(int(group[1]), maps)
    ]
    return b"".join(line for line in lines if line not in found) if found else None


def _is_mapped(gid: int, maps: bytes) -> bool:
    ranges = (map(int, line.split()) for line in maps.splitlines())
    return any(first <= gid < first + length for first, _, length in ranges)
