"""What image-spec layer.md says: each class is a section, each test a rule.

Two readers apply changesets: one that unpacks files, and one that only tells of them.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from condabox.content import BytesContent
from condabox.errors import ImageError
from condabox.oci.contents import layer_entries, merged
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import MemoryBlobs
from condabox.oci.mediatype import OCI_LAYER, OCI_LAYER_GZIP
from condabox.oci.tarball import TarDirectory, TarFile, TarLink, tar_chunks
from condabox.oci.validate import validate_image
from condabox.outputs.unpack import RootDirectory
from tests.fakes.imagedocuments import config, descriptor, manifest, read
from tests.fakes.tars import directory, entry, hardlink, layer, symlink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from condabox.oci.contents import LayerEntry
    from condabox.oci.tarball import TarEntry
    from tests.fakes.imagedocuments import Written
    from tests.fakes.tars import Entry

    Apply = Callable[..., set[str]]

BASE = ("file1", "a/file2", directory("b"), "c/file3")
"""The specification's example of whiteouts."""


@pytest.fixture(params=["told", "unpacked"])
def apply(request: pytest.FixtureRequest, tmp_path: Path) -> Apply:
    """Return what applies layers, each some entries, and returns all paths then."""

    def told(*layers: Sequence[Entry]) -> set[str]:
        return set(merged(_entries(layer(*each)) for each in layers))

    def unpacked(*layers: Sequence[Entry]) -> set[str]:
        with TemporaryDirectory(dir=tmp_path) as top:
            root = RootDirectory(Path(top), ownership=False)
            for number, each in enumerate(layers):
                root.apply(layer(*each), name=str(number))
            return {str(path.relative_to(top)) for path in root.path.rglob("*")}

    return told if request.param == "told" else unpacked


def problems(*entries: Entry) -> tuple[str, ...]:
    """Return what is wrong with an image that has one layer."""
    data = layer(*entries).getvalue()
    rootfs = {"type": "layers", "diff_ids": [str(Digest.of(data))]}
    raw_config = config(rootfs=rootfs)
    layers = [descriptor(data, mediaType=OCI_LAYER)]
    return validate_image(
        read(manifest(config=descriptor(raw_config), layers=layers), raw_config, data)
    )


def tar_of(*entries: TarEntry) -> list[tarfile.TarInfo]:
    """Return what stands in a layer as we write it."""
    data = b"".join(tar_chunks(entries, mtime=1_700_000_000))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getmembers()


def _entries(tar: io.BytesIO) -> list[LayerEntry]:
    data = tar.getvalue()
    found = Descriptor(media_type=OCI_LAYER, digest=Digest.of(data), size=len(data))
    return list(layer_entries(MemoryBlobs({found.digest: data}), found))


class TestDistributableFormat:
    def test_changesets_must_be_tar_archives_and_gzip_means_gzip(self, ours: Written) -> None:
        layers = [each for each in ours.descriptors() if each["mediaType"] == OCI_LAYER_GZIP]

        assert len(layers) == 8
        for found in layers:
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(ours.blob(found)))) as tar:
                assert tar.getnames()

    def test_none_must_be_written_with_two_entries_for_a_path(self) -> None:
        twice = [TarFile(path="a", content=BytesContent(b"")) for _ in range(2)]

        with pytest.raises(ImageError, match="twice"):
            tar_of(*twice)

    @pytest.mark.parametrize("other", ["a/b", "./a/b", "a//b", "a/./b"])
    def test_one_that_has_two_is_found(self, other: str) -> None:
        assert problems("a/b", other) == ("layer 0: a/b: is in it twice",)


class TestFileTypes:
    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            (tarfile.REGTYPE, "file"),
            (tarfile.DIRTYPE, "directory"),
            (tarfile.SYMTYPE, "symlink"),
            (tarfile.LNKTYPE, "hardlink"),
            *((each, "device") for each in (tarfile.BLKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)),
        ],
    )
    def test_every_type_is_read(self, kind: bytes, name: str) -> None:
        found = merged([_entries(layer("b", entry("a", kind, linkname="b")))])

        assert found["a"].kind == name


class TestFileAttributes:
    def test_time_owner_mode_and_target_must_be_there(self) -> None:
        file, link, folder = tar_of(
            TarFile(path="a", content=BytesContent(b"x"), mode=0o4755, uid=1000, gid=50),
            TarLink(path="b", target="../a", uid=1, gid=2),
            TarDirectory(path="c", mode=0o1777, uid=3, gid=4),
        )

        assert (file.mode, file.uid, file.gid, file.size) == (0o4755, 1000, 50, 1)
        assert (link.linkname, link.uid, link.gid, link.issym()) == ("../a", 1, 2, True)
        assert (folder.mode, folder.uid, folder.gid, folder.isdir()) == (0o1777, 3, 4, True)
        assert {each.mtime for each in (file, link, folder)} == {1_700_000_000}

    def test_names_of_users_are_not_told_as_they_should_be_ignored(self) -> None:
        [found] = tar_of(TarFile(path="a", content=BytesContent(b""), uid=1000, gid=1000))

        assert (found.uname, found.gname) == ("", "")

    def test_sparse_files_should_not_be_used(self) -> None:
        [found] = tar_of(TarFile(path="a", content=BytesContent(bytes(1 << 20))))

        assert not found.issparse()


class TestHardlinks:
    def test_none_are_written(self, ours: Written) -> None:
        for found in ours.descriptors():
            if found["mediaType"] == OCI_LAYER_GZIP:
                with tarfile.open(fileobj=io.BytesIO(ours.blob(found))) as tar:
                    assert not any(each.islnk() for each in tar)

    def test_one_to_a_file_of_its_layer_is_sound(self, apply: Apply) -> None:
        entries = ("bin/a", hardlink("b", "./bin/a"), hardlink("c", "b"))

        assert problems(*entries) == ()
        assert apply(entries) == {"bin", "bin/a", "b", "c"}

    @pytest.mark.parametrize("target", ["elsewhere", "later", "folder"])
    def test_one_to_what_is_not_in_its_layer_may_fail(self, target: str) -> None:
        found = problems(directory("folder"), hardlink("b", target), "later")

        assert found == (f"layer 0: b: links to {target}, which is no file before it in the layer",)


class TestChangesetOverExistingFiles:
    def test_of_two_directories_the_attributes_must_be_replaced(self, tmp_path: Path) -> None:
        root = RootDirectory(tmp_path, ownership=False)

        root.apply(layer(directory("a", 0o700), "a/b"), name="0")
        root.apply(layer(directory("a", 0o1755)), name="1")

        assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o1755
        assert (tmp_path / "a/b").exists()

    @pytest.mark.parametrize(
        ("new", "paths"),
        [
            ("a", {"a"}),
            (symlink("a", "nowhere"), {"a"}),
            (entry("a", tarfile.FIFOTYPE), {"a"}),
            (directory("a"), {"a", "a/b"}),
        ],
    )
    def test_else_what_is_there_must_be_removed(
        self, apply: Apply, new: Entry, paths: set[str]
    ) -> None:
        assert apply([directory("a"), "a/b"], [new]) == paths
        assert apply(["a"], [new]) == {"a"}
        assert apply([symlink("a", "b")], [new]) == {"a"}


class TestWhiteouts:
    def test_the_path_is_deleted_and_the_whiteout_hidden(self, apply: Apply) -> None:
        changes = (".wh.file1", "a/.wh.file2", ".wh.b", "file4")

        assert apply(BASE, changes) == {"a", "c", "c/file3", "file4"}

    def test_of_a_directory_everything_goes(self, apply: Apply) -> None:
        assert apply(["a/b/c", "a/d", "ab"], [".wh.a"]) == {"ab"}

    def test_what_is_not_there_needs_no_deletion(self, apply: Apply) -> None:
        assert apply(["a"], [".wh.b", "c/.wh.d"]) == {"a", "c"}

    def test_they_must_apply_to_lower_layers_alone(self, apply: Apply) -> None:
        for changes in permutations(["a/new", ".wh.a", "a/.wh.old"]):
            assert apply(["a/old", "a/b/c"], changes) == {"a", "a/new"}, changes

    def test_a_later_layer_can_hide_what_comes_with_one(self, apply: Apply) -> None:
        assert apply(["a"], [".wh.a", "b"], [".wh.b"]) == set()

    @pytest.mark.parametrize("name", [".wh.", "a/.wh.", ".wh..", ".wh..."])
    def test_one_that_deletes_no_name_is_invalid(self, apply: Apply, name: str) -> None:
        with pytest.raises(ImageError, match="whiteout"):
            apply(["a/b"], [name])
        assert problems(name) == (f"layer 0: {name}: is a whiteout of nothing",)

    def test_one_is_a_regular_file(self) -> None:
        assert problems(directory("a/.wh.b")) == ("layer 0: a/.wh.b: is a whiteout and no file",)
        assert problems("a/.wh.b/c") == ("layer 0: a/.wh.b/c: lies in a whiteout",)
        assert problems("a/.wh.b", "a/.wh..wh..opq") == ()

    @pytest.mark.parametrize("path", [".wh.a", "a/.wh.b", "a/.wh.b/c", ".wh..wh..opq", ".wh."])
    def test_no_file_of_such_a_name_can_be_made(self, path: str) -> None:
        with pytest.raises(ImageError, match="delete files"):
            tar_of(TarFile(path=path, content=BytesContent(b"")))


class TestOpaqueWhiteout:
    BIN = ("etc/conf", "bin/binary", "bin/tools/one")

    def test_it_hides_all_children_and_is_the_same_as_whiteouts_for_each(
        self, apply: Apply
    ) -> None:
        assert apply(self.BIN, ["bin/.wh..wh..opq"]) == {"etc", "etc/conf", "bin"}

    def test_explicit_ones_must_be_accepted_too(self, apply: Apply) -> None:
        assert apply(self.BIN, ["bin/.wh.binary", "bin/.wh.tools"]) == {"etc", "etc/conf", "bin"}

    @pytest.mark.parametrize("place", range(5))
    def test_it_is_applied_first_wherever_it_stands(self, apply: Apply, place: int) -> None:
        lower = [directory("a"), directory("a/b"), directory("a/b/c"), "a/b/c/bar"]
        upper: list[Entry] = [directory("a"), directory("a/b"), directory("a/b/c"), "a/b/c/foo"]
        upper.insert(place, "a/.wh..wh..opq")

        assert apply(lower, upper) == {"a", "a/b", "a/b/c", "a/b/c/foo"}

    def test_the_root_can_be_one(self, apply: Apply) -> None:
        assert apply(self.BIN, [".wh..wh..opq", "new"]) == {"new"}
