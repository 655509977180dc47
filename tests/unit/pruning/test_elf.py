from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.pruning.elf import read_elf
from condabox.pruning.facts import ElfFacts
from tests.fakes.elf import AARCH64, ARM, NEEDED, S390, STRTAB, X86_64, make_library

PROGRAM_HEADERS_AT, PROGRAM_HEADERS = 32, 56
"""Offsets of ``e_phoff`` and ``e_phnum`` in a header of 64 bits."""

DYNAMIC_SEGMENT = 64 + 56
FIRST_ENTRY = 64 + 2 * 56

LIBRARY = make_library(
    soname="liba.so.1", needed=["libb.so.2", "libc.so.6"], runpath="$ORIGIN/../lib:/usr/lib"
)
FACTS = ElfFacts(
    soname="liba.so.1",
    needed=("libb.so.2", "libc.so.6"),
    runpath=("$ORIGIN/../lib", "/usr/lib"),
    machine="EM_X86_64",
)


def read(data: bytes) -> ElfFacts | None:
    return read_elf(io.BytesIO(data))


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def number(value: int, size: str = "Q") -> bytes:
    return struct.pack(f"<{size}", value)


def test_facts_of_a_library() -> None:
    assert read(LIBRARY) == FACTS


@pytest.mark.parametrize(
    ("machine", "bits", "order", "name"),
    [
        (X86_64, 64, "<", "EM_X86_64"),
        (AARCH64, 64, "<", "EM_AARCH64"),
        (S390, 64, ">", "EM_S390"),
        (ARM, 32, "<", "EM_ARM"),
        (0xFEED, 64, "<", "65261"),
    ],
)
def test_files_of_every_machine(machine: int, bits: int, order: str, name: str) -> None:
    data = make_library(
        soname="s", needed=["n"], rpath="r", machine=machine, bits=bits, order=order
    )

    assert read(data) == ElfFacts(soname="s", needed=("n",), runpath=("r",), machine=name)


@pytest.mark.parametrize(
    ("rpath", "runpath", "expected"),
    [
        (None, None, ()),
        ("/a:/b", None, ("/a", "/b")),
        ("/a", "/b", ("/b",)),
        ("/a", "", ()),
        (None, ":$ORIGIN::${ORIGIN}/x:", ("$ORIGIN", "${ORIGIN}/x")),
    ],
)
def test_runpath_counts_before_rpath(
    rpath: str | None, runpath: str | None, expected: tuple[str, ...]
) -> None:
    found = read(make_library(rpath=rpath, runpath=runpath))

    assert found is not None
    assert found.runpath == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(LIBRARY[:FIRST_ENTRY], id="ends-before-the-dynamic-section"),
        pytest.param(LIBRARY[:70], id="ends-in-the-program-headers"),
        pytest.param(changed(LIBRARY, PROGRAM_HEADERS_AT, number(1 << 63)), id="headers-nowhere"),
        pytest.param(changed(LIBRARY, PROGRAM_HEADERS, number(0, "H")), id="no-headers"),
        pytest.param(
            changed(LIBRARY, DYNAMIC_SEGMENT + 8, number(2**64 - 1)), id="section-nowhere"
        ),
        pytest.param(changed(LIBRARY, DYNAMIC_SEGMENT + 32, number(0)), id="section-empty"),
    ],
)
def test_what_remains_of_a_damaged_file_counts(data: bytes) -> None:
    assert read(data) == ElfFacts(soname=None, needed=(), runpath=(), machine="EM_X86_64")


def test_a_string_outside_of_the_file_is_left_out() -> None:
    data = changed(LIBRARY, FIRST_ENTRY, number(NEEDED) + number(2**64 - 1))

    found = read(data)

    assert found is not None
    assert found.needed == ("libc.so.6",)


def test_a_string_without_an_end_is_left_out() -> None:
    found = read(LIBRARY[:-1])

    assert found is not None
    assert (found.needed, found.runpath) == (FACTS.needed, ())


def test_strings_that_are_in_no_segment_are_left_out() -> None:
    at = LIBRARY.index(number(STRTAB), FIRST_ENTRY)

    found = read(changed(LIBRARY, at + 8, number(1)))

    assert found is not None
    assert (found.soname, found.needed) == (None, ())


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", LIBRARY[:60], b"\x7fELF" + b"\xff" * 200, b"#!/bin/sh\n" * 9]
)
def test_what_has_no_header_has_no_facts(data: bytes) -> None:
    assert read(data) is None


def test_tables_that_claim_to_be_huge_are_not_read_to_their_end() -> None:
    endless = changed(LIBRARY, DYNAMIC_SEGMENT + 32, number(2**64 - 1))
    at = endless.index(number(0) * 2, FIRST_ENTRY)
    endless = changed(endless, at, number(NEEDED) * 2) + number(NEEDED) * 2 * 100_000
    crowded = changed(LIBRARY, PROGRAM_HEADERS, number(0xFFFF, "H")) + bytes(56) * 0xFFFF

    found = read(endless)

    assert found is not None
    assert len(found.needed) <= 4096
    assert read(crowded) == FACTS


def test_little_of_a_large_file_is_read() -> None:
    stream = Stream(make_library(soname="large", needed=["n"], padding=10 << 20))

    found = read_elf(stream)

    assert found is not None
    assert (found.soname, found.needed) == ("large", ("n",))
    assert stream.read_bytes < 64 << 10


@given(st.data())
def test_no_damage_is_an_error(data: st.DataObject) -> None:
    damaged = bytearray(LIBRARY)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8) | st.just(b"\xff" * 8))
        damaged[at : at + len(new)] = new
    end = data.draw(st.integers(0, len(damaged)))

    read(bytes(damaged[:end]))


class Stream(io.BytesIO):
    """Counts what is read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data
