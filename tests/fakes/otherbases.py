"""Bases that are the world's but for a few files.

with served_world(world, tmp_path) as served:
    base = add_base(served, world, "linked", [TarLink(path="opt", target="var/opt")])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.oci.compress import Compression
from condabox.oci.image import new_image
from condabox.oci.layer import write_layer
from condabox.oci.layout import ImageLayout
from tests.fakes.images import AMD64, EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.oci.tarball import TarEntry
    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World


def add_base(served: ServedWorld, world: World, name: str, entries: Sequence[TarEntry]) -> str:
    """Put ubuntu with a layer of ``entries`` on top into the registry, and return its name."""
    ubuntu = ImageLayout.open(world.base_layouts / "library" / "ubuntu")
    base = ubuntu.resolve("24.04", platform=AMD64)
    blobs = ImageLayout.create(served.folder.parent / name).blobs
    layer = write_layer(
        sorted(entries, key=lambda entry: entry.path.encode()),
        mtime=EPOCH,
        compression=Compression.GZIP,
        blobs=blobs,
        annotations={},
    )
    image = new_image(
        base=base,
        layers=[(layer, name)],
        blobs=blobs,
        config=base.config.config,
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )
    served.registry.add(name, "1", [image])
    return f"{served.registry.host}/{name}:1"
