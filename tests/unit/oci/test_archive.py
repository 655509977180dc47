"""Archives: written for everybody, and read from everybody."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci.archive import archive_chunks, read_archive, write_archive
from condabox.oci.image import blob_chunks, index_of
from condabox.oci.manifest import ImageIndex
from condabox.oci.mediatype import OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from tests.fakes.dockersave import docker_save, plain_layers, write_tar
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

NAME = Reference.parse("ai:1.0")
FULL = "docker.io/library/ai:1.0"
OTHER = Reference.parse("ghcr.io/team/ai")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/hello": b"hello"}, {"etc/a": b"a"})


@pytest.fixture
def arm_image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/hello": b"arm"}, platform=ARM64)


def written(tmp_path: Path, *images: Image, names: tuple[Reference, ...] = (NAME,)) -> Path:
    path = tmp_path / "image.tar"
    write_archive(path, images, names=names)
    return path


def members(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                found[member.name] = content.read()
    return found


def test_the_archive_is_a_layout_and_has_dockers_manifest(image: Image, tmp_path: Path) -> None:
    found = members(written(tmp_path, image))

    blobs = {name.removeprefix("blobs/sha256/"): data for name, data in found.items()}
    documents = {name: blobs.pop(name) for name in ("oci-layout", "index.json", "manifest.json")}
    assert {hashlib.sha256(data).hexdigest() for data in blobs.values()} == set(blobs)
    assert json.loads(documents["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads(documents["manifest.json"]) == [
        {
            "Config": f"blobs/sha256/{image.config.digest.hex}",
            "RepoTags": [FULL],
            "Layers": [f"blobs/sha256/{layer.digest.hex}" for layer in image.manifest.layers],
        }
    ]
    [entry] = ImageIndex.parse(documents["index.json"]).manifests
    assert (entry.digest, entry.platform) == (image.digest, AMD64)


def test_the_same_images_give_the_same_archive(image: Image, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    first = written(tmp_path, image, names=(NAME, OTHER))
    second = written(tmp_path / "other", image, names=(OTHER, NAME))

    assert first.read_bytes() == second.read_bytes()


def test_an_archive_reads_back(image: Image, tmp_path: Path) -> None:
    archive = read_archive(written(tmp_path, image, names=(NAME, OTHER)))

    assert archive.names() == (FULL, "ghcr.io/team/ai:latest")
    for name in (FULL, "ai:1.0", "ghcr.io/team/ai", None):
        again = archive.resolve(name, platform=None)
        assert (again.manifest, again.config) == (image.manifest, image.config)
        assert validate_image(again) == ()


def test_an_archive_without_names_has_one_image(image: Image, tmp_path: Path) -> None:
    archive = read_archive(written(tmp_path, image, names=()))

    assert (archive.names(), archive.resolve(None, platform=AMD64).digest) == ((), image.digest)


def test_a_digest_is_no_tag_for_docker(image: Image, tmp_path: Path) -> None:
    pinned = Reference.parse(f"ai:1.0@{image.digest}")

    found = members(written(tmp_path, image, names=(pinned,)))

    assert json.loads(found["manifest.json"])[0]["RepoTags"] == []


def test_several_platforms_are_an_index_and_docker_gets_the_first(
    image: Image, arm_image: Image, tmp_path: Path
) -> None:
    path = written(tmp_path, arm_image, image)

    archive = read_archive(path)
    docker = json.loads(members(path)["manifest.json"])
    assert [entry.digest for entry in archive.index.manifests] == [
        index_of([image, arm_image]).descriptor.digest
    ]
    assert archive.resolve("ai:1.0", platform=AMD64).digest == image.digest
    assert archive.resolve("ai:1.0", platform=ARM64).digest == arm_image.digest
    assert docker[0]["Config"] == f"blobs/sha256/{arm_image.config.digest.hex}"


def test_layers_that_the_engine_has_can_be_left_out(image: Image, tmp_path: Path) -> None:
    omitted = image.manifest.layers[0].digest
    path = tmp_path / "image.tar"

    path.write_bytes(b"".join(archive_chunks([image], names=[NAME], omit={omitted})))

    found = members(path)
    assert f"blobs/sha256/{omitted.hex}" not in found
    assert f"blobs/sha256/{omitted.hex}" in json.loads(found["manifest.json"])[0]["Layers"]


def test_a_damaged_blob_stops_the_archive_and_the_old_one_stays(
    image: Image, tmp_path: Path
) -> None:
    path = written(tmp_path, image)
    before = path.read_bytes()
    blob = tmp_path / "made/blobs/sha256" / image.manifest.layers[0].digest.hex
    blob.write_bytes(blob.read_bytes()[::-1])

    with pytest.raises(DigestMismatchError):
        written(tmp_path, image)

    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["image.tar", "made"]


def test_an_archive_is_written_as_its_owner_has_it(image: Image, tmp_path: Path) -> None:
    target, link = tmp_path / "target.tar", tmp_path / "link.tar"
    target.touch(mode=0o600)
    link.symlink_to(target)

    write_archive(link, [image], names=[NAME])

    assert read_archive(target).names() == (str(NAME),)
    assert (link.is_symlink(), target.stat().st_mode & 0o777) == (True, 0o600)


def test_a_path_that_cannot_be_written_is_an_image_error(image: Image, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    path = tmp_path / "file" / "image.tar"

    with pytest.raises(ImageError) as caught:
        write_archive(path, [image], names=[NAME])

    assert caught.value.message == f"cannot write {path}: Not a directory"


def test_what_docker_saves_is_read(image: Image, tmp_path: Path) -> None:
    archive = read_archive(docker_save(tmp_path / "saved.tar", image, tags=["ai:1.0"]))

    saved = archive.resolve("docker.io/library/ai:1.0", platform=AMD64)

    assert archive.names() == ("ai:1.0",)
    assert (saved.manifest.media_type, saved.config) == (OCI_MANIFEST, image.config)
    assert [layer.media_type for layer in saved.manifest.layers] == [OCI_LAYER, OCI_LAYER]
    assert [
        b"".join(blob_chunks(saved.blobs, layer)) for layer in saved.manifest.layers
    ] == plain_layers(image)
    assert validate_image(saved) == ()


def test_layers_that_docker_save_did_not_make_may_be_compressed(
    image: Image, tmp_path: Path
) -> None:
    names = [f"{layer.digest.hex}.tar.gz" for layer in image.manifest.layers]
    files = {
        name: b"".join(blob_chunks(image.blobs, layer))
        for name, layer in zip(names, image.manifest.layers, strict=True)
    }
    listing = [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    files |= {
        "config.json": image.config.raw,
        "./manifest.json": json.dumps(listing).encode(),
    }

    saved = read_archive(write_tar(tmp_path / "a.tar", files)).resolve(None, platform=None)

    assert [layer.media_type for layer in saved.manifest.layers] == [OCI_LAYER_GZIP] * 2
    assert validate_image(saved) == ()


def test_a_layer_that_is_not_its_diff_id_is_found(image: Image, tmp_path: Path) -> None:
    path = docker_save(tmp_path / "saved.tar", image)
    first = plain_layers(image)[0]
    data = path.read_bytes()
    path.write_bytes(data.replace(first, first[:-1] + b"!"))

    saved = read_archive(path).resolve(None, platform=None)

    with pytest.raises(DigestMismatchError):
        list(blob_chunks(saved.blobs, saved.manifest.layers[0]))


def test_a_compressed_archive_is_refused_with_a_hint(image: Image, tmp_path: Path) -> None:
    path = tmp_path / "image.tar.gz"
    path.write_bytes(gzip.compress(written(tmp_path, image).read_bytes()))

    with pytest.raises(ImageError, match="is compressed") as caught:
        read_archive(path)

    assert caught.value.hint == "decompress it first: gzip -d image.tar.gz"


@pytest.mark.parametrize("kept", [600, 5000])
def test_an_archive_that_was_cut_off_is_refused(image: Image, tmp_path: Path, kept: int) -> None:
    path = written(tmp_path, image)
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(ImageError):
        read_archive(path)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="empty"),
        pytest.param({"hello": b"x"}, id="other files"),
        pytest.param({"manifest.json": b"{}"}, id="no list"),
        pytest.param({"manifest.json": b"[[]]"}, id="no mapping"),
        pytest.param({"manifest.json": b"\xff"}, id="no text"),
        pytest.param({"manifest.json": b"[" * 100_000}, id="deep"),
        pytest.param({"manifest.json": b'[{"Config": "/etc/passwd"}]'}, id="missing config"),
        pytest.param({"index.json": b"{}", "oci-layout": b"{}"}, id="no version"),
        pytest.param(
            {"index.json": b"{}", "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}, id="no index"
        ),
    ],
)
def test_a_tar_that_is_no_image_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ImageError):
        read_archive(write_tar(tmp_path / "a.tar", files))


def test_a_config_for_another_number_of_layers_is_refused(image: Image, tmp_path: Path) -> None:
    listing = [{"Config": "c", "Layers": []}]
    files = {"c": image.config.raw, "manifest.json": json.dumps(listing).encode()}

    with pytest.raises(ImageError, match="2 diff IDs for 0 layers"):
        read_archive(write_tar(tmp_path / "a.tar", files))


def test_links_that_lead_in_circles_lead_nowhere(tmp_path: Path) -> None:
    links = {"manifest.json": "index.json", "index.json": "manifest.json"}

    with pytest.raises(ImageError, match="holds no image"):
        read_archive(write_tar(tmp_path / "a.tar", {}, links))


@pytest.mark.parametrize("name", ["missing.tar", "."])
def test_what_is_no_file_is_an_image_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match="cannot read"):
        read_archive(tmp_path / name)


def test_a_blob_that_is_missing_is_an_image_error(image: Image, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    omitted = image.manifest.layers[0]
    chunks = archive_chunks([image], names=[NAME], omit={omitted.digest})
    path.write_bytes(b"".join(chunks))

    read = read_archive(path).resolve(None, platform=None)

    with pytest.raises(ImageError, match=f"has no blob {omitted.digest}"):
        read.blobs.open(omitted)
