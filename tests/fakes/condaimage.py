"""Images with conda environments in them that nobody installed, and that need not work."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING

from condabox.oci.config import ContainerConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import new_image
from condabox.oci.layer import Layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import OCI_LAYER_GZIP
from tests.fakes.images import AMD64, EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.platforms import Platform

Member = tuple[tarfile.TarInfo, bytes]

SITE = "opt/env/lib/python3.12/site-packages"


def member(name: str, data: bytes | str = b"", *, mode: int = 0o644) -> Member:
    """Return a file."""
    content = data.encode() if isinstance(data, str) else data
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    return info, content


def program(name: str, data: bytes | str = b"\x7fELF") -> Member:
    """Return a file that may be run."""
    return member(name, data, mode=0o755)


def folder(name: str, *, mode: int = 0o755) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info, b""


def link(name: str, target: str) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    return info, b""


def record(
    name: str,
    version: str = "1.0",
    *files: str,
    depends: Sequence[str] = (),
    prefix: str = "opt/env",
    **more: object,
) -> Member:
    """Return a conda package's record; ``files`` are relative to the prefix."""
    document = {
        "name": name,
        "version": version,
        "build": "0",
        "depends": list(depends),
        "files": list(files),
        **more,
    }
    return member(f"{prefix}/conda-meta/{name}-{version}-0.json", json.dumps(document))


def distribution(
    name: str,
    version: str = "1.0",
    *files: str,
    requires: Sequence[str] = (),
    scripts: Sequence[str] = (),
    told: str | None = None,
) -> tuple[Member, ...]:
    """Return a ``dist-info``; ``files`` are relative to site-packages, as RECORD has them.

    ``told`` is the version that METADATA tells, where it is another one than the folder's.
    """
    info = f"{name}-{version}.dist-info"
    headers = [f"Name: {name}", f"Version: {told or version}"]
    headers += [f"Requires-Dist: {each}" for each in requires]
    points = "\n".join(["[console_scripts]", *scripts])
    listed = [*files, f"{info}/METADATA", f"{info}/RECORD"]
    return (
        member(f"{SITE}/{info}/METADATA", "\n".join(headers) + "\n\nWhat it is: a project\n"),
        member(f"{SITE}/{info}/RECORD", "".join(f"{each},,\n" for each in listed)),
        member(f"{SITE}/{info}/entry_points.txt", points),
    )


def raw_layer(directory: Path, *members: Member) -> Layer:
    """Write a layer of any members, whiteouts and what no writer of ours would write included."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    tar_bytes = buffer.getvalue()
    compressed = gzip.compress(tar_bytes, mtime=0)
    blobs = BlobDirectory(directory / "blobs")
    with blobs.writer() as blob:
        blob.write(compressed)
    return Layer(
        descriptor=Descriptor(
            media_type=OCI_LAYER_GZIP, digest=Digest.of(compressed), size=len(compressed)
        ),
        diff_id=Digest.of(tar_bytes),
        size=len(tar_bytes),
    )


def conda_image(
    directory: Path,
    *layers: Sequence[Member],
    base: Image | None = None,
    config: ContainerConfig | None = None,
    platform: Platform = AMD64,
) -> Image:
    """Make an image of raw layers, on ``base`` and with its configuration where there is one."""
    return new_image(
        base=base,
        layers=[(raw_layer(directory, *each), "by hand") for each in layers],
        blobs=BlobDirectory(directory / "blobs"),
        config=config or (base.config.config if base else ContainerConfig()),
        platform=base.platform if base else platform,
        epoch=EPOCH,
        annotations={},
    )
