"""A module that is frozen into an interpreter can be taken out of its table."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from tests.world.elf import data_library
from tests.world.errors import WorldError
from tests.world.frozen import forget_frozen

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = struct.Struct("<QQQQ")
NAMES = b"os\0no_site\0stat\0"


def executable(names: bytes) -> bytes:
    """Return a file whose table has `os`, `site` and `stat`, as far as ``names`` spells them so."""

    def build(at: int) -> bytes:
        table = b"".join(ENTRY.pack(at + offset, 1, 2, 3) for offset in (0, 6, 11))
        return data_library(elf_machine=62, soname="x", symbols={"names": names, "table": table})

    # The address of a library's data does not depend on what it holds.
    return build(build(0).index(names))


def test_the_entry_takes_the_name_of_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_bytes(executable(NAMES))

    forget_frozen(path, "site", previous="os")

    data = path.read_bytes()
    first = data.index(NAMES)
    table = first + len(NAMES)
    named = [ENTRY.unpack_from(data, table + index * ENTRY.size)[0] for index in range(3)]
    assert named == [first, first, first + 11]


def test_a_file_without_the_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_bytes(executable(b"re\0no_site\0stat\0"))

    with pytest.raises(WorldError, match="python has no table of frozen modules with os and site"):
        forget_frozen(path, "site", previous="os")
