"""OCI image layouts: a directory of blobs, and an index that names the images in it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from condabox.decode import sequence
from condabox.errors import DigestMismatchError, ImageError
from condabox.files import locked, write_atomically
from condabox.oci.digest import Digest, expect_digest
from condabox.oci.document import canonical_json, parse_document
from condabox.oci.image import BlobSource, blob_chunks, index_of, placed, read_image
from condabox.oci.manifest import ImageIndex
from condabox.oci.names import find, name_annotations, names_in, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import Image
    from condabox.platforms import Platform

LAYOUT_FILE = "oci-layout"
LAYOUT_DOCUMENT = canonical_json({"imageLayoutVersion": "1.0.0"})
INDEX_FILE = "index.json"
_LOCK_FILE = ".lock"


class BlobWriter:
    """Takes a blob's bytes; ``digest`` and ``size`` tell of those written so far."""

    def __init__(self, file: FileIO, folder: Path) -> None:
        self._file = file
        self._folder = folder
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> Digest:
        """The digest of what was written."""
        return Digest(self._hash.hexdigest())

    def write(self, data: bytes) -> int:
        """Take the next bytes, all of them; raise ImageError where the disk does not."""
        self._hash.update(data)
        self.size += len(data)
        rest = memoryview(data)
        with _explained(self._folder):
            while rest:
                rest = rest[self._file.write(rest) :]
        return len(data)


@dataclass(frozen=True, slots=True)
class BlobDirectory(BlobSource):
    """The ``blobs`` of a layout.  A blob is there whole, with the right digest, or not at all."""

    path: Path

    def path_of(self, digest: Digest) -> Path:
        """Return where the blob is or would be."""
        return self.path / "sha256" / digest.hex

    def size(self, digest: Digest) -> int | None:
        """Return how many bytes the blob has, None where it is missing."""
        try:
            return self.path_of(digest).stat().st_size
        except OSError:
            return None

    def has(self, descriptor: Descriptor) -> bool:
        """Say whether the blob is there, of the right size."""
        return self.size(descriptor.digest) == descriptor.size

    def open(self, descriptor: Descriptor) -> BinaryIO:
        """Open the blob for reading; raise ImageError where it is missing."""
        try:
            return self.path_of(descriptor.digest).open("rb")
        except FileNotFoundError:
            raise ImageError(f"{self.path.parent}: has no blob {descriptor.digest}") from None
        except OSError as error:
            raise ImageError(f"cannot read {error.filename}: {error.strerror}") from None

    @contextmanager
    def writer(self, expected: Descriptor | None = None) -> Iterator[BlobWriter]:
        """Open a blob for writing, which is there when the context has ended well.

        Raise DigestMismatchError, and keep nothing, where it is not the ``expected`` one.  A blob
        of the same digest and size that is there already stays.
        """
        folder = self.path / "sha256"
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=folder, prefix=".partial-")
        temporary = Path(name)
        try:
            with FileIO(number, "wb") as file:
                writer = BlobWriter(file, folder)
                yield writer
                _check(writer, expected)
                if self.size(writer.digest) != writer.size:
                    with _explained(folder):
                        os.fsync(file.fileno())
                        temporary.chmod(0o644)
                        temporary.replace(self.path_of(writer.digest))
        finally:
            temporary.unlink(missing_ok=True)

    def add(self, data: bytes) -> Digest:
        """Store a document and return its digest."""
        with self.writer() as writer:
            writer.write(data)
        return writer.digest

    def discard(self, digest: Digest) -> None:
        """Remove a blob that is damaged, so that the right one can take its place."""
        with _explained(self.path):
            self.path_of(digest).unlink(missing_ok=True)

    def copy(self, descriptor: Descriptor, *, source: BlobSource) -> None:
        """Take a blob over from ``source``, verified, unless it is there."""
        if self.has(descriptor):
            return
        with self.writer(descriptor) as writer:
            for chunk in blob_chunks(source, descriptor):
                writer.write(chunk)


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """A directory as in image-spec image-layout.md; several processes may change it at a time."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> ImageLayout:
        """Make an empty layout, or open the one that is there."""
        with _explained(path), locked(path / _LOCK_FILE):
            cls(path).blobs.path.mkdir(exist_ok=True)
            if not (path / INDEX_FILE).exists():
                write_atomically(path / INDEX_FILE, ImageIndex.create(()).raw)
            # Last, because this file says that the rest is there.
            if not (path / LAYOUT_FILE).exists():
                write_atomically(path / LAYOUT_FILE, LAYOUT_DOCUMENT)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> ImageLayout:
        """Open a layout; raise ImageError where there is none, or one of another version."""
        check_layout_file(_read(path / LAYOUT_FILE), where=path)
        return cls(path)

    @property
    def blobs(self) -> BlobDirectory:
        """Where the blobs are."""
        return BlobDirectory(self.path / "blobs")

    def index(self) -> ImageIndex:
        """Return the index of the images in the layout."""
        return read_index(_read(self.path / INDEX_FILE), where=self.path)

    def names(self) -> tuple[str, ...]:
        """Return the names of the images, sorted."""
        return names_in(self.index())

    def find(self, name: str | None, *, platform: Platform | None = None) -> Descriptor:
        """Return the descriptor of the image or index called ``name``, or of the only one."""
        return find(self.index(), name, where=str(self.path), platform=platform)

    def resolve(self, name: str | None, *, platform: Platform | None) -> Image:
        """Return the image called ``name``, or the only one, for ``platform``, or the only one."""
        return read_image(self.blobs, self.find(name, platform=platform), platform=platform)

    def add(self, images: Sequence[Image], *, name: str) -> Descriptor:
        """Store an image, for each platform one, under ``name``, which may have been another's.

        Return the descriptor of the manifest, or of the index of several.
        """
        for image in images:
            image.blobs.fetch([each for each in image.manifest.layers if not self.blobs.has(each)])
            for descriptor in (*image.manifest.layers, image.manifest.config, image.descriptor):
                self.blobs.copy(descriptor, source=image.blobs)
        if len(images) == 1:
            descriptor = placed(images[0])
        else:
            index = index_of(images)
            self.blobs.add(index.raw)
            descriptor = index.descriptor
        self._replace(name, {**descriptor.to_json(), "annotations": name_annotations(name)})
        return descriptor

    def _replace(self, name: str, entry: dict[str, object]) -> None:
        """Let ``entry`` be what ``name`` stands for."""
        with _explained(self.path), locked(self.path / _LOCK_FILE):
            raw = _read(self.path / INDEX_FILE)
            index = read_index(raw, where=self.path)
            document = dict(parse_document(raw, what=INDEX_FILE))
            # Entries of others stay as they are, with fields that are not known here.
            there = zip(index.manifests, sequence(document["manifests"], at=""), strict=True)
            entries = [(names_of(old), kept) for old, kept in there if name not in names_of(old)]
            entries.append(((name,), entry))
            document["manifests"] = [
                kept for _, kept in sorted(entries, key=lambda named: named[0])
            ]
            write_atomically(self.path / INDEX_FILE, canonical_json(document))


def check_layout_file(raw: bytes, *, where: Path) -> None:
    """Raise ImageError unless ``raw`` is an ``oci-layout`` of a version that is known."""
    version = parse_document(raw, what=f"{where}: {LAYOUT_FILE}").get("imageLayoutVersion")
    if not isinstance(version, str) or not version.startswith("1."):
        raise ImageError(f"{where}: cannot read an image layout of version {version}")


def read_index(raw: bytes, *, where: Path) -> ImageIndex:
    """Read the ``index.json`` of the layout at ``where``."""
    try:
        return ImageIndex.parse(raw)
    except ImageError as error:
        raise ImageError(f"{where}: {INDEX_FILE}: {error.message}", hint=error.hint) from None


def _check(writer: BlobWriter, expected: Descriptor | None) -> None:
    if expected is None:
        return
    expect_digest(writer.digest, want=expected.digest)
    if writer.size != expected.size:
        raise DigestMismatchError(
            f"{expected.digest}: got {writer.size} bytes, want {expected.size}"
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(
            f"{path.parent} is not an OCI image layout: it has no {path.name}"
        ) from None
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the system's errors into one that says what could not be written."""
    try:
        yield
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror}") from error
