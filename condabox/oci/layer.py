"""From entries to a layer blob, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.oci.compress import CompressingWriter, default_threads
from condabox.oci.descriptor import Descriptor
from condabox.oci.tarball import write_tar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from condabox.oci.compress import Compression
    from condabox.oci.digest import Digest
    from condabox.oci.layout import BlobDirectory
    from condabox.oci.tarball import TarEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer whose blob exists; ``size`` is that of the uncompressed tar, in bytes."""

    descriptor: Descriptor
    diff_id: Digest
    size: int


def write_layer(
    entries: Iterable[TarEntry],
    *,
    mtime: int,
    compression: Compression,
    blobs: BlobDirectory,
    annotations: Mapping[str, str],
    threads: int | None = None,
) -> Layer:
    """Write the tar of ``entries`` to ``blobs``, compressed and hashed on the way.

    ``threads`` only changes how long it takes; None is `default_threads`.
    """
    with (
        blobs.writer() as blob,
        CompressingWriter(
            blob.write, compression=compression, threads=threads or default_threads()
        ) as stream,
    ):
        write_tar(entries, mtime=mtime, write=stream.write)
    return Layer(
        descriptor=Descriptor(
            media_type=compression.media_type,
            digest=blob.digest,
            size=blob.size,
            annotations=annotations,
        ),
        diff_id=stream.diff_id,
        size=stream.size,
    )
