"""Shared objects made without a compiler, and what the loader reads of any."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from condabox.platforms import host_subdir
from tests.world.architectures import ARCHITECTURES
from tests.world.elf import data_library, read_dynamic

if TYPE_CHECKING:
    from pathlib import Path

SYMBOLS = {"first": b"one\0", "second": b"two\0", "third": (42).to_bytes(4, "little")}


@pytest.mark.skipif(host_subdir() not in ARCHITECTURES, reason="not an architecture of the world")
def test_the_loader_finds_every_symbol_of_a_data_library(tmp_path: Path) -> None:
    machine = ARCHITECTURES[host_subdir()].elf_machine
    path = tmp_path / "libdemo.so.1"
    path.write_bytes(data_library(elf_machine=machine, soname=path.name, symbols=SYMBOLS))

    library = ctypes.CDLL(str(path))

    values = {
        name: ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(library, name)), len(value))
        for name, value in SYMBOLS.items()
    }
    assert values == SYMBOLS


@pytest.mark.parametrize(("machine", "name"), [(62, "EM_X86_64"), (183, "EM_AARCH64")])
def test_others_read_a_data_library_too(tmp_path: Path, machine: int, name: str) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(data_library(elf_machine=machine, soname="libx.so.1", symbols=SYMBOLS))

    with path.open("rb") as stream:
        elf = ELFFile(stream)
        kinds = [segment["p_type"] for segment in elf.iter_segments()]

    assert elf["e_machine"] == name
    assert kinds == ["PT_LOAD", "PT_DYNAMIC", "PT_GNU_STACK"]
    dynamic = read_dynamic(path)
    assert dynamic is not None
    assert (dynamic.soname, dynamic.needed, dynamic.search_path) == ("libx.so.1", (), "")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20])
def test_what_is_no_elf_file_asks_for_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert read_dynamic(path) is None
