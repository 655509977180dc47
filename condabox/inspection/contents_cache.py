"""What is known of layers, kept by their digests: a layer never changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from condabox.decode import DecodeError, mapping, optional, required, string_mapping
from condabox.files import write_atomically
from condabox.inspection.layer_contents import LayerContents
from condabox.inspection.records import InstalledPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from condabox.inspection.report import Manager
    from condabox.oci.digest import Digest

_T = TypeVar("_T")

FORMAT = 1
"""Another number whenever the same layer would be told otherwise."""


@dataclass(frozen=True, slots=True)
class ContentsCache:
    """The contents of layers that were read before; several processes may use it at a time."""

    cache_dir: Path

    def get(self, digest: Digest) -> LayerContents | None:
        """Return what the layer has; None where it is not known, or no more to be read."""
        try:
            return contents_from_json(json.loads(self._path(digest).read_bytes()))
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, digest: Digest, contents: LayerContents) -> None:
        """Remember what the layer has."""
        text = json.dumps(contents_to_json(contents), separators=(",", ":"))
        write_atomically(self._path(digest), text.encode())

    def _path(self, digest: Digest) -> Path:
        return self.cache_dir / "contents" / str(FORMAT) / f"{digest.hex}.json"


def contents_to_json(contents: LayerContents) -> dict[str, object]:
    """Return the document that `contents_from_json` reads.

    What paths have in common is there once, sizes are in the order of files, and digests and the
    files of packages are by their numbers.
    """
    folders = _split(contents.files)
    files = _joined(folders)
    numbers = {path: number for number, path in enumerate(files)}
    return {
        "files": folders,
        "sizes": [contents.files[path] for path in files],
        "digests": {str(numbers[path]): digest for path, digest in contents.digests.items()},
        "symlinks": dict(contents.symlinks),
        "hardlinks": dict(contents.hardlinks),
        "directories": _split(contents.directories),
        "removed": sorted(contents.removed),
        "emptied": sorted(contents.emptied),
        "packages": [_package_to_json(each, numbers) for each in contents.packages],
        "skipped": contents.skipped,
    }


def contents_from_json(value: object) -> LayerContents:
    """Read what `contents_to_json` returned; raise DecodeError when it is something else."""
    obj = mapping(value, at="")
    files = _joined(obj.get("files"))
    sizes = _all(obj.get("sizes"), int, at="sizes")
    if len(sizes) != len(files):
        raise DecodeError(f"there are {len(sizes)} for {len(files)} files", at="sizes")
    digests = string_mapping(obj.get("digests"), at="digests")
    packages = _all(obj.get("packages"), dict, at="packages")
    return LayerContents(
        files=dict(zip(files, sizes, strict=True)),
        digests={_numbered(number, files): digest for number, digest in digests.items()},
        symlinks=string_mapping(obj.get("symlinks"), at="symlinks"),
        hardlinks=string_mapping(obj.get("hardlinks"), at="hardlinks"),
        directories=frozenset(_joined(obj.get("directories"))),
        removed=frozenset(_all(obj.get("removed"), str, at="removed")),
        emptied=frozenset(_all(obj.get("emptied"), str, at="emptied")),
        packages=tuple(_package_from_json(each, files) for each in packages),
        skipped=required(obj, "skipped", int, at=""),
    )


def _package_to_json(package: InstalledPackage, numbers: Mapping[str, int]) -> dict[str, object]:
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "manager": package.manager,
        "prefix": package.prefix,
        "record": package.record,
        "files": sorted(numbers[path] for path in package.paths if path in numbers),
        "others": _split(path for path in package.paths if path not in numbers),
    }


def _package_from_json(value: Mapping[str, object], files: Sequence[str]) -> InstalledPackage:
    manager = required(value, "manager", str, at="packages")
    if manager not in {"conda", "pip", "deb"}:
        raise DecodeError(f"is {manager}", at="packages.manager")
    return InstalledPackage(
        name=required(value, "name", str, at="packages"),
        version=required(value, "version", str, at="packages"),
        build=optional(value, "build", str, at="packages") or "",
        manager=cast("Manager", manager),
        prefix=required(value, "prefix", str, at="packages"),
        record=required(value, "record", str, at="packages"),
        paths=frozenset(
            [
                *(_numbered(each, files) for each in _all(value.get("files"), int, at="files")),
                *_joined(value.get("others")),
            ]
        ),
    )


def _split(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of ``paths`` by their folders, each once and sorted."""
    split: dict[str, list[str]] = {}
    for folder, _, name in sorted({path.rpartition("/") for path in paths}):
        split.setdefault(folder, []).append(name)
    return split


def _joined(value: object) -> list[str]:
    """Return the paths that `_split` took apart, in the same order."""
    return [
        f"{folder}/{name}" if folder else name
        for folder, names in mapping(value, at="").items()
        for name in _all(names, str, at=folder)
    ]


def _all(value: object, kind: type[_T], *, at: str) -> list[_T]:
    """Return ``value`` if it is a list of ``kind``; there are many, so they are checked at once."""
    if not isinstance(value, list) or not all(type(each) is kind for each in value):
        raise DecodeError(f"is not a list of {kind.__name__}", at=at)
    return value


def _numbered(number: str | int, files: Sequence[str]) -> str:
    index = int(number)
    if not 0 <= index < len(files):
        raise DecodeError(f"there is no file {index}", at="")
    return files[index]
