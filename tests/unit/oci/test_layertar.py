"""What stands in a layer's tar is what others read in it."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.oci.layertar import LONGEST_EXTENSION, open_layer_tar
from tests.fakes.bombs import pax
from tests.fakes.tars import directory, entry, hardlink, layer, symlink

Read = list[tuple[str, bytes, int, int, str, bytes]]


def read(data: bytes) -> Read:
    """Read a layer as its readers do."""
    with open_layer_tar(io.BytesIO(data), what="layer x") as tar:
        found = []
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            content = stream.read() if stream else b""
            found.append(
                (member.name, member.type, member.mode, member.size, member.linkname, content)
            )
        return found


def expected(data: bytes) -> Read:
    """Read a layer as the standard library does that sees all of it."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        found = []
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            content = stream.read() if stream else b""
            found.append(
                (member.name, member.type, member.mode, member.size, member.linkname, content)
            )
        return found


NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=300)
MEMBERS = st.one_of(
    st.builds(lambda name, data: (entry(name, size=len(data)), data), NAMES, st.binary()),
    st.builds(lambda name: (directory(name), b""), NAMES),
    st.builds(lambda name, target: (symlink(name, target), b""), NAMES, NAMES),
    st.builds(lambda name, target: (hardlink(name, target), b""), NAMES, NAMES),
)


@given(
    members=st.lists(MEMBERS, max_size=6),
    kind=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_members_are_those_of_the_standard_library(
    members: list[tuple[tarfile.TarInfo, bytes]], kind: int
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))

    assert read(buffer.getvalue()) == expected(buffer.getvalue())


@given(st.binary(max_size=2048), st.integers(0, 3072))
def test_damage_is_an_error_of_the_image(damage: bytes, at: int) -> None:
    data = bytearray(layer(("a", b"1" * 700), symlink("l" * 150, "a")).getvalue())
    data[at : at + len(damage)] = damage

    with suppress(ImageError):
        read(bytes(data))


def test_the_stream_stays_open() -> None:
    stream = io.BytesIO(layer("a").getvalue())
    with open_layer_tar(stream, what="layer x"):
        pass

    assert not stream.closed


def test_what_engines_take_is_taken() -> None:
    """Go's archive/tar reads extended headers of 1 MiB."""
    keyword = b"1048576 SCHILY.xattr.user.big="
    record = keyword + b"x" * (LONGEST_EXTENSION - len(keyword) - 1) + b"\n"
    data = pax(record) + layer(("f", b"content")).getvalue()

    assert [(each[0], each[5]) for each in read(data)] == [("f", b"content")]


def test_global_headers_are_taken() -> None:
    data = pax(b"20 comment=01234567\n", tarfile.XGLTYPE) + layer("f").getvalue()

    assert [each[0] for each in read(data)] == ["f"]


@pytest.mark.parametrize("depth", [1, 60])
def test_deep_folders_are_taken(depth: int) -> None:
    name = "node_modules/" * depth + "f"

    assert [each[0] for each in read(layer(name).getvalue())] == [name]


def test_what_is_refused_is_explained() -> None:
    with pytest.raises(ImageError, match=r"^layer x has a header of \d+ bytes$") as caught:
        read(entry("x", tarfile.XHDTYPE, size=1 << 30).tobuf())

    assert caught.value.hint
