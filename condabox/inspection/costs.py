"""Whose the bytes of an image are: packages' first, and then those of no package.

Each byte is told of once, so that all shares together are the image.  Of a layer's compressed bytes
everything in it has its part in proportion to what it unpacks to.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from condabox.inspection.report import PackageReport, RestReport

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from condabox.inspection.ownership import Ownership
    from condabox.inspection.records import InstalledPackage
    from condabox.inspection.report import LayerReport, RestKind
    from condabox.inspection.stack import Stack


def packages_of(
    stack: Stack, ownership: Ownership, layers: Sequence[LayerReport]
) -> tuple[PackageReport, ...]:
    """Return what a container sees of each package, the one first that is pulled with most."""
    files: dict[int, Counter[int]] = {}
    sizes: dict[int, Counter[int]] = {}
    for path, layer in stack.files.items():
        owner = ownership.owners.get(path)
        if owner is not None:
            files.setdefault(owner, Counter())[layer] += 1
            sizes.setdefault(owner, Counter())[layer] += stack.written[layer][path]
    total = sum(each.compressed for each in layers)
    found = []
    for number in sorted(files.keys() | ownership.visible):
        package = ownership.packages[number]
        here = sizes.get(number, Counter())
        compressed = sum(_part(layers[layer], size) for layer, size in here.items())
        found.append(
            PackageReport(
                name=package.name,
                version=package.version,
                build=package.build,
                manager=package.manager,
                prefix=f"/{package.prefix}",
                layers=tuple(sorted(files.get(number, ()))),
                files=sum(files.get(number, Counter()).values()),
                installed=sum(here.values()),
                compressed=round(compressed),
                share=compressed / total if total else 0.0,
                base=_is_base(package, stack, layers, here),
            )
        )
    # names and places are the tiebreakers
    found.sort(key=lambda each: (-each.compressed, -each.installed, each.name, each.prefix))
    return tuple(found)


def rest_of(
    stack: Stack,
    ownership: Ownership,
    layers: Sequence[LayerReport],
    *,
    application: Collection[int],
) -> tuple[RestReport, ...]:
    """Return what is of no package, that first which is pulled with most.

    ``application`` are the layers where that is the application's.
    """
    files: dict[RestKind, Counter[int]] = {}
    unpacked: Counter[RestKind] = Counter()
    compressed: dict[RestKind, float] = {}
    for number, layer in enumerate(layers):
        kind: RestKind = "application" if number in application else "unowned"
        kind = "base" if layer.base else kind
        sizes: Counter[RestKind] = Counter()
        if not layer.unpacked:  # folders and links, which nobody owns
            files.setdefault(kind, Counter())[number] = 0
            compressed[kind] = compressed.get(kind, 0.0) + layer.compressed
        for path, size in stack.written[number].items():
            hidden = stack.files.get(path) != number
            if hidden or path not in ownership.owners:
                one: RestKind = "hidden" if hidden else kind
                files.setdefault(one, Counter())[number] += 1
                sizes[one] += size
        for one, size in sizes.items():
            unpacked[one] += size
            compressed[one] = compressed.get(one, 0.0) + _part(layer, size)
    total = sum(each.compressed for each in layers)
    found = [
        RestReport(
            kind=kind,
            layers=tuple(sorted(counts)),
            files=counts.total(),
            unpacked=unpacked[kind],
            compressed=round(compressed[kind]),
            share=compressed[kind] / total if total else 0.0,
        )
        for kind, counts in files.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.compressed, each.kind)))


def _part(layer: LayerReport, size: int) -> float:
    """Return what ``size`` bytes of a layer are of its compressed bytes."""
    return layer.compressed * size / layer.unpacked if layer.unpacked else 0.0


def _is_base(
    package: InstalledPackage,
    stack: Stack,
    layers: Sequence[LayerReport],
    places: Collection[int],
) -> bool:
    """Say whether the base has installed a package: whose record it is tells that.

    A record that is no longer there leaves it to the layers where its files are.
    """
    record = stack.files.get(stack.paths.real(package.record))
    if record is not None:
        return layers[record].base
    return bool(places) and all(layers[each].base for each in places)
