"""Where two images that should be the same differ first."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

from condabox.errors import ImageError
from condabox.oci.compress import decompressed
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified
from condabox.oci.layertar import open_layer_tar
from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import counted, printable

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import Image
    from condabox.oci.layertar import LayerTar

_Member = tuple[str, bytes, int, int, int, float, str, int, str]
_FIELDS = ("name", "type", "mode", "owner", "group", "time", "link", "size", "content")
_HINT = (
    "was it built by this version of condabox, from this lock, with the same options and "
    "SOURCE_DATE_EPOCH?"
)


def rebuild_finding(image: Image, rebuilt: Image) -> Finding:
    """Compare ``image`` with what was built again, and name the first thing that differs."""
    if image.digest == rebuilt.digest:
        return Finding.ok(Group.REBUILD, "digest", f"{image.digest}, bit for bit the same")
    detail = f"{image.digest} became {rebuilt.digest}: {_difference(image, rebuilt)}"
    return Finding.problem(Group.REBUILD, "digest", detail, hint=_HINT)


def _difference(image: Image, rebuilt: Image) -> str:
    ids = itertools.zip_longest(image.config.diff_ids, rebuilt.config.diff_ids)
    for number, (old, new) in enumerate(ids):
        if old is None or new is None:
            counts = (len(image.config.diff_ids), len(rebuilt.config.diff_ids))
            return f"{counted(counts[0], 'layer')} became {counts[1]}"
        if old != new:
            pair = (image.manifest.layers[number], rebuilt.manifest.layers[number])
            return f"layer {number} differs, first in {_first_file(image, rebuilt, pair)}"
    if image.config.raw != rebuilt.config.raw:
        return "the files are the same, and the configuration is another one"
    return "the files are the same, and the manifest is another one, or the compression"


def _first_file(image: Image, rebuilt: Image, layers: tuple[Descriptor, Descriptor]) -> str:
    old = _members(image, layers[0])
    new = _members(rebuilt, layers[1])
    try:
        for one, other in itertools.zip_longest(old, new):
            if one is None or other is None or one[0] != other[0]:
                names = [printable(f"/{each[0]}") for each in (one, other) if each is not None]
                return f"{' against '.join(names)}, which only one of them has there"
            if one != other:
                fields = zip(_FIELDS, one, other, strict=True)
                what = ", ".join(name for name, first, second in fields if first != second)
                return f"{printable(f'/{one[0]}')} ({what})"
    except ImageError as error:
        return f"what cannot be read: {printable(str(error))}"
    return "nothing that a file shows"


def _members(image: Image, layer: Descriptor) -> Iterator[_Member]:
    with open_verified(image.blobs, layer) as blob:
        stream = decompressed(blob, media_type=layer.media_type)
        with open_layer_tar(stream, what=f"layer {layer.digest}") as tar:
            for member in tar:
                yield (
                    member.name,
                    member.type,
                    member.mode,
                    member.uid,
                    member.gid,
                    member.mtime,
                    member.linkname,
                    member.size,
                    _digest(tar, member),
                )


def _digest(tar: LayerTar, member: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    # nothing that condabox writes is sparse, and the zeros of what is may have no end
    whole = member.isreg() and not member.issparse()
    stream = tar.extractfile(member) if whole else None
    while stream and (chunk := stream.read(CHUNK)):
        digest.update(chunk)
    return digest.hexdigest()
