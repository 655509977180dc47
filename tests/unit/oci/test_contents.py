"""What files an image has."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.oci.contents import LayerEntry, layer_entries, merged
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import MemoryBlobs
from condabox.oci.mediatype import OCI_LAYER
from condabox.outputs.unpack import RootDirectory
from tests.fakes.images import make_image
from tests.fakes.tars import directory, entry, hardlink, layer, symlink

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.tars import Entry


def entries(tar: io.BytesIO) -> list[LayerEntry]:
    """Read a layer that was written by hand."""
    data = tar.getvalue()
    descriptor = Descriptor(media_type=OCI_LAYER, digest=Digest.of(data), size=len(data))
    return list(layer_entries(MemoryBlobs({descriptor.digest: data}), descriptor))


def tree(*layers: io.BytesIO) -> dict[str, str]:
    found = merged(entries(each) for each in layers)
    return {path: each.target or each.kind for path, each in sorted(found.items())}


def test_every_kind_of_entry_is_told() -> None:
    told = entries(
        layer(
            directory("bin"),
            ("./bin/sh", b"12345"),
            symlink("sh", "bin/sh"),
            hardlink("bin/dash", "bin/sh"),
            entry("dev/null", tarfile.CHRTYPE),
            "etc/.wh.passwd",
            "var/.wh..wh..opq",
            "var/.wh..wh.plnk",
        )
    )

    assert told == [
        LayerEntry(path="bin", kind="directory"),
        LayerEntry(path="bin/sh", kind="file", size=5),
        LayerEntry(path="sh", kind="symlink", target="bin/sh"),
        LayerEntry(path="bin/dash", kind="hardlink", target="bin/sh"),
        LayerEntry(path="dev/null", kind="device"),
        LayerEntry(path="etc/passwd", kind="whiteout"),
        LayerEntry(path="var", kind="opaque"),
    ]


def test_an_image_is_read_through_its_compression(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a/b": b"123"}, {"a/c": b"4"})

    found = merged(layer_entries(image.blobs, each) for each in image.manifest.layers)

    assert {path: each.size for path, each in found.items()} == {"a": 0, "a/b": 3, "a/c": 1}


def test_a_path_through_a_link_is_where_the_link_leads() -> None:
    base = layer(directory("usr"), directory("usr/lib"), symlink("lib", "usr/lib"))

    assert tree(base, layer("lib/libc.so.6"))["usr/lib/libc.so.6"] == "file"


def test_links_in_a_circle_are_refused() -> None:
    with pytest.raises(ImageError, match="too many symbolic links"):
        tree(layer(symlink("a", "b"), symlink("b", "a"), "a/x"))


def test_what_leads_out_of_the_image_is_refused() -> None:
    with pytest.raises(ImageError, match="outside"):
        entries(layer("../etc/passwd"))


@pytest.mark.parametrize("data", [b"no tar at all" * 99, b"\x1f\x8b" + b"x" * 999])
def test_what_is_no_tar_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="not a tar archive"):
        entries(io.BytesIO(data))


def test_a_damaged_layer_is_refused() -> None:
    data = layer("a").getvalue()
    descriptor = Descriptor(media_type=OCI_LAYER, digest=Digest.of(b"other"), size=len(data))

    with pytest.raises(ImageError):
        list(layer_entries(MemoryBlobs({descriptor.digest: data}), descriptor))


NAMES = st.sampled_from(["a", "a/b", "a/b/c", "d", "d/a", "d/a/b"])
WHITEOUTS = st.sampled_from([".wh.a", "a/.wh.b", "a/b/.wh.c", "d/.wh.a", ".wh.d", "a/.wh..wh..opq"])
LINKS = st.builds(symlink, st.sampled_from(["l", "d/l"]), st.sampled_from(["a", "/d", "../d", "x"]))
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    NAMES, NAMES.map(directory), WHITEOUTS, LINKS, st.sampled_from(["l/f", "d/l/f"])
)


@given(layers=st.lists(st.lists(ENTRIES, max_size=6), max_size=4))
@example(layers=[["a/b"], ["a/b/c", ".wh.a"]])
@example(layers=[["a/b"], ["a/.wh.b", ".wh.a"]])
@example(layers=[["a/b"], ["a/b/.wh..wh..opq", ".wh.a"]])
def test_the_tree_is_the_one_that_unpacking_makes(
    layers: list[list[Entry]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("root")
    root = RootDirectory(top, ownership=False)
    for number, each in enumerate(layers):
        root.apply(layer(*each), name=str(number))
    unpacked = {
        str(path.relative_to(top)): "symlink"
        if path.is_symlink()
        else "directory"
        if path.is_dir()
        else "file"
        for path in top.rglob("*")
    }

    found = merged(entries(layer(*each)) for each in layers)

    assert {path: each.kind for path, each in found.items()} == unpacked
