"""Layers of a few kilobytes that would become gigabytes in memory, or never end."""

from __future__ import annotations

import tarfile
import zlib
from functools import cache
from itertools import chain, repeat
from typing import TYPE_CHECKING

from condabox.oci.config import ContainerConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import new_image
from condabox.oci.layer import Layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import OCI_LAYER_GZIP
from tests.fakes.images import AMD64, EPOCH
from tests.fakes.tars import entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from condabox.oci.image import Image

SIZE = 64 << 20
"""Bytes that each bomb has at least, uncompressed, where it is made of bytes."""
_ZEROS = bytes(1 << 20)


def long_extension(kind: bytes, data: bytes = _ZEROS) -> Iterator[bytes]:
    """Yield one extended header of ``SIZE`` bytes."""
    yield entry("x", kind, size=SIZE).tobuf(tarfile.GNU_FORMAT)
    yield from repeat(data, SIZE >> 20)


def many_extensions() -> Iterator[bytes]:
    """Yield a header that is about a header, ten thousand times."""
    yield from repeat(pax(b"13 comment=x\n"), 10_000)


def many_globals() -> Iterator[bytes]:
    """Yield global headers whose keywords are all remembered."""
    for number in range(SIZE >> 15):
        yield pax(b"32768 key%05d=" % number + b"x" * 32752 + b"\n", tarfile.XGLTYPE)
        yield entry(f"f{number}").tobuf()


def old_map_without_end() -> Iterator[bytes]:
    """Yield GNU's first kind of sparse file, whose map always goes on."""
    header = bytearray(entry("x", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[482] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    yield bytes(header)
    block = (b"00000000001\0" * 2).ljust(504, b"\0") + b"\1" + bytes(7)
    yield from repeat(block * 2048, SIZE >> 20)


def map_without_end() -> Iterator[bytes]:
    """Yield the sparse file of PAX 1.0, whose map always goes on."""
    fields = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
    yield entry("x", size=SIZE, pax_headers=fields).tobuf(tarfile.PAX_FORMAT)
    yield b"99999999\n".ljust(512, b"1")
    yield from repeat((b"1" * 63 + b"\n") * (1 << 14), SIZE >> 20)


def long_names() -> Iterator[bytes]:
    """Yield files whose paths are longer than any system takes them."""
    for number in range(SIZE >> 19):
        yield entry(f"{number}/" + "a/" * (1 << 18)).tobuf(tarfile.GNU_FORMAT)


def deep_folders() -> Iterator[bytes]:
    """Yield files that each have twenty folders of their own."""
    for number in range(100):
        yield entry(f"{number}/" + "a/" * 20 + "f").tobuf(tarfile.GNU_FORMAT)


def endless_file() -> Iterator[bytes]:
    """Yield a file that claims four exabytes, and is cut off."""
    yield entry("f", size=1 << 62).tobuf(tarfile.GNU_FORMAT)
    yield _ZEROS


def pax(data: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Return an extended header that says ``data``."""
    padding = -len(data) % tarfile.BLOCKSIZE
    return entry("x", kind, size=len(data)).tobuf() + data + bytes(padding)


@cache
def compressed(bomb: Callable[[], Iterator[bytes]]) -> bytes:
    """Compress what ``bomb`` yields, and a tar's end, piece by piece."""
    compressor = zlib.compressobj(1, wbits=31)
    parts = [compressor.compress(part) for part in chain(bomb(), [bytes(1024)])]
    return b"".join([*parts, compressor.flush()])


def bomb_image(directory: Path, bomb: Callable[[], Iterator[bytes]]) -> Image:
    """Make an image whose one layer is what ``bomb`` yields."""
    data = compressed(bomb)
    blobs = BlobDirectory(directory / "blobs")
    descriptor = Descriptor(media_type=OCI_LAYER_GZIP, digest=blobs.add(data), size=len(data))
    return new_image(
        base=None,
        layers=[(Layer(descriptor=descriptor, diff_id=Digest.of(b""), size=0), "x")],
        blobs=blobs,
        config=ContainerConfig(),
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )
