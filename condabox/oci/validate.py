"""Does an image hold what it promises?  Every digest, size and diff ID is derived again."""

from __future__ import annotations

import hashlib
import io
import posixpath
from typing import TYPE_CHECKING, BinaryIO

from condabox.errors import ImageError
from condabox.oci.compress import DECOMPRESSION_ERRORS, decompressed
from condabox.oci.digest import CHUNK, Digest
from condabox.oci.image import open_verified, read_document
from condabox.oci.layertar import open_layer_tar
from condabox.oci.mediatype import OCI_LAYER_OF

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import Image

_TAR_END = bytes(1024)
_WHITEOUT = ".wh."


def validate_image(image: Image) -> tuple[str, ...]:
    """Return what is wrong with ``image``, nothing where all is well; memory does not grow with it.

    Blobs are the descriptors' bytes, diff IDs those of the layers, and each layer is a whole tar
    that no engine unpacks in another way than the next.
    """
    return tuple(_problems(image))


def _problems(image: Image) -> Iterator[str]:
    for what, descriptor, raw in (
        ("manifest", image.descriptor, image.manifest.raw),
        ("config", image.manifest.config, image.config.raw),
    ):
        try:
            if read_document(image.blobs, descriptor) != raw:
                yield f"{what}: is another one than {descriptor.digest}"
        except ImageError as error:
            yield f"{what}: {error.message}"
    if image.descriptor.media_type != image.manifest.media_type:
        yield f"manifest: is {image.manifest.media_type}, not {image.descriptor.media_type}"
    layers, diff_ids = image.manifest.layers, image.config.diff_ids
    if len(layers) != len(diff_ids):
        yield f"config: {len(diff_ids)} diff IDs for {len(layers)} layers"
    told = sum(not entry.empty_layer for entry in image.config.history)
    if image.config.history and told != len(layers):
        yield f"config: the history tells of {told} layers, there are {len(layers)}"
    for number, (layer, diff_id) in enumerate(zip(layers, diff_ids, strict=False)):
        for problem in _layer_problems(image, layer, diff_id):
            yield f"layer {number}: {problem}"


def _layer_problems(image: Image, layer: Descriptor, diff_id: Digest) -> Iterator[str]:
    if layer.media_type not in OCI_LAYER_OF:
        yield f"its type is {layer.media_type}"
        return
    try:
        with open_verified(image.blobs, layer) as blob:
            tar = _Hashing(decompressed(blob, media_type=layer.media_type))
            yield from _tar_problems(tar)
            while blob.read(CHUNK):  # what follows the last member counts for the digest, too
                continue
    except (ImageError, *DECOMPRESSION_ERRORS) as error:
        yield str(error)
        return
    if tar.digest != diff_id:
        yield f"its diff ID is {tar.digest}, the config says {diff_id}"


class _Hashing(io.RawIOBase):
    """Hashes what is read through it, and remembers the end."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._hash = hashlib.sha256()
        self.tail = b""

    @property
    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest())

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        self._hash.update(data)
        self.tail = (self.tail + data)[-len(_TAR_END) :]
        view[: len(data)] = data
        return len(data)


def _tar_problems(stream: _Hashing) -> Iterator[str]:
    with io.BufferedReader(stream, CHUNK) as buffered:
        with open_layer_tar(buffered, what="it") as tar:
            names = _Names()
            for member in tar:
                yield from names.problems(member)
        while buffered.read(CHUNK):
            continue
        if stream.tail != _TAR_END:
            yield "its tar has no end"


class _Names:
    """The paths of a layer so far."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._parents: set[str] = set()

    def problems(self, member: tarfile.TarInfo) -> Iterator[str]:
        name = posixpath.normpath(member.name)
        parts = name.split("/")
        if name.startswith("/") or ".." in member.name.split("/"):
            yield f"{member.name}: is outside of the image"
        # image-spec layer.md: changesets must not have two entries for one path.
        if name in self._kinds:
            yield f"{name}: is in it twice"
        kind = "folder" if member.isdir() else "link" if member.issym() else "file"
        self._kinds[name] = kind
        if kind != "folder" and name in self._parents:
            yield f"{name}: is a {kind}, and there are files in it"
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            self._parents.add(parent)
            if self._kinds.get(parent, "folder") != "folder":
                yield f"{name}: lies behind the {self._kinds[parent]} {parent}"
        yield from _whiteout_problems(member, parts)
        if member.islnk():
            yield from self._link_problems(name, member.linkname)

    def _link_problems(self, name: str, linkname: str) -> Iterator[str]:
        target = posixpath.normpath(linkname)
        if target.startswith("/") or target.split("/")[0] == "..":
            yield f"{name}: links to {linkname}, outside of the image"
        elif target == name or self._kinds.get(target, "folder") == "folder":
            # image-spec layer.md: links to files of other layers may fail, those to folders do.
            yield f"{name}: links to {linkname}, which is no file before it in the layer"


def _whiteout_problems(member: tarfile.TarInfo, parts: list[str]) -> Iterator[str]:
    name = "/".join(parts)
    if any(each.startswith(_WHITEOUT) for each in parts[:-1]):
        yield f"{name}: lies in a whiteout"
    if parts[-1].startswith(_WHITEOUT):
        if parts[-1].removeprefix(_WHITEOUT) in {"", ".", ".."}:
            yield f"{name}: is a whiteout of nothing"
        if not member.isreg():
            yield f"{name}: is a whiteout and no file"
