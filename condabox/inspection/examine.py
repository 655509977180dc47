"""From what the layers of an image have to a report on it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.configuration import PACKAGES_ANNOTATION, PRUNED_ANNOTATION
from condabox.inspection.costs import packages_of, rest_of
from condabox.inspection.duplicates import duplicates_of
from condabox.inspection.hints import PackageSize, hints_for, holds_openblas
from condabox.inspection.ownership import ownership_of
from condabox.inspection.report import (
    MOST_LISTED,
    FileReport,
    ImageReport,
    LayerReport,
    RuleReport,
)
from condabox.inspection.stack import stacked
from condabox.inspection.tree import LayerFiles, tree_of
from condabox.inspection.waste import waste_of
from condabox.oci.mediatype import OCI_LAYER, OCI_LAYER_OF, OCI_LAYER_RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from condabox.inspection.hints import Hint
    from condabox.inspection.layer_contents import LayerContents
    from condabox.inspection.ownership import Ownership
    from condabox.inspection.report import PackageReport
    from condabox.inspection.stack import Stack
    from condabox.inspection.tree import TreeNode
    from condabox.oci.image import Image

_BASE = "org.opencontainers.image.base."
_GPU = "NVIDIA_REQUIRE_CUDA"
_NOT_RUN = re.compile(r"^/bin/sh -c (#\(nop\) +)?")
"""What Docker's old builder puts before the words of a Dockerfile."""
_LONGEST_TITLE = 1000
_UNCOMPRESSED = (OCI_LAYER, OCI_LAYER_RESTRICTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examined:
    """An image with all that was found out of its layers."""

    image: Image
    contents: Sequence[LayerContents]
    stack: Stack
    ownership: Ownership
    base: range

    def package_of(self, path: str) -> str:
        """Return the name of the package that a file is of; nothing for none."""
        number = self.ownership.owners.get(path)
        return "" if number is None else self.ownership.packages[number].name


def examine(image: Image, contents: Sequence[LayerContents], *, name: str) -> ImageReport:
    """Report on ``image``, whose layers have ``contents``; people call it ``name``."""
    stack = stacked(contents)
    examined = _Examined(
        image=image,
        contents=contents,
        stack=stack,
        ownership=ownership_of(stack, contents),
        base=_base_layers(image),
    )
    annotations = image.manifest.annotations
    layers = tuple(_layers(examined))
    packages = packages_of(stack, examined.ownership, layers)
    duplicates = duplicates_of(stack, base=examined.base)
    waste = waste_of(stack)
    return ImageReport(
        name=name,
        digest=str(image.digest),
        platform=str(image.platform),
        created=image.config.created,
        base_name=annotations.get(f"{_BASE}name", ""),
        base_digest=annotations.get(f"{_BASE}digest", ""),
        compressed=sum(each.compressed for each in layers),
        unpacked=sum(each.unpacked for each in layers),
        files=len(stack.files),
        efficiency=waste.efficiency,
        wasted=waste.bytes,
        duplicated=sum(each.wasted for each in duplicates),
        skipped=sum(each.skipped for each in contents),
        layers=layers,
        packages=packages,
        rest=rest_of(stack, examined.ownership, layers, application=_application(image)),
        rules=_rules(image),
        duplicates=duplicates[:MOST_LISTED],
        duplicate_count=len(duplicates),
        waste=waste.paths[:MOST_LISTED],
        waste_count=len(waste.paths),
        largest=_largest(examined),
        hints=_hints(examined, packages),
        tree=_tree(name, examined, layers),
    )


def _made_here(image: Image) -> list[int]:
    """Return the layers of packages that condabox has made."""
    layers = image.manifest.layers
    return [n for n, layer in enumerate(layers) if PACKAGES_ANNOTATION in layer.annotations]


def _base_layers(image: Image) -> range:
    """Return the layers of the base: those below condabox's, where it made the image."""
    return range(min(_made_here(image), default=0))


def _application(image: Image) -> frozenset[int]:
    """Return the layers above the base that are of no packages, where condabox made the image."""
    made = _made_here(image)
    return (
        frozenset(range(min(made), len(image.manifest.layers))) - set(made) if made else frozenset()
    )


def _is_development(image: Image) -> bool:
    """Say whether packages lie above the application, as development's alone do."""
    made = _made_here(image)
    return bool(made) and made != list(range(made[0], made[-1] + 1))


def _layers(examined: _Examined) -> Iterator[LayerReport]:
    titles = _titles(examined.image)
    for number, layer in enumerate(examined.image.manifest.layers):
        written = examined.stack.written[number]
        yield LayerReport(
            digest=str(layer.digest),
            diff_id=str(examined.image.config.diff_ids[number]),
            title=titles[number],
            compressed=layer.size,
            uncompressed=OCI_LAYER_OF.get(layer.media_type) in _UNCOMPRESSED,
            unpacked=sum(written.values()),
            files=len(written),
            packages=tuple(sorted(set(map(examined.package_of, written)) - {""})),
            base=number in examined.base,
        )


def _titles(image: Image) -> list[str]:
    """Return what each layer is, as its packages tell, or the image's history where it does."""
    entries = [each for each in image.config.history if not each.empty_layer]
    complete = len(entries) == len(image.manifest.layers)
    titles = []
    for number, layer in enumerate(image.manifest.layers):
        made_by = entries[number].created_by or entries[number].comment if complete else ""
        packages = layer.annotations.get(PACKAGES_ANNOTATION, "").replace(",", ", ")
        title = packages or _NOT_RUN.sub("", made_by).removeprefix("condabox: ")
        titles.append(" ".join(title.split())[:_LONGEST_TITLE])
    return titles


def _hints(examined: _Examined, packages: Iterable[PackageReport]) -> tuple[Hint, ...]:
    openblas = _openblas(examined)
    return hints_for(
        (
            PackageSize(
                name=each.name,
                version=each.version,
                build=each.build,
                bytes=each.installed,
                openblas=openblas.get(each.name, 0),
            )
            for each in packages
            if not each.base and each.manager != "deb"
        ),
        prod=not _is_development(examined.image),
        gpu=_GPU in examined.image.config.config.env,
    )


def _openblas(examined: _Examined) -> dict[str, int]:
    """Return how large the OpenBLAS is that packages above the base have in them."""
    sizes: dict[str, int] = {}
    for path, layer in examined.stack.files.items():
        if layer not in examined.base and holds_openblas(path):
            package = examined.package_of(path)
            sizes[package] = max(sizes.get(package, 0), examined.stack.written[layer][path])
    return sizes


def _rules(image: Image) -> tuple[RuleReport, ...]:
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for layer in image.manifest.layers:
        for rule, (count, size) in _pruned(layer.annotations).items():
            files[rule] += count
            sizes[rule] += size
    return tuple(
        RuleReport(rule=rule, files=files[rule], bytes=sizes[rule])
        for rule in sorted(files, key=lambda rule: (-sizes[rule], rule))
    )


def _pruned(annotations: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Read what rules left out of a layer; what is not written as condabox does says nothing."""
    try:
        found = json.loads(annotations.get(PRUNED_ANNOTATION, "{}"))
        return {str(rule): (int(count), int(size)) for rule, (count, size) in found.items()}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _largest(examined: _Examined) -> tuple[FileReport, ...]:
    written, files = examined.stack.written, examined.stack.files
    largest = sorted(files, key=lambda path: (-written[files[path]][path], path))[:MOST_LISTED]
    return tuple(
        FileReport(
            path=f"/{path}",
            size=written[files[path]][path],
            package=examined.package_of(path),
            layer=files[path],
        )
        for path in largest
    )


def _tree(name: str, examined: _Examined, layers: Sequence[LayerReport]) -> TreeNode:
    return tree_of(
        name,
        [
            LayerFiles(
                title=layer.title,
                files=[(path, examined.package_of(path), size) for path, size in written.items()],
            )
            for layer, written in zip(layers, examined.stack.written, strict=True)
        ],
    )
