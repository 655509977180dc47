"""Read what the dynamic loader reads of an ELF file, and write a shared object of data alone."""

from __future__ import annotations

import itertools
import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Buffer = mmap.mmap | bytes | bytearray

MAGIC = b"\x7fELF"

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_SYMBOL = struct.Struct("<IBBHQQ")

LOAD, _DYNAMIC_SEGMENT, _GNU_STACK = 1, 2, 0x6474E551
_NULL, _NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT = 0, 1, 4, 5, 6, 10, 11
_SONAME, _RPATH, _RUNPATH = 14, 15, 29
_SHARED_OBJECT = 3
_READ_WRITE = 6
_SEGMENTS = 3
# Data alone is the same on every page size; this is the largest that Linux has on arm64.
_PAGE = 0x10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A program header: bytes of the file, and where they lie in memory."""

    kind: int
    offset: int
    address: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """A dynamically linked file's needs: library names, and where it looks for them itself."""

    needed: tuple[str, ...]
    search_path: str
    soname: str | None


def read_dynamic(path: Path) -> Dynamic | None:
    """Return what ``path`` asks of the loader; None when it is no 64 bit dynamic ELF file."""
    if path.stat().st_size < _HEADER.size:
        return None
    with path.open("rb") as stream:
        if stream.read(4) != MAGIC:
            return None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as image:
            return _parse(image)


def data_library(*, elf_machine: int, soname: str, symbols: Mapping[str, bytes]) -> bytes:
    """Make a shared object that holds ``symbols`` and no code, so that no compiler is needed.

    Its one segment is read with `dlsym`; section headers, which only linkers read, it has none.
    """
    strings = _Strings()
    soname_at = strings.add(soname)
    names = [strings.add(name) for name in symbols]
    hashes = _hash_table(len(symbols))

    dynamic_at = _HEADER.size + _SEGMENTS * _SEGMENT.size
    hash_at = dynamic_at + 7 * _DYNAMIC.size
    symbols_at = _aligned(hash_at + len(hashes))
    strings_at = symbols_at + (1 + len(symbols)) * _SYMBOL.size
    data_at = _aligned(strings_at + len(strings.data))

    table, data = bytearray(_SYMBOL.size), bytearray()
    for name_at, value in zip(names, symbols.values(), strict=True):
        # STB_GLOBAL, STT_OBJECT; any section index but SHN_UNDEF makes the symbol a defined one.
        table += _SYMBOL.pack(name_at, 0x11, 0, 1, data_at + len(data), len(value))
        data += value
    dynamic = {
        _SONAME: soname_at,
        _HASH: hash_at,
        _STRTAB: strings_at,
        _SYMTAB: symbols_at,
        _STRSZ: len(strings.data),
        _SYMENT: _SYMBOL.size,
        _NULL: 0,
    }
    size = data_at + len(data)
    image = bytearray(size)
    for at, piece in (
        (
            0,
            _headers(
                elf_machine, dynamic_at=dynamic_at, dynamic_size=hash_at - dynamic_at, size=size
            ),
        ),
        (dynamic_at, b"".join(_DYNAMIC.pack(*row) for row in dynamic.items())),
        (hash_at, hashes),
        (symbols_at, table),
        (strings_at, strings.data),
        (data_at, data),
    ):
        image[at : at + len(piece)] = piece
    return bytes(image)


class _Strings:
    """A string table: what is added stands at the offset that is returned."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0")

    def add(self, text: str) -> int:
        start = len(self.data)
        self.data += text.encode() + b"\0"
        return start


def _hash_table(symbols: int) -> bytes:
    """Return a hash table of one bucket, which chains all symbols: gABI chapter 5."""
    chain = (0, *range(2, symbols + 1), 0)
    return struct.pack(f"<{4 + symbols}I", 1, 1 + symbols, 1, *chain)


def _headers(elf_machine: int, *, dynamic_at: int, dynamic_size: int, size: int) -> bytes:
    header = (
        MAGIC + b"\x02\x01\x01" + bytes(9), _SHARED_OBJECT, elf_machine, 1, 0, _HEADER.size, 0, 0,
        _HEADER.size, _SEGMENT.size, _SEGMENTS, 0, 0, 0,
    )  # fmt: skip
    where = (dynamic_at, dynamic_at, dynamic_at, dynamic_size, dynamic_size)
    return (
        _HEADER.pack(*header)
        + _SEGMENT.pack(LOAD, _READ_WRITE, 0, 0, 0, size, size, _PAGE)
        + _SEGMENT.pack(_DYNAMIC_SEGMENT, _READ_WRITE, *where, 8)
        + _SEGMENT.pack(_GNU_STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16)
    )


def read_segments(image: Buffer) -> tuple[Segment, ...]:
    """Return the program headers of a 64 bit little endian file; none of what is not one."""
    header = _HEADER.unpack_from(image)
    if header[0][:6] != MAGIC + b"\x02\x01":
        return ()
    rows = (
        _SEGMENT.unpack_from(image, header[5] + index * header[9]) for index in range(header[10])
    )
    return tuple(Segment(kind=row[0], offset=row[2], address=row[3], size=row[5]) for row in rows)


def read_entries(image: Buffer) -> tuple[tuple[int, int], ...]:
    """Return the tags and values of the dynamic section, if there is one."""
    table = next((each for each in read_segments(image) if each.kind == _DYNAMIC_SEGMENT), None)
    if table is None:
        return ()
    rows = (
        _DYNAMIC.unpack_from(image, at)
        for at in range(table.offset, table.offset + table.size, _DYNAMIC.size)
    )
    return tuple(itertools.takewhile(lambda row: row[0] != _NULL, rows))


def _aligned(offset: int) -> int:
    return (offset + 7) // 8 * 8


def _parse(image: mmap.mmap) -> Dynamic | None:
    entries = read_entries(image)
    values = dict(entries)
    if _STRTAB not in values:
        return None
    names = next(
        values[_STRTAB] - segment.address + segment.offset
        for segment in read_segments(image)
        if segment.kind == LOAD
        and segment.address <= values[_STRTAB] < segment.address + segment.size
    )

    def text(offset: int) -> str:
        start = names + offset
        return image[start : image.find(b"\0", start)].decode()

    own_path = values.get(_RPATH, values.get(_RUNPATH))
    return Dynamic(
        needed=tuple(text(value) for tag, value in entries if tag == _NEEDED),
        search_path="" if own_path is None else text(own_path),
        soname=text(values[_SONAME]) if _SONAME in values else None,
    )
