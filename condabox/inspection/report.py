"""What an image is made of: layers, packages, files, and what of it is there for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from condabox.inspection.hints import Hint
    from condabox.inspection.tree import TreeNode

FORMAT = 1
"""Of the JSON document: another number where what is there already means something else."""

MOST_LISTED = 1000
"""Rows of each list that may have one for every file."""

Manager = Literal["conda", "pip", "deb"]
RestKind = Literal["base", "application", "unowned", "hidden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One layer; it is called by its place in the image, 0 for the bottom one."""

    digest: str
    diff_id: str
    """The digest of what is in it, not compressed."""
    title: str
    """Its packages where condabox made it, else what made it, as the image's history tells."""
    compressed: int
    """Bytes that are pulled."""
    uncompressed: bool
    """Whether it is a plain archive here: fewer bytes are pulled of what a registry compresses."""
    unpacked: int
    """Bytes of its files, those that other layers hide included."""
    files: int
    packages: tuple[str, ...]
    """The names of those that have files in it, sorted."""
    base: bool
    """Whether it is known to be one of the base image's."""

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {
            "digest": self.digest,
            "diff_id": self.diff_id,
            "title": self.title,
            "compressed": self.compressed,
            "uncompressed": self.uncompressed,
            "unpacked": self.unpacked,
            "files": self.files,
            "packages": list(self.packages),
            "base": self.base,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReport:
    """What one package costs.

    ``compressed`` is its share of its layers' compressed bytes, in proportion to its part of what
    they unpack to: exact where it has a layer for itself.  ``share`` is that of the whole image's.
    """

    name: str
    version: str
    build: str
    """Empty for all but conda's."""
    manager: Manager
    prefix: str
    """Where it is installed: ``/opt/env``; for wheels the folder that has them all."""
    layers: tuple[int, ...]
    files: int
    installed: int
    compressed: int
    share: float
    base: bool
    """Whether the base image has installed it."""

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "manager": self.manager,
            "prefix": self.prefix,
            "layers": list(self.layers),
            "files": self.files,
            "installed": self.installed,
            "compressed": self.compressed,
            "share": self.share,
            "base": self.base,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestReport:
    """Bytes of no package, so that all shares add up to the whole image.

    The kinds are ``base`` and ``application``, by the layers that they are in; ``hidden``, which a
    later layer writes again or takes away, of packages, too; and ``unowned``, all the others.
    """

    kind: RestKind
    layers: tuple[int, ...]
    files: int
    unpacked: int
    compressed: int
    share: float

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {
            "kind": self.kind,
            "layers": list(self.layers),
            "files": self.files,
            "unpacked": self.unpacked,
            "compressed": self.compressed,
            "share": self.share,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReport:
    """What a rule of pruning left out of the image, in all layers."""

    rule: str
    files: int
    bytes: int

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {"rule": self.rule, "files": self.files, "bytes": self.bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateReport:
    """The same thing at several paths.

    That is the same content, and ``what`` is the name of its file; or a library whose soname,
    ``what``, others have too with another content.  ``wasted`` are the bytes of all but the
    largest.
    """

    kind: Literal["content", "library"]
    what: str
    paths: tuple[str, ...]
    wasted: int
    in_base: bool
    """Whether one of them is in the base image, which the environment can do nothing about."""

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {
            "kind": self.kind,
            "what": self.what,
            "paths": list(self.paths),
            "wasted": self.wasted,
            "in_base": self.in_base,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteReport:
    """A path that several layers have, or that one has and a later one takes away.

    ``bytes`` are those of all copies but the smallest; where it is taken away, those of all.
    """

    path: str
    bytes: int
    layers: tuple[int, ...]
    """Those that write it, and those that take it away."""

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {"path": self.path, "bytes": self.bytes, "layers": list(self.layers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file that a container sees; ``package`` is empty where it is of none."""

    path: str
    size: int
    package: str
    layer: int

    def to_json(self) -> dict[str, object]:
        """Return the document, its keys as the fields are called."""
        return {
            "path": self.path,
            "size": self.size,
            "package": self.package,
            "layer": self.layer,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReport:
    """An image for one platform.  Whatever is listed comes with the largest first, layers not.

    Of ``duplicates``, ``waste`` and ``largest`` there are at most `MOST_LISTED`; the sums and
    the counts are over all.  ``efficiency``, from 0 to 1, and ``wasted`` are explained in
    `condabox.inspection.waste`.
    """

    name: str
    digest: str
    """Of the manifest."""
    platform: str
    created: str
    """RFC 3339; empty where the image does not tell."""
    base_name: str
    """Empty where the image does not tell; ``base_digest``, too."""
    base_digest: str
    compressed: int
    """Bytes of all layers as they are pulled."""
    unpacked: int
    """Bytes of the files in all layers."""
    files: int
    """That a container sees."""
    efficiency: float
    wasted: int
    duplicated: int
    skipped: int
    """Records of packages that were too large or damaged, so that their files are of no package."""
    layers: tuple[LayerReport, ...]
    packages: tuple[PackageReport, ...]
    rest: tuple[RestReport, ...]
    rules: tuple[RuleReport, ...]
    duplicates: tuple[DuplicateReport, ...]
    duplicate_count: int
    waste: tuple[WasteReport, ...]
    waste_count: int
    largest: tuple[FileReport, ...]
    hints: tuple[Hint, ...]
    tree: TreeNode

    @property
    def uncompressed(self) -> int:
        """How many layers are not compressed here."""
        return sum(each.uncompressed for each in self.layers)

    def to_json(self) -> dict[str, object]:
        """Return the document of ``--format json``.

        Its keys are ``format``, which is 1, and the fields as they are called; so in all that is in
        them.  Sizes are bytes, layers are called by their places from 0 on.  New keys may come.
        """
        return {
            "format": FORMAT,
            "name": self.name,
            "digest": self.digest,
            "platform": self.platform,
            "created": self.created,
            "base_name": self.base_name,
            "base_digest": self.base_digest,
            "compressed": self.compressed,
            "unpacked": self.unpacked,
            "files": self.files,
            "efficiency": self.efficiency,
            "wasted": self.wasted,
            "duplicated": self.duplicated,
            "skipped": self.skipped,
            "layers": [each.to_json() for each in self.layers],
            "packages": [each.to_json() for each in self.packages],
            "rest": [each.to_json() for each in self.rest],
            "rules": [each.to_json() for each in self.rules],
            "duplicates": [each.to_json() for each in self.duplicates],
            "duplicate_count": self.duplicate_count,
            "waste": [each.to_json() for each in self.waste],
            "waste_count": self.waste_count,
            "largest": [each.to_json() for each in self.largest],
            "hints": [each.to_json() for each in self.hints],
            "tree": self.tree.to_json(),
        }
