"""A small image with a shell that needs nothing else, made of Debian's static busybox."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.content import BytesContent
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.oci.image import new_image
from condabox.oci.layer import write_layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.tarball import TarDirectory, TarFile, TarLink
from condabox.workflows.images import host_platform
from tests.fakes.images import EPOCH

if TYPE_CHECKING:
    from condabox.oci.image import Image

PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n"


def busybox_image(folder: Path, config: ContainerConfig) -> Image:
    """Make an image with a shell that needs nothing else."""
    busybox = Path(shutil.which("busybox") or "").resolve().read_bytes()
    layer = write_layer(
        [
            TarFile(path="bin/busybox", content=BytesContent(busybox), mode=0o755),
            TarLink(path="bin/sh", target="busybox"),
            TarFile(path="etc/passwd", content=BytesContent(PASSWD)),
            TarFile(path="opt/mine", content=BytesContent(b""), uid=1000, gid=100),
            TarDirectory(path="tmp", mode=0o1777),
        ],
        mtime=EPOCH,
        compression=Compression.GZIP,
        blobs=BlobDirectory(folder / "blobs"),
        annotations={},
    )
    return new_image(
        base=None,
        layers=[(layer, "busybox")],
        blobs=BlobDirectory(folder / "blobs"),
        config=config,
        platform=host_platform(),
        epoch=EPOCH,
        annotations={},
    )


CONFIG = ContainerConfig(
    env={"PATH": "/bin", "A": "of the image"},
    entrypoint=("/bin/sh", "-c"),
    cmd=("exit 0",),
    working_dir="/work",
)
