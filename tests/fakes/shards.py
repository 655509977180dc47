"""The sharded index of a channel (CEP-16): one small file for each package's name."""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.fakes.channel import FakePackage

INDEX = "repodata_shards.msgpack.zst"


def write_shards(root: Path, packages: Iterable[FakePackage]) -> None:
    """Write the index of ``packages`` beside the repodata of the channel at ``root``."""
    by_subdir: dict[str, dict[str, list[FakePackage]]] = defaultdict(lambda: defaultdict(list))
    for package in packages:
        by_subdir[package.subdir][package.name].append(package)
    for subdir, by_name in by_subdir.items():
        folder = root / subdir
        (folder / "shards").mkdir(parents=True, exist_ok=True)
        digests: dict[str, object] = {}
        for name, found in by_name.items():
            data = _compressed(
                {"packages": {}, "packages.conda": {p.filename: _record(p) for p in found}}
            )
            digest = hashlib.sha256(data)
            (folder / "shards" / f"{digest.hexdigest()}.msgpack.zst").write_bytes(data)
            digests[name] = digest.digest()
        info = {"subdir": subdir, "base_url": "./", "shards_base_url": "./shards/"}
        index = {"version": 1, "info": info, "shards": digests}
        (folder / INDEX).write_bytes(_compressed(index))


def _record(package: FakePackage) -> dict[str, object]:
    # hashes are bytes here
    return {
        name: bytes.fromhex(str(value)) if name in {"md5", "sha256"} else value
        for name, value in package.record().items()
        if value is not None
    }


def _compressed(document: Mapping[str, object]) -> bytes:
    return zstandard.compress(_packed(document))


def _packed(value: object) -> bytes:
    """Encode as msgpack.org says, in the longest forms."""
    match value:
        case int():
            return b"\xd3" + struct.pack(">q", value)
        case str():
            data = value.encode()
            return b"\xdb" + struct.pack(">I", len(data)) + data
        case bytes():
            return b"\xc6" + struct.pack(">I", len(value)) + value
        case list():
            return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(_packed, value))
        case dict():
            items = b"".join(_packed(key) + _packed(each) for key, each in value.items())
            return b"\xdf" + struct.pack(">I", len(value)) + items
        case _:
            raise TypeError(type(value))
