"""The validator finds what it is for, and nothing in images that are sound."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import new_image
from condabox.oci.layer import Layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import DOCKER_MANIFEST, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST
from condabox.oci.validate import validate_image
from tests.fakes.images import AMD64, EPOCH, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar_of(*infos: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info in infos:
            tar.addfile(info)
    return buffer.getvalue()


def image_of(
    directory: Path,
    blob: bytes,
    *,
    tar: bytes | None = None,
    media_type: str = OCI_LAYER,
) -> Image:
    """Make an image of one layer, whose blob may not be the compressed ``tar``."""
    blobs = BlobDirectory(directory / "blobs")
    descriptor = Descriptor(media_type=media_type, digest=blobs.add(blob), size=len(blob))
    diff_id = Digest.of(blob if tar is None else tar)
    return new_image(
        base=None,
        layers=[(Layer(descriptor=descriptor, diff_id=diff_id, size=0), "x")],
        blobs=blobs,
        config=ContainerConfig(),
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )


@pytest.mark.parametrize("compression", Compression)
def test_an_image_that_is_sound_has_no_problems(tmp_path: Path, compression: Compression) -> None:
    files = {"bin/a": b"a" * 3_000_000, "opt/ü": b"", "x" * 120: b"x"}

    assert validate_image(make_image(tmp_path, files, {}, compression=compression)) == ()


def test_what_other_tools_write_is_no_problem(tmp_path: Path) -> None:
    tar = tar_of(
        member("./", type=tarfile.DIRTYPE),
        member("./etc/", type=tarfile.DIRTYPE),
        member("./etc/hosts"),
        member("./bin", type=tarfile.SYMTYPE, linkname="/usr/bin"),
        member("./etc/same", type=tarfile.LNKTYPE, linkname="./etc/hosts"),
        member("./dev/null", type=tarfile.CHRTYPE),
        member("./etc/.wh.gone"),
    )

    assert validate_image(image_of(tmp_path, tar)) == ()


@pytest.mark.parametrize(
    ("infos", "problem"),
    [
        ([member("a"), member("./a")], "layer 0: a: is in it twice"),
        ([member("a/b"), member("a//b")], "layer 0: a/b: is in it twice"),
        ([member("a/b"), member("a/./b")], "layer 0: a/b: is in it twice"),
        ([member("a"), member("a/b")], "layer 0: a/b: lies behind the file a"),
        (
            [member("a/b"), member("a", type=tarfile.SYMTYPE, linkname="/etc")],
            "layer 0: a: is a link, and there are files in it",
        ),
        ([member("a/b/../c")], "layer 0: a/b/../c: is outside of the image"),
        ([member("/etc/passwd")], "layer 0: /etc/passwd: is outside of the image"),
        ([member("a/../../b")], "layer 0: a/../../b: is outside of the image"),
        (
            [member("a", type=tarfile.SYMTYPE, linkname="/etc"), member("a/passwd")],
            "layer 0: a/passwd: lies behind the link a",
        ),
        (
            [member("a", type=tarfile.LNKTYPE, linkname="../etc/passwd")],
            "layer 0: a: links to ../etc/passwd, outside of the image",
        ),
    ],
)
def test_entries_that_engines_unpack_differently_are_found(
    tmp_path: Path, infos: list[tarfile.TarInfo], problem: str
) -> None:
    assert validate_image(image_of(tmp_path, tar_of(*infos))) == (problem,)


def test_a_wrong_diff_id_is_found(tmp_path: Path) -> None:
    tar = tar_of(member("a"))

    [problem] = validate_image(image_of(tmp_path, tar, tar=b"another"))

    assert problem == (
        f"layer 0: its diff ID is {Digest.of(tar)}, the config says {Digest.of(b'another')}"
    )


def test_a_damaged_layer_is_found(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a": b"a"}, {"b": b"b"})
    digest = image.manifest.layers[1].digest
    path = tmp_path / "blobs/sha256" / digest.hex
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    [problem] = validate_image(image)

    assert problem.startswith("layer 1: ")
    assert f"want {digest}" in problem


def test_a_missing_blob_is_found(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a": b"a"})
    digest = image.manifest.layers[0].digest
    (tmp_path / "blobs/sha256" / digest.hex).unlink()

    [problem] = validate_image(image)

    assert problem.endswith(f"has no blob {digest}")


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(gzip.compress(tar_of(member("a")))[:-4], id="cut off"),
        pytest.param(gzip.compress(tar_of(member("a"))) + b"garbage", id="garbage after it"),
        pytest.param(b"\x1f\x8b\x08\x00" + bytes(6) + b"\xff" * 20, id="no deflate"),
        pytest.param(b"not gzip", id="no gzip"),
    ],
)
def test_compression_that_is_broken_is_found(tmp_path: Path, blob: bytes) -> None:
    image = image_of(tmp_path, blob, tar=tar_of(member("a")), media_type=OCI_LAYER_GZIP)

    assert validate_image(image)


@pytest.mark.parametrize(
    ("tar", "problem"),
    [
        pytest.param(b"", "layer 0: it is not a tar archive: empty file", id="empty"),
        pytest.param(b"x" * 2048, "layer 0: it is not a tar archive", id="no tar"),
        pytest.param(
            tar_of(member("a"))[:512] + b"\0" * 512, "layer 0: its tar has no end", id="no end"
        ),
    ],
)
def test_a_tar_that_is_broken_is_found(tmp_path: Path, tar: bytes, problem: str) -> None:
    assert validate_image(image_of(tmp_path, tar))[0].startswith(problem)


def test_a_layer_of_another_type_is_found(tmp_path: Path) -> None:
    image = image_of(tmp_path, tar_of(), media_type="text/html")

    assert validate_image(image) == ("layer 0: its type is text/html",)


def test_a_manifest_that_is_not_its_descriptor_is_found(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a": b"a"})

    descriptor = replace(image.manifest.config, media_type=image.descriptor.media_type)

    problems = validate_image(replace(image, descriptor=descriptor))

    assert problems == (f"manifest: is another one than {image.config.digest}",)


def test_a_manifest_of_another_type_than_its_descriptor_is_found(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a": b"a"})

    problems = validate_image(
        replace(image, descriptor=replace(image.descriptor, media_type=DOCKER_MANIFEST))
    )

    assert problems == (f"manifest: is {OCI_MANIFEST}, not {DOCKER_MANIFEST}",)


def test_a_history_of_other_layers_is_found(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a": b"a"})
    config = replace(image.config, history=image.config.history * 2)

    problems = validate_image(replace(image, config=config))

    assert problems == ("config: the history tells of 2 layers, there are 1",)
