"""What the map of an image is drawn from: its tree, and where each part comes from."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from condabox.reporting.formats import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.inspection.report import ImageReport, LayerReport
    from condabox.inspection.tree import TreeNode

Origin = Literal["base", "conda", "pip", "other"]

_ORIGINS: dict[str, Origin] = {"conda": "conda", "pip": "pip", "deb": "base"}
"""Of a package, by what has installed it."""


def image_map(report: ImageReport) -> dict[str, object]:
    """Return the tree as JSON: each node's ``name``, ``kind`` and ``bytes``, and ``children``.

    The image and its layers have ``compressed``, too: what is below has its part of its layer's.
    Layers and what is directly in them have an `Origin`, a layer that of most of its bytes.
    """
    origins = {
        (layer, package.name): _ORIGINS[package.manager]
        # of several packages with one name in one layer it is that of the largest
        for package in reversed(report.packages)
        for layer in package.layers
    }
    return {
        "name": printable(report.name),
        "kind": "image",
        "bytes": report.tree.bytes,
        "compressed": report.compressed,
        "children": [
            _layer(number, node, layer, origins)
            for number, (node, layer) in enumerate(
                zip(report.tree.children, report.layers, strict=True)
            )
        ],
    }


def _layer(
    number: int, node: TreeNode, layer: LayerReport, origins: Mapping[tuple[int, str], Origin]
) -> dict[str, object]:
    sizes: Counter[Origin] = Counter()
    children = []
    for child in node.children:
        owned: Origin = "other"
        if child.kind == "package":
            owned = origins.get((number, child.name), "other")
        origin: Origin = "base" if layer.base else owned
        sizes[origin] += child.bytes
        children.append({**_document(child), "origin": origin})
    return {
        "name": printable(node.name) or f"layer {number}",
        "kind": node.kind,
        "bytes": node.bytes,
        "compressed": layer.compressed,
        "origin": max(sizes, key=lambda each: sizes[each], default="other"),
        **({"children": children} if children else {}),
    }


def _document(node: TreeNode) -> dict[str, object]:
    return {
        "name": printable(node.name),
        "kind": node.kind,
        "bytes": node.bytes,
        **({"children": [_document(each) for each in node.children]} if node.children else {}),
    }
