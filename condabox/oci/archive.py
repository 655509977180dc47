"""Images in one tar file that every tool reads: an OCI layout with Docker's ``manifest.json``.

That is what new Docker saves, and what old Docker loads, too; for skopeo it is an ``oci-archive``
and a ``docker-archive``.  Docker before 23 cannot load layers compressed with zstd.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.content import BytesContent
from condabox.errors import ImageError
from condabox.files import rewriting
from condabox.oci.digest import Digest
from condabox.oci.dockerarchive import DOCKER_FILE, read_docker_archive
from condabox.oci.document import canonical_json
from condabox.oci.image import blob_chunks, index_of, placed, read_image
from condabox.oci.layout import (
    INDEX_FILE,
    LAYOUT_DOCUMENT,
    LAYOUT_FILE,
    check_layout_file,
    read_index,
)
from condabox.oci.manifest import ImageIndex
from condabox.oci.members import MemberBlobs, Members
from condabox.oci.names import find, name_annotations, names_in
from condabox.oci.tarball import TarFile, tar_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from condabox.content import Content
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource, Image
    from condabox.oci.reference import Reference
    from condabox.platforms import Platform

_BLOBS = "blobs/sha256/"


@dataclass(frozen=True, slots=True)
class _BlobContent:
    blobs: BlobSource
    descriptor: Descriptor

    @property
    def size(self) -> int:
        return self.descriptor.size

    def chunks(self) -> Iterator[bytes]:
        return blob_chunks(self.blobs, self.descriptor)


def write_archive(path: Path, images: Sequence[Image], *, names: Sequence[Reference]) -> None:
    """Write `archive_chunks` to ``path``, which is the whole archive or what it was before."""
    try:
        with rewriting(path) as file:
            for chunk in archive_chunks(images, names=names):
                file.write(chunk)
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror}") from error


def archive_chunks(
    images: Sequence[Image], *, names: Sequence[Reference], omit: Collection[Digest] = ()
) -> Iterator[bytes]:
    """Yield an archive of one image, for each platform one, that is called ``names``.

    Docker before 25 knows no platforms and loads the first image.  The layers ``omit`` are left
    out: Docker's classic store needs no layer that it has, with all that are below it.
    """
    for image in images:
        image.blobs.fetch([each for each in image.manifest.layers if each.digest not in omit])
    if len(images) == 1:
        documents: dict[Digest, Content] = {}
        descriptor = placed(images[0])
    else:
        index = index_of(images)
        descriptor = index.descriptor
        documents = {descriptor.digest: BytesContent(index.raw)}
    blobs = {
        blob.digest: _BlobContent(image.blobs, blob)
        for image in images
        for blob in (*image.manifest.layers, image.manifest.config, image.descriptor)
        if blob.digest not in omit
    } | documents
    files: dict[str, Content] = {
        _blob_path(digest): content for digest, content in sorted(blobs.items())
    }
    files[INDEX_FILE] = BytesContent(_index(descriptor, names).raw)
    files[DOCKER_FILE] = BytesContent(_docker_manifest(images[0], names))
    files[LAYOUT_FILE] = BytesContent(LAYOUT_DOCUMENT)
    return tar_chunks(
        (TarFile(path=path, content=content) for path, content in files.items()), mtime=0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageArchive:
    """The images in one tar file, and their blobs, read from where they are in it."""

    path: Path
    index: ImageIndex
    blobs: BlobSource

    def names(self) -> tuple[str, ...]:
        """Return the names of the images, sorted."""
        return names_in(self.index)

    def resolve(self, name: str | None, *, platform: Platform | None) -> Image:
        """Return the image called ``name``, or the only one, for ``platform``, or the only one."""
        descriptor = find(self.index, name, where=str(self.path), platform=platform)
        return read_image(self.blobs, descriptor, platform=platform)


def read_archive(path: Path) -> ImageArchive:
    """Open an OCI archive or one from ``docker save``; raise ImageError for anything else."""
    try:
        members = Members.scan(path)
        if INDEX_FILE in members.found and LAYOUT_FILE in members.found:
            index, blobs = _read_layout(members)
        elif DOCKER_FILE in members.found:
            index, blobs = read_docker_archive(members)
        else:
            raise ImageError(
                f"{path} holds no image: neither {INDEX_FILE} nor {DOCKER_FILE} is in it",
                hint="docker save, podman save and skopeo write such archives",
            )
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from None
    return ImageArchive(path=path, index=index, blobs=blobs)


def _read_layout(members: Members) -> tuple[ImageIndex, BlobSource]:
    check_layout_file(members.document(LAYOUT_FILE), where=members.path)
    names = {
        digest: name
        for name in members.found
        if name.startswith(_BLOBS) and (digest := _digest_of_name(name.removeprefix(_BLOBS)))
    }
    index = read_index(members.document(INDEX_FILE), where=members.path)
    return index, MemberBlobs(members, names)


def _digest_of_name(name: str) -> Digest | None:
    try:
        return Digest.parse(f"sha256:{name}")
    except ImageError:
        return None


def _index(descriptor: Descriptor, names: Sequence[Reference]) -> ImageIndex:
    """Return the layout's index: one entry for each name, or one without any."""
    annotations = [name_annotations(name) for name in sorted(map(str, names))] or [{}]
    return ImageIndex.create([replace(descriptor, annotations=each) for each in annotations])


def _docker_manifest(image: Image, names: Sequence[Reference]) -> bytes:
    # Docker refuses digests among the tags; podman takes short names for localhost's.
    tags = sorted(str(name) for name in names if name.tag and name.digest is None)
    return canonical_json(
        [
            {
                "Config": _blob_path(image.manifest.config.digest),
                "RepoTags": tags,
                "Layers": [_blob_path(layer.digest) for layer in image.manifest.layers],
            }
        ]
    )


def _blob_path(digest: Digest) -> str:
    return f"{_BLOBS}{digest.hex}"
