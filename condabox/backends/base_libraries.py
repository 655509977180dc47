"""The shared libraries of a base image: what they are called, and what they weigh."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from condabox.decode import mapping
from condabox.files import write_atomically
from condabox.oci.contents import layer_entries, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from condabox.base import Base

GLIBC = frozenset(
    {
        "ld-linux-aarch64.so.1",
        "ld-linux-riscv64-lp64d.so.1",
        "ld-linux-x86-64.so.2",
        "ld64.so.1",
        "ld64.so.2",
        "libanl.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libmvec.so.1",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libthread_db.so.1",
        "libutil.so.1",
    }
)
"""Sonames of the C library, which every base has that conda's packages run on."""

_LOADERS = frozenset(name for name in GLIBC if name.startswith("ld"))

_MARK = ".so"
_LINKS = frozenset({"symlink", "hardlink"})


def glibc_problems(libraries: Iterable[str]) -> Iterator[str]:
    """Yield a warning where ``libraries``, the paths of those in a base, lack glibc's loader."""
    if _LOADERS.isdisjoint(path.rpartition("/")[2] for path in libraries):
        yield (
            "the base has no glibc, and no program or library of "
            "conda's packages runs without it: choose a `base:` that has it, as Debian, Ubuntu "
            "and Red Hat do, and Alpine does not"
        )


def libraries_of(base: Base, *, cache_dir: Path) -> Mapping[str, int]:
    """Return the bytes of every library by its path; of a link, none.

    The base's layers are read for that, and once.
    """
    known = cache_dir / "bases" / f"{base.digest.hex}.libraries.json"
    try:
        found = mapping(json.loads(known.read_bytes()), at="")
        return {path: size for path, size in found.items() if isinstance(size, int)}
    except (OSError, ValueError, RecursionError):
        pass
    image = base.image
    image.fetch_layers()
    tree = merged(layer_entries(image.blobs, layer) for layer in image.manifest.layers)
    sizes = {
        path: entry.size
        for path, entry in tree.items()
        if _MARK in path.rpartition("/")[2] and (entry.kind == "file" or entry.kind in _LINKS)
    }
    write_atomically(known, json.dumps(sizes, sort_keys=True, separators=(",", ":")).encode())
    return sizes
