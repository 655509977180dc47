"""Contents that are remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.decode import DecodeError
from condabox.inspection.contents_cache import (
    FORMAT,
    ContentsCache,
    contents_from_json,
    contents_to_json,
)
from condabox.inspection.layer_contents import LayerContents
from condabox.inspection.records import InstalledPackage
from condabox.oci.digest import Digest
from tests.fakes.contents import conda_record, contents
from tests.fakes.tars import directory, hardlink, symlink

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = Digest.of(b"layer")
PATHS = st.lists(st.text("ab.\udce9é\n", min_size=1, max_size=4), min_size=1, max_size=4).map(
    "/".join
)
CONTENTS = st.builds(
    LayerContents,
    files=st.dictionaries(PATHS, st.integers(min_value=0)),
    digests=st.just({}),
    symlinks=st.dictionaries(PATHS, st.text()),
    hardlinks=st.dictionaries(PATHS, PATHS),
    directories=st.frozensets(PATHS),
    removed=st.frozensets(PATHS),
    emptied=st.frozensets(PATHS),
    packages=st.lists(
        st.builds(
            InstalledPackage,
            name=st.text(),
            version=st.text(),
            build=st.text(),
            manager=st.sampled_from(["conda", "pip", "deb"]),
            prefix=st.text(),
            record=PATHS,
            paths=st.frozensets(PATHS),
        ),
        max_size=3,
    ).map(tuple),
    skipped=st.integers(min_value=0),
).map(lambda found: replace(found, digests=dict.fromkeys(found.files, "ab")))


@given(found=CONTENTS)
def test_what_is_written_is_read_again(found: LayerContents) -> None:
    text = json.dumps(contents_to_json(found))

    assert contents_from_json(json.loads(text)) == found


def test_a_layer_is_known_once_it_was_put(tmp_path: Path) -> None:
    found = contents(
        conda_record("numpy", "lib/a.py"),
        "opt/env/lib/a.py",
        directory("etc"),
        symlink("lib", "usr/lib"),
        hardlink("b", "opt/env/lib/a.py"),
        ".wh.tmp",
    )
    cache = ContentsCache(tmp_path)
    assert cache.get(DIGEST) is None

    cache.put(DIGEST, found)

    assert cache.get(DIGEST) == found
    assert cache.get(Digest.of(b"another")) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000])
def test_what_was_damaged_is_not_known(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "contents" / str(FORMAT) / f"{DIGEST.hex}.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)

    assert ContentsCache(tmp_path).get(DIGEST) is None


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": []},
        {"sizes": ["1"]},
        {"digests": {"7": "ab"}},
        {"files": {"": [1]}},
        {"skipped": None},
        {"packages": [1]},
        {"packages": [{"name": "a", "version": "1", "manager": "apt"}]},
    ],
)
def test_another_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        contents_from_json({**contents_to_json(contents("a")), **change})
