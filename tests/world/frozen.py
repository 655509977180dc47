"""Make an interpreter forget a module that is frozen into it, so that the file is imported instead.

Debian's `site` is compiled into the binary, beside the file: CPython's table of frozen modules is
an array of structures whose first member points to the name.  The entry of one module is made to
carry the name of the one before it, which leaves a duplicate that nothing ever reaches.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from tests.world.elf import LOAD, read_entries, read_segments
from tests.world.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.world.elf import Segment

# CPython's Include/cpython/import.h: struct _frozen { name, code, size, is_package, get_code }.
_ENTRY = 32
_POINTER = struct.Struct("<Q")
_RELOCATION = struct.Struct("<QQQ")
_RELA, _RELASZ = 7, 8
_RELATIVE = {8, 1027}  # R_X86_64_RELATIVE, R_AARCH64_RELATIVE


def forget_frozen(path: Path, name: str, *, previous: str) -> None:
    """Take ``name``, the entry after ``previous``, out of the frozen modules of ``path``."""
    data = bytearray(path.read_bytes())
    segments = [segment for segment in read_segments(data) if segment.kind == LOAD]
    pointers = _relocated_pointers(data, segments) or _plain_pointers(data, segments, name)

    def named(slot: int) -> str:
        if slot not in pointers:
            return ""
        (address,) = _POINTER.unpack_from(data, pointers[slot])
        start = _offset(segments, address)
        return "" if start is None else data[start : data.find(b"\0", start)].decode("latin-1")

    found = [slot for slot in pointers if named(slot) == name and named(slot - _ENTRY) == previous]
    if len(found) != 1:
        raise WorldError(f"{path.name} has no table of frozen modules with {previous} and {name}")
    target, source = pointers[found[0]], pointers[found[0] - _ENTRY]
    data[target : target + _POINTER.size] = data[source : source + _POINTER.size]
    path.write_bytes(data)


def _relocated_pointers(data: bytearray, segments: Sequence[Segment]) -> dict[int, int]:
    """Map the address of each pointer that the loader fills in to where its value is kept."""
    values = dict(read_entries(data))
    start = _offset(segments, values.get(_RELA, 0))
    found = {}
    for at in range(start, start + values.get(_RELASZ, 0), _RELOCATION.size) if start else ():
        address, info, _ = _RELOCATION.unpack_from(data, at)
        if info in _RELATIVE:
            found[address] = at + 16
    return found


def _plain_pointers(data: bytearray, segments: Sequence[Segment], name: str) -> dict[int, int]:
    """Do the same where nothing is relocated: pointers to ``name``, and those an entry before."""
    found = {}
    for match in re.finditer(re.escape(f"{name}\0".encode()), data):
        address = _address(segments, match.start())
        for pointer in re.finditer(re.escape(_POINTER.pack(address)), data) if address else ():
            slot = _address(segments, pointer.start())
            if slot is not None:
                found[slot] = pointer.start()
                found[slot - _ENTRY] = pointer.start() - _ENTRY
    return found


def _offset(segments: Sequence[Segment], address: int) -> int | None:
    for segment in segments:
        if segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    return None


def _address(segments: Sequence[Segment], offset: int) -> int | None:
    for segment in segments:
        if segment.offset <= offset < segment.offset + segment.size:
            return offset - segment.offset + segment.address
    return None
