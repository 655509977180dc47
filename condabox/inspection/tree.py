"""What an image's bytes are for, as a tree: layer, package, directories, files."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NodeKind = Literal["image", "layer", "package", "directory", "file", "rest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """A part of an image, and the parts that it has; the root is the image.

    ``bytes`` are those of all files in it, as they are unpacked; each is the sum of its
    ``children``'s, where it has some, and they come with the largest first, the ``rest`` last.
    The kinds are:

    * ``layer``: ``name`` is its title; the root has one for each layer, in the image's order;
    * ``package``: what a layer has of one package; its name alone;
    * ``directory``: one or several names, ``lib/python3.12/site-packages``, below its parent.  A
      layer's directories beside its packages are of no package;
    * ``file``: one that is large enough to be told;
    * ``rest``: what is too small to be told one by one, summed; ``name`` says what,
      ``1,204 small files``.
    """

    name: str
    kind: NodeKind
    bytes: int
    children: tuple[TreeNode, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the document; ``children`` stands there only where there are some."""
        return {
            "name": self.name,
            "kind": self.kind,
            "bytes": self.bytes,
            **({"children": [each.to_json() for each in self.children]} if self.children else {}),
        }


_SHOWN_PARTS = 4096
"""What is smaller than this part of the image is summed: a page can show no more."""
_DEEPEST = 40
"""Directories in each other; what is below them is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFiles:
    """One layer's files for `tree_of`: path, package (empty for none) and size of each."""

    title: str
    files: Sequence[tuple[str, str, int]]


def tree_of(name: str, layers: Sequence[LayerFiles]) -> TreeNode:
    """Sum up the files of ``layers``; how large the tree is depends on the image's depth alone."""
    total = sum(size for layer in layers for _, _, size in layer.files)
    smallest = max(1, total // _SHOWN_PARTS)
    nodes = tuple(_layer(each, smallest=smallest) for each in layers)
    return TreeNode(name=name, kind="image", bytes=total, children=nodes)


@dataclass(slots=True)
class _Growing:
    """A node while it is made: what is in it by name, and how much that is."""

    kind: NodeKind
    bytes: int = 0
    files: int = 0
    inside: dict[tuple[NodeKind, str], _Growing] = field(default_factory=dict)

    def grow(self, parts: Iterable[tuple[NodeKind, str]], size: int) -> None:
        """Add a file that is at ``parts``."""
        node = self
        node.bytes += size
        node.files += 1
        for part in parts:
            if part not in node.inside:
                node.inside[part] = _Growing(part[0])
            node = node.inside[part]
            node.bytes += size
            node.files += 1


def _layer(layer: LayerFiles, *, smallest: int) -> TreeNode:
    top = _Growing("layer")
    for path, package, size in layer.files:
        folder, _, name = path.rpartition("/")
        parts: list[tuple[NodeKind, str]] = [("package", package)] if package else []
        parts.extend(("directory", each) for each in folder.split("/", _DEEPEST) if each)
        parts.append(("file", name))
        top.grow(parts, size)
    return _node(layer.title, top, smallest=smallest)


def _node(name: str, growing: _Growing, *, smallest: int) -> TreeNode:
    """Make the node of what has grown; a directory with nothing but one is one with it."""
    while growing.kind == "directory" and len(growing.inside) == 1:
        (((kind, inner), only),) = growing.inside.items()
        if kind != "directory":
            break
        name, growing = posixpath.join(name, inner), only
    large = {key: each for key, each in growing.inside.items() if each.bytes >= smallest}
    children = [_node(key[1], each, smallest=smallest) for key, each in large.items()]
    # the name is the tiebreaker
    children.sort(key=lambda each: (-each.bytes, each.name))
    rest = growing.bytes - sum(each.bytes for each in children)
    count = growing.files - sum(each.files for each in large.values())
    if rest and children:
        name_of_rest = f"{count:,} small file{'' if count == 1 else 's'}"
        children.append(TreeNode(name=name_of_rest, kind="rest", bytes=rest))
    return TreeNode(name=name, kind=growing.kind, bytes=growing.bytes, children=tuple(children))
