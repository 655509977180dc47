"""No reader of layers takes more memory or time than a layer is worth, whatever stands in it."""

from __future__ import annotations

import tarfile
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.events import SilentReporter
from condabox.inspection.layer_contents import read_layer
from condabox.oci import layertar
from condabox.oci.contents import layer_entries
from condabox.oci.digest import Digest
from condabox.oci.validate import validate_image
from condabox.outputs.rootless import unpack
from condabox.outputs.unpack import RootDirectory
from condabox.verification.contents import read_contents
from condabox.verification.rebuild import rebuild_finding
from tests.fakes import bombs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from condabox.oci.image import Image

MOST_MEMORY = 24 << 20
"""Bytes: less than half of what each bomb is made of."""


def entries(image: Image, _: Path) -> None:
    list(layer_entries(image.blobs, image.manifest.layers[0]))


def validation(image: Image, _: Path) -> None:
    problems = validate_image(image)
    raise ImageError(problems[0])


def unpacking(image: Image, folder: Path) -> None:
    root = folder / "root"
    root.mkdir()
    unpack(image, RootDirectory(root, ownership=False), reporter=SilentReporter())


def verification(image: Image, _: Path) -> None:
    read_contents(image, marks=(b"mark",))


def rebuild(image: Image, _: Path) -> None:
    config = replace(image.config, diff_ids=(Digest.of(b"other"),))
    descriptor = replace(image.descriptor, digest=config.diff_ids[0])
    other = replace(image, config=config, descriptor=descriptor)
    raise ImageError(rebuild_finding(image, other).detail)


def inspection(image: Image, _: Path) -> None:
    read_layer(image.blobs, image.manifest.layers[0])


READERS = (entries, validation, unpacking, verification, rebuild, inspection)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("bomb", "told"),
    [
        pytest.param(
            lambda: bombs.long_extension(tarfile.XHDTYPE),
            "a header of 67108864 bytes",
            id="an extended header",
        ),
        pytest.param(
            lambda: bombs.long_extension(tarfile.GNUTYPE_LONGNAME),
            "a header of 67108864 bytes",
            id="a long name",
        ),
        pytest.param(
            lambda: bombs.long_extension(tarfile.XGLTYPE),
            "a header of 67108864 bytes",
            id="a global header",
        ),
        pytest.param(bombs.many_extensions, "16 extended headers", id="headers of headers"),
        pytest.param(bombs.many_globals, "100 global keywords", id="global headers"),
        pytest.param(bombs.old_map_without_end, "2097152 bytes for one", id="an old map"),
        pytest.param(bombs.map_without_end, "2097152 bytes for one", id="a map of holes"),
        pytest.param(bombs.long_names, "a name of", id="long names"),
        pytest.param(
            lambda: iter([bombs.pax(b"1" * (1 << 20))]), "a number without an end", id="digits"
        ),
        pytest.param(bombs.endless_file, "unexpected end", id="a file without an end"),
    ],
)
def test_what_no_builder_writes_is_refused_before_it_is_held(
    tmp_path: Path,
    read: Callable[[Image, Path], None],
    bomb: Callable[[], Iterator[bytes]],
    told: str,
) -> None:
    image = bombs.bomb_image(tmp_path, bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=told):
            read(image, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MOST_MEMORY


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("limit", "told"),
    [
        pytest.param("MOST_ENTRIES", "more than 64 entries", id="entries"),
        pytest.param("MOST_PATHS", "more than 64 characters", id="folders"),
    ],
)
def test_paths_have_a_limit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Image, Path], None],
    limit: str,
    told: str,
) -> None:
    monkeypatch.setattr(layertar, limit, 64)
    image = bombs.bomb_image(tmp_path, bombs.deep_folders)

    with pytest.raises(ImageError, match=told):
        read(image, tmp_path)
