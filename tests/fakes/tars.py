"""Layers written by hand: what no writer of ours would write."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.outputs.unpack import RootDirectory


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = 0o755
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def directory(name: str, mode: int = 0o755) -> tarfile.TarInfo:
    return entry(name, tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> tarfile.TarInfo:
    return entry(name, tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> tarfile.TarInfo:
    return entry(name, tarfile.LNKTYPE, linkname=target)


Entry = tarfile.TarInfo | str | tuple[str, bytes]


def layer(*entries: Entry) -> io.BytesIO:
    """Make a tar; a name alone is a file that holds its name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in entries:
            if isinstance(each, tarfile.TarInfo):
                archive.addfile(each, io.BytesIO(b""))
                continue
            name, data = (each, each.encode()) if isinstance(each, str) else each
            archive.addfile(entry(name, size=len(data), mode=0o644), io.BytesIO(data))
    buffer.seek(0)
    return buffer


def unpacked(root: RootDirectory, *layers: io.BytesIO) -> dict[str, str]:
    """Apply layers and return every path with its content, its target or ``/``."""
    for number, each in enumerate(layers):
        root.apply(each, name=str(number))
    return tree(root.path)


def tree(top: Path) -> dict[str, str]:
    found = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"  # noqa: PTH115  (as it was written)
        else:
            found[name] = "/" if path.is_dir() else path.read_text()
    return found
