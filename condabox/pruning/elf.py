"""Reads of an ELF file what the dynamic linker needs of others, and believes nothing in it.

Only the header, the program headers, the dynamic section and its strings are looked at, as a
loader does: sections may be missing (gABI, chapter 5, "Program Loading and Dynamic Linking").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile

from condabox.pruning.facts import ElfFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elftools.construct import Construct

MAGIC = b"\x7fELF"

# More than any file has: libraries have a dozen segments, and some forty entries.
_MOST_SEGMENTS = 1024
_MOST_ENTRIES = 4096
_LONGEST_STRING = 4096


def read_elf(stream: IO[bytes]) -> ElfFacts | None:
    """Return what ``stream`` says; None when not even its header can be read.

    Of a truncated or damaged file what can be read counts.  ``stream`` must be seekable; a few
    kilobytes of it are read, whatever its size.
    """
    try:
        elf = ELFFile(stream)
    except ELFError:
        return None
    image = _Image(elf=elf, stream=stream)
    entries = tuple(image.entries())
    names = image.string_table(entries)

    def strings(tag: str) -> tuple[str, ...]:
        if names is None:
            return ()
        found = (image.string(names + value) for key, value in entries if key == tag)
        return tuple(text for text in found if text is not None)

    # glibc looks at RPATH only where there is no RUNPATH, empty or not.
    search = strings("DT_RUNPATH") or strings("DT_RPATH")
    return ElfFacts(
        soname=next(iter(strings("DT_SONAME")), None),
        needed=strings("DT_NEEDED"),
        runpath=tuple(folder for each in search for folder in each.split(":") if folder),
        machine=str(elf["e_machine"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """The tables of an ELF file, which end where the file ends, whatever they say."""

    elf: ELFFile
    stream: IO[bytes]

    def entries(self) -> Iterator[tuple[str, int]]:
        """Yield tags and values of the dynamic section."""
        table = next(self._segments("PT_DYNAMIC"), None)
        if table is None:
            return
        struct = self.elf.structs.Elf_Dyn
        count = min(table["p_filesz"] // struct.sizeof(), _MOST_ENTRIES)
        for row in self._rows(struct, at=table["p_offset"], each=struct.sizeof(), count=count):
            if row["d_tag"] == "DT_NULL":
                return
            yield str(row["d_tag"]), row["d_val"]

    def string_table(self, entries: Iterable[tuple[str, int]]) -> int | None:
        """Return where in the file the strings of ``entries`` are."""
        address = next((value for tag, value in entries if tag == "DT_STRTAB"), None)
        if address is None:
            return None
        for segment in self._segments("PT_LOAD"):
            offset: int = address - segment["p_vaddr"]
            if 0 <= offset < segment["p_filesz"]:
                return offset + int(segment["p_offset"])
        return None

    def string(self, at: int) -> str | None:
        """Return the string at ``at``; None for one that does not end."""
        if not 0 <= at < self.elf.stream_len:
            return None
        self.stream.seek(at)
        text, end, _ = self.stream.read(_LONGEST_STRING).partition(b"\0")
        return text.decode(errors="replace") if end else None

    def _segments(self, kind: str) -> Iterator[Any]:
        header = self.elf.header
        count = min(header["e_phnum"], _MOST_SEGMENTS)
        struct = self.elf.structs.Elf_Phdr
        rows = self._rows(struct, at=header["e_phoff"], each=header["e_phentsize"], count=count)
        return (row for row in rows if row["p_type"] == kind)

    def _rows(self, struct: Construct, *, at: int, each: int, count: int) -> Iterator[Any]:
        end = self.elf.stream_len - struct.sizeof()
        for offset in (at + number * each for number in range(count)):
            if offset > end:
                return
            yield struct_parse(struct, self.stream, stream_pos=offset)
