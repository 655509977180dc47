"""What files an image has: layer by layer, and together, as a container sees them.

Layers are changesets: image-spec ``layer.md``.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from condabox.errors import ImageError
from condabox.oci.compress import decompressed
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified
from condabox.oci.layertar import open_layer_tar

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterable, Iterator

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource

_WHITEOUT = ".wh."
_RESERVED = ".wh..wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40
"""Symbolic links that are followed for one path, as many as Linux follows."""

Kind = Literal["file", "directory", "symlink", "hardlink", "device", "whiteout", "opaque"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEntry:
    """One path in a layer, relative to the root.

    ``size`` is in bytes, of files alone; ``target`` is what a link says.  A whiteout hides
    ``path`` in the layers below, and an opaque one what the directory ``path`` has there.
    """

    path: str
    kind: Kind
    size: int = 0
    target: str = ""


def layer_entries(blobs: BlobSource, layer: Descriptor) -> Iterator[LayerEntry]:
    """Yield what a layer says, in its order, without keeping any content.

    Raise ImageError where it is damaged, when all of it was read.
    """
    with open_verified(blobs, layer) as blob:
        stream = decompressed(blob, media_type=layer.media_type)
        with open_layer_tar(stream, what=f"layer {layer.digest}") as tar:
            for member in tar:
                yield from entries_of(member)
        while blob.read(CHUNK):  # what follows the last member counts for the digest, too
            continue


def merged(layers: Iterable[Iterable[LayerEntry]]) -> dict[str, LayerEntry]:
    """Return what a container sees of ``layers``, the lowest first, by path.

    A path that leads through symbolic links of the image is the one that they lead to.
    """
    tree: dict[str, LayerEntry] = {}
    for layer in layers:
        # Whiteouts apply to lower layers alone, whatever their place in this one.
        written: set[str] = set()
        for entry in layer:
            _apply(entry, tree, written)
    return tree


def entries_of(member: tarfile.TarInfo) -> Iterator[LayerEntry]:
    """Yield what a member of a layer means: one path, or none; raise ImageError for one outside."""
    path = posixpath.normpath(member.name).lstrip("/")
    if path == ".":
        return
    if ".." in path.split("/"):
        raise ImageError(f"{member.name}: is outside of the image")
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        yield LayerEntry(path=folder, kind="opaque")
    elif name.startswith(_WHITEOUT):
        if not name.startswith(_RESERVED):
            hidden = name.removeprefix(_WHITEOUT)
            if hidden in {"", ".", ".."}:
                raise ImageError(f"{member.name}: is a whiteout of nothing")
            yield LayerEntry(path=posixpath.join(folder, hidden), kind="whiteout")
    else:
        kind = _kind(member)
        size = member.size if kind == "file" else 0
        yield LayerEntry(path=path, kind=kind, size=size, target=member.linkname)


def _kind(member: tarfile.TarInfo) -> Kind:
    if member.isdir():
        return "directory"
    if member.issym():
        return "symlink"
    if member.islnk():
        return "hardlink"
    return "file" if member.isreg() else "device"


def _apply(entry: LayerEntry, tree: dict[str, LayerEntry], written: set[str]) -> None:
    if entry.kind == "opaque":
        folder = _followed(entry.path, tree)
        _need(folder, tree, written)
        _hide(folder, tree, written)
        return
    folder, _, name = entry.path.rpartition("/")
    folder = _followed(folder, tree)
    path = posixpath.join(folder, name)
    if entry.kind == "whiteout":
        _need(folder, tree, written)
        _hide(path, tree, written)
        if path not in written:
            tree.pop(path, None)
        return
    _make(folder, tree, written)
    if entry.kind != "directory":
        _hide(path, tree, set())
    tree[path] = replace(entry, path=path)
    written.add(path)


def _need(folder: str, tree: dict[str, LayerEntry], written: set[str]) -> None:
    """Make ``folder`` unless it is there: what only hides something in it keeps it from nothing."""
    if folder and (folder not in tree or tree[folder].kind != "directory"):
        _make(folder, tree, written)


def _make(folder: str, tree: dict[str, LayerEntry], written: set[str]) -> None:
    """Let ``folder`` and all that it is in be directories."""
    while folder:
        if folder not in tree or tree[folder].kind != "directory":
            tree[folder] = LayerEntry(path=folder, kind="directory")
        written.add(folder)
        folder = folder.rpartition("/")[0]


def _hide(folder: str, tree: dict[str, LayerEntry], written: set[str]) -> None:
    """Take out what is below ``folder``, but for what was ``written``."""
    if folder and (folder not in tree or tree[folder].kind != "directory"):
        return  # all that anything is in is there as directories, so nothing is below
    below = f"{folder}/" if folder else ""
    for path in [each for each in tree if each.startswith(below) and each not in written]:
        del tree[path]


def _followed(folder: str, tree: dict[str, LayerEntry]) -> str:
    waiting = folder.split("/")[::-1] if folder else []
    real: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            real = real[:-1]
            continue
        if part in {"", "."}:
            continue
        found = tree.get("/".join((*real, part)))
        if found is None or found.kind != "symlink":
            real.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise ImageError(f"{folder}: too many symbolic links")
        if found.target.startswith("/"):
            real = []
        waiting.extend(found.target.split("/")[::-1])
    return "/".join(real)
