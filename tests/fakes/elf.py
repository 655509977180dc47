"""Makes shared objects that consist of what the dynamic linker reads of others, and nothing else.

    data = make_library(soname="liba.so.1", needed=["libb.so.2"], runpath="$ORIGIN/../lib")

It cannot be loaded: there are no symbols in it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

X86_64, AARCH64, S390, ARM = 62, 183, 22, 40

NEEDED, STRTAB, SONAME, RPATH, RUNPATH = 1, 5, 14, 15, 29

_LOAD, _DYNAMIC = 1, 2
_BASE = 0x10000
"""Where the file lies in memory, so that addresses are no offsets."""


def make_library(
    *,
    soname: str | None = None,
    needed: Sequence[str] = (),
    runpath: str | None = None,
    rpath: str | None = None,
    machine: int = X86_64,
    bits: int = 64,
    order: str = "<",
    padding: int = 0,
) -> bytes:
    """Return an ELF file; ``order`` is that of bytes, as `struct` has it.

    ``padding`` bytes lie between its tables and its strings, as code does.
    """
    wanted = [(NEEDED, name) for name in needed]
    wanted += [(SONAME, soname)] if soname is not None else []
    wanted += [(RPATH, rpath)] if rpath is not None else []
    wanted += [(RUNPATH, runpath)] if runpath is not None else []
    texts = bytearray(b"\0")
    entries = []
    for tag, text in wanted:
        entries.append((tag, len(texts)))
        texts += text.encode() + b"\0"

    word = "Q" if bits == 64 else "I"
    header = struct.Struct(f"{order}16sHHI{word}{word}{word}IHHHHHH")
    segment = struct.Struct(f"{order}IIQQQQQQ" if bits == 64 else f"{order}IIIIIIII")
    entry = struct.Struct(f"{order}{word}{word}")
    dynamic_at = header.size + 2 * segment.size
    dynamic_size = (len(entries) + 2) * entry.size
    texts_at = dynamic_at + dynamic_size + padding
    size = texts_at + len(texts)
    entries += [(STRTAB, _BASE + texts_at), (0, 0)]

    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    sizes = (header.size, segment.size, 2, 0, 0, 0)
    return b"".join(
        (
            header.pack(ident, 3, machine, 1, 0, header.size, 0, 0, *sizes),
            segment.pack(*_segment(_LOAD, 0, size, bits=bits)),
            segment.pack(*_segment(_DYNAMIC, dynamic_at, dynamic_size, bits=bits)),
            *(entry.pack(*row) for row in entries),
            bytes(padding),
            bytes(texts),
        )
    )


def _segment(kind: int, at: int, size: int, *, bits: int) -> tuple[int, ...]:
    where = (at, _BASE + at, _BASE + at, size, size)
    return (kind, 4, *where, 8) if bits == 64 else (kind, *where, 4, 8)
