"""What is found in a layer, whatever stands in it."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.inspection.layer_contents import (
    LARGEST_RECORD,
    SMALLEST_DIGESTED,
    LayerContents,
    read_layer,
)
from condabox.oci.compress import Compression
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import MemoryBlobs
from condabox.oci.mediatype import OCI_LAYER, OCI_LAYER_GZIP
from tests.fakes.contents import conda_record, contents, read_tar, wheel_record
from tests.fakes.images import make_image
from tests.fakes.tars import directory, entry, hardlink, layer, symlink

if TYPE_CHECKING:
    from pathlib import Path

LARGE = bytes(SMALLEST_DIGESTED)
META = "opt/env/conda-meta/big-1-0.json"


def test_every_kind_of_entry_is_told() -> None:
    found = contents(
        directory("bin"),
        ("./bin/sh", b"12345"),
        symlink("sh", "bin/sh"),
        hardlink("bin/dash", "./bin/sh"),
        entry("dev/null", tarfile.CHRTYPE),
        "etc/.wh.passwd",
        "var/.wh..wh..opq",
        "var/.wh..wh.plnk",
    )

    assert found == LayerContents(
        files={"bin/sh": 5, "dev/null": 0},
        digests={},
        symlinks={"sh": "bin/sh"},
        hardlinks={"bin/dash": "bin/sh"},
        directories=frozenset({"bin"}),
        removed=frozenset({"etc/passwd"}),
        emptied=frozenset({"var"}),
        packages=(),
        skipped=0,
    )


def test_only_large_files_have_a_digest() -> None:
    found = contents(("a", LARGE), ("b", LARGE), ("c", LARGE[1:]), ("d", LARGE[1:] + b"1"))

    assert sorted(found.digests) == ["a", "b", "d"]
    assert found.digests["a"] == found.digests["b"] != found.digests["d"]


def test_a_path_that_stands_there_twice_is_what_came_last() -> None:
    found = contents(("a", LARGE), ("a", b"1"))

    assert (found.files, found.digests) == ({"a": 1}, {})


@pytest.mark.parametrize("compression", list(Compression))
def test_a_layer_is_read_through_its_compression(tmp_path: Path, compression: Compression) -> None:
    image = make_image(tmp_path, {"a/b": b"123"}, compression=compression)

    assert read_layer(image.blobs, image.manifest.layers[0]).files == {"a/b": 3}


def test_packages_are_found_wherever_they_are() -> None:
    found = contents(
        conda_record("numpy", "lib/numpy.py"),
        conda_record("pip", prefix="opt/conda"),
        wheel_record("torch", "torch.py", site="venv/lib/python3.11/site-packages"),
        "usr/lib/python3/dist-packages/six-1.0.egg-info",
        ("var/lib/dpkg/status", b"Package: libc6\nVersion: 2.39\n"),
    )

    assert [(each.name, each.manager, each.prefix) for each in found.packages] == [
        ("pip", "conda", "opt/conda"),
        ("numpy", "conda", "opt/env"),
        ("six", "pip", "usr/lib/python3/dist-packages"),
        ("libc6", "deb", ""),
        ("torch", "pip", "venv/lib/python3.11/site-packages"),
    ]


def test_a_wheel_is_told_of_once_and_by_the_best_of_its_files() -> None:
    found = contents(
        wheel_record("a", "a.py", site="s"),
        "s/a-1.0.dist-info/METADATA",
        "s/b-2.0.dist-info/METADATA",
        "s/b-2.0.dist-info/LICENSE",
    )

    assert {each.name: each.paths for each in found.packages} == {
        "a": {"s/a.py", "s/a-1.0.dist-info/RECORD"},
        "b": {"s/b-2.0.dist-info/METADATA", "s/b-2.0.dist-info/LICENSE"},
    }


def test_names_that_are_no_text_are_kept() -> None:
    found = read_tar(layer(entry("caf\udce9")))

    assert found.files == {"caf\udce9": 0}


def test_damaged_records_are_counted() -> None:
    found = contents((META, b"{"), conda_record("good"))

    assert ([each.name for each in found.packages], found.skipped) == (["good"], 1)


def test_a_record_without_an_end_is_counted_and_not_held_in_memory() -> None:
    """A layer of a few hundred kilobytes can say anything."""
    size = LARGEST_RECORD * 12
    compressor = zlib.compressobj(1, wbits=31)
    header = entry(META, size=size).tobuf()
    data = b"".join(
        [
            compressor.compress(header),
            *(compressor.compress(bytes(1 << 20)) for _ in range(size >> 20)),
            compressor.compress(bytes(1024)),
            compressor.flush(),
        ]
    )
    descriptor = Descriptor(media_type=OCI_LAYER_GZIP, digest=Digest.of(data), size=len(data))
    tracemalloc.start()

    found = read_layer(MemoryBlobs({descriptor.digest: data}), descriptor)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.files, found.packages, found.skipped) == ({META: size}, (), 1)
    assert peak < LARGEST_RECORD


def test_records_claim_no_more_than_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condabox.inspection.layer_contents._MOST_CLAIMED", 500)

    found = contents(conda_record("a", "x" * 400), conda_record("b", "y"))

    assert ([each.name for each in found.packages], found.skipped) == (["a"], 1)


def test_holes_are_not_read() -> None:
    """A sparse file of 3 GB is 512 bytes in a layer."""
    size = 3_000_000_000
    pax = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,512"}
    header = entry("disk.img", size=512, pax_headers={**pax, "GNU.sparse.size": str(size)})
    tar = header.tobuf(tarfile.PAX_FORMAT) + b"x" * 512 + bytes(1024)

    found = read_tar(io.BytesIO(tar))

    assert (found.files, found.digests) == ({"disk.img": size}, {})


@pytest.mark.parametrize(
    ("tar", "message"),
    [
        pytest.param(layer("../etc/passwd"), "outside", id="a path that leads out"),
        pytest.param(layer(hardlink("a", "../b")), "outside", id="a link that leads out"),
        pytest.param(layer("a/.wh."), "whiteout of nothing", id="a whiteout of nothing"),
        pytest.param(layer("a/.wh..."), "whiteout of nothing", id="a whiteout of a parent"),
        pytest.param(layer("a/" * 3000 + "a"), "6001 characters", id="a long name"),
        pytest.param(layer(symlink("a", "b/" * 3000)), "6000 characters", id="a long target"),
        pytest.param(io.BytesIO(b"no tar at all" * 99), "not a tar archive", id="no tar"),
        pytest.param(
            io.BytesIO(entry("pax", tarfile.XHDTYPE, size=1 << 30).tobuf() + bytes(2048)),
            "a header of 1073741824 bytes",
            id="a header without an end",
        ),
        pytest.param(
            io.BytesIO(entry("a", size=-(1 << 40)).tobuf(tarfile.GNU_FORMAT) + bytes(2048)),
            "a header of -",
            id="a negative size",
        ),
    ],
)
def test_what_no_layer_may_have_is_refused(tar: io.BytesIO, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_tar(tar)


def test_a_layer_of_other_bytes_is_refused() -> None:
    data = layer("a").getvalue()
    descriptor = Descriptor(media_type=OCI_LAYER, digest=Digest.of(b"other"), size=len(data))

    with pytest.raises(DigestMismatchError):
        read_layer(MemoryBlobs({descriptor.digest: data}), descriptor)
