from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.backends import base_accounts
from condabox.backends.base_accounts import BaseAccounts, accounts_of
from condabox.base import Base
from condabox.development.account import NO_ACCOUNTS
from condabox.errors import ImageError
from condabox.oci.config import ContainerConfig, ImageConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import Image, MemoryBlobs
from condabox.oci.manifest import ImageManifest
from condabox.oci.mediatype import OCI_CONFIG, OCI_LAYER_GZIP
from tests.fakes.images import AMD64
from tests.fakes.tars import hardlink, layer, symlink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fakes.tars import Entry

ROOT = b"root:x:0:0::/root:/bin/bash\n"
LATER = b"app:x:7:7::/:/bin/sh\n"


def base_of(*layers: Sequence[Entry]) -> Base:
    """Return a base of layers that were written by hand."""
    tars = [layer(*entries).getvalue() for entries in layers]
    blobs = [gzip.compress(tar, mtime=0) for tar in tars]
    config = ImageConfig.create(
        platform=AMD64,
        created="2026-01-31T23:59:59Z",
        config=ContainerConfig(),
        diff_ids=[Digest.of(tar) for tar in tars],
        history=(),
        extra={},
    )
    manifest = ImageManifest.create(
        config=Descriptor(media_type=OCI_CONFIG, digest=config.digest, size=len(config.raw)),
        layers=[
            Descriptor(media_type=OCI_LAYER_GZIP, digest=Digest.of(blob), size=len(blob))
            for blob in blobs
        ],
        annotations={},
    )
    image = Image(
        descriptor=manifest.descriptor,
        manifest=manifest,
        config=config,
        blobs=MemoryBlobs({Digest.of(blob): blob for blob in blobs}),
    )
    return Base(image=image, name=None)


@pytest.mark.parametrize(
    ("layers", "accounts"),
    [
        pytest.param([[("etc/passwd", ROOT), "bin/bash"]], (ROOT, "/bin/bash"), id="as-it-is"),
        pytest.param([[("./etc/passwd", ROOT), "./bin/sh"]], (ROOT, "/bin/sh"), id="sh-alone"),
        pytest.param(
            [[("etc/passwd", ROOT)], [("etc/passwd", LATER)], ["etc/other"]],
            (LATER, None),
            id="the-last-one-counts",
        ),
        pytest.param(
            [[("etc/passwd", ROOT), "usr/bin/bash", symlink("bin", "usr/bin")]],
            (ROOT, "/bin/bash"),
            id="merged-usr",
        ),
        pytest.param([["usr/bin/bash", "bin/sh"]], (NO_ACCOUNTS, "/bin/sh"), id="not-in-bin"),
        pytest.param(
            [[("etc/passwd", ROOT)], ["etc/.wh.passwd"]], (NO_ACCOUNTS, None), id="whiteout"
        ),
        pytest.param(
            [[("etc/passwd", ROOT)], ["etc/.wh..wh..opq"]], (NO_ACCOUNTS, None), id="opaque"
        ),
        pytest.param(
            [[("etc/passwd", ROOT)], ["etc/.wh.passwd"], [("etc/passwd", LATER)]],
            (LATER, None),
            id="there-again",
        ),
        pytest.param(
            [[("etc/passwd", ROOT)], [symlink("etc/passwd", "../run/passwd")]],
            (NO_ACCOUNTS, None),
            id="link",
        ),
        pytest.param(
            [[("etc/a", ROOT), hardlink("etc/passwd", "etc/a")]], (NO_ACCOUNTS, None), id="hardlink"
        ),
        pytest.param([["bin/bash"], ["bin/.wh.bash"]], (NO_ACCOUNTS, None), id="bash-is-gone"),
        pytest.param([], (NO_ACCOUNTS, None), id="nothing"),
    ],
)
def test_a_container_s_accounts_are_those_of_all_layers(
    layers: list[list[Entry]], accounts: tuple[bytes, str | None], tmp_path: Path
) -> None:
    passwd, shell = accounts

    found = accounts_of(base_of(*layers), cache_dir=tmp_path)

    assert found == BaseAccounts(passwd=passwd, shell=shell)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([("etc/passwd", b"x" * (1 << 20) + b"x")], "has 1048577 bytes"),
        ([symlink("etc", "usr/etc")], "/etc is no folder"),
        (["etc"], "/etc is no folder"),
    ],
)
def test_a_base_that_no_user_can_be_added_to_is_refused(
    entries: list[Entry], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match=message):
        accounts_of(base_of(entries), cache_dir=tmp_path)


def test_a_base_is_read_once_and_every_byte_of_it_kept(tmp_path: Path) -> None:
    base = base_of([("etc/passwd", bytes(range(256)))])
    before = accounts_of(base, cache_dir=tmp_path)
    gone = replace(base, image=replace(base.image, blobs=MemoryBlobs({})))

    assert accounts_of(gone, cache_dir=tmp_path) == before
    assert before.passwd == bytes(range(256))


@pytest.mark.parametrize("note", ["[", "{}", '{"passwd": 1}', '{"passwd": "\\u1234"}'])
def test_a_damaged_note_is_written_again(note: str, tmp_path: Path) -> None:
    base = base_of([("etc/passwd", ROOT)])
    before = accounts_of(base, cache_dir=tmp_path)
    (file,) = (tmp_path / "bases").iterdir()
    file.write_text(note)

    assert accounts_of(base, cache_dir=tmp_path) == before


def test_what_older_code_knew_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = base_of([("etc/passwd", ROOT)])
    accounts_of(base, cache_dir=tmp_path)
    (before,) = (tmp_path / "bases").iterdir()
    before.write_text('{"passwd": "old"}')
    monkeypatch.setattr(base_accounts, "FORMAT", base_accounts.FORMAT + 1)

    assert accounts_of(base, cache_dir=tmp_path).passwd == ROOT


def test_a_damaged_layer_is_an_error(tmp_path: Path) -> None:
    base = base_of([("etc/passwd", ROOT)])
    (descriptor,) = base.image.manifest.layers
    blobs = MemoryBlobs({descriptor.digest: gzip.compress(layer("etc/x").getvalue())})

    with pytest.raises(ImageError):
        accounts_of(replace(base, image=replace(base.image, blobs=blobs)), cache_dir=tmp_path)
