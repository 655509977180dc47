"""Who may log in to what a base image is, and with which shell."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.decode import mapping, optional, required
from condabox.development.account import NO_ACCOUNTS
from condabox.errors import ImageError
from condabox.files import write_atomically
from condabox.oci.compress import decompressed
from condabox.oci.contents import entries_of, merged
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified
from condabox.oci.layertar import open_layer_tar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from condabox.base import Base
    from condabox.oci.contents import LayerEntry
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource

FORMAT = 1
"""Raised whenever of the same base something else would be known."""

_ACCOUNTS = "etc/passwd"
_LARGEST = 1 << 20
_SHELLS = ("bash", "sh")
_ENCODING = "latin-1"
"""Gives every byte back as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseAccounts:
    """The ``/etc/passwd`` of a base, and the path of its best shell; None where it has none."""

    passwd: bytes
    shell: str | None


def accounts_of(base: Base, *, cache_dir: Path) -> BaseAccounts:
    """Return the accounts of ``base``; raise ImageError where they cannot be added to.

    The base's layers are read for that, and once.
    """
    known = cache_dir / "bases" / f"{base.digest.hex}.accounts-{FORMAT}.json"
    try:
        document = mapping(json.loads(known.read_bytes()), at="")
        return BaseAccounts(
            passwd=required(document, "passwd", str, at="").encode(_ENCODING),
            shell=optional(document, "shell", str, at=""),
        )
    except (OSError, ValueError, RecursionError):
        pass
    found = _read(base)
    document = {"passwd": found.passwd.decode(_ENCODING), "shell": found.shell}
    write_atomically(known, json.dumps(document, sort_keys=True).encode())
    return found


def _read(base: Base) -> BaseAccounts:
    image = base.image
    image.fetch_layers()
    texts = [NO_ACCOUNTS]
    tree = merged(_entries(image.blobs, layer, texts) for layer in image.manifest.layers)
    folder = tree.get(posixpath.dirname(_ACCOUNTS))
    if folder is not None and folder.kind != "directory":
        raise ImageError(
            "the base's /etc is no folder, and so no user can be added to it",
            hint="choose another `base:`",
        )
    there = tree.get(_ACCOUNTS)
    # who follows a link in a foreign image may be led anywhere
    is_file = there is not None and there.kind == "file"
    return BaseAccounts(passwd=texts[-1] if is_file else NO_ACCOUNTS, shell=_shell(tree))


def _entries(blobs: BlobSource, layer: Descriptor, texts: list[bytes]) -> Iterator[LayerEntry]:
    """Yield what ``layer`` has, and add to ``texts`` what it says of accounts."""
    with open_verified(blobs, layer) as blob:
        stream = decompressed(blob, media_type=layer.media_type)
        with open_layer_tar(stream, what=f"layer {layer.digest}") as tar:
            for member in tar:
                for entry in entries_of(member):
                    if entry.path == _ACCOUNTS and entry.kind == "file":
                        if entry.size > _LARGEST:
                            raise ImageError(f"the base's /{_ACCOUNTS} has {entry.size} bytes")
                        file = tar.extractfile(member)
                        texts.append(b"" if file is None else file.read(_LARGEST))
                    yield entry
        while blob.read(CHUNK):  # what follows the last member counts for the digest, too
            continue


def _shell(tree: Mapping[str, LayerEntry]) -> str | None:
    folder = tree.get("bin")
    leads_to = "usr/bin" if folder is not None and folder.kind == "symlink" else "bin"
    found = (name for name in _SHELLS if f"{leads_to}/{name}" in tree)
    return next((f"/bin/{name}" for name in found), None)
