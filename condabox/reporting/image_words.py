"""How a report on an image reads: what the text and the Markdown say alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from condabox.reporting.formats import counted, format_size
from condabox.reporting.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from condabox.inspection.report import (
        DuplicateReport,
        ImageReport,
        LayerReport,
        PackageReport,
        RestReport,
    )

_SHOWN_TITLE = 76
"""Characters of what made a layer."""
_SHOWN_PATHS = 4
"""Of those that have the same content."""


def facts_of(report: ImageReport, *, quote: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of the whole image, each with a name."""
    if report.created:
        yield "created", quote(report.created)
    if report.base_name or report.base_digest:
        base = "@".join(part for part in (report.base_name, report.base_digest) if part)
        yield "base", quote(base)
    layers = counted(len(report.layers), "layer")
    yield "pulled", f"{_pulled(report)} in {layers}{_uncompressed(report)}"
    yield "unpacked", f"{format_size(report.unpacked)}, {counted_files(report.files)}"
    yield "efficiency", f"{percent(report.efficiency)}, {format_size(report.wasted)} wasted"
    if report.duplicated:
        yield "twice", f"{format_size(report.duplicated)} are there more than once"
    if report.skipped:
        verb = "is" if report.skipped == 1 else "are"
        yield "skipped", f"{counted(report.skipped, 'record')} of packages {verb} unreadable"


def tables_of(report: ImageReport, *, top: int) -> Iterator[Table]:
    """Yield what there is to tell as tables; of each but the layers ``top`` rows."""
    yield _layers(report.layers)
    if report.packages:
        yield _packages(report.packages, top=top)
    if report.rest:
        yield _rest(report.rest)
    if report.rules:
        yield _rules(report, top=top)
    if report.duplicates:
        yield _duplicates(report, top=top)
    if report.waste:
        yield _waste(report, top=top)
    if report.largest:
        yield _largest(report, top=top)


def hints_of(report: ImageReport) -> Iterator[tuple[str, str, str]]:
    """Yield the bytes at stake, what to do, and the packages that it is about."""
    for hint in report.hints:
        yield format_size(hint.bytes), hint.text, _several(hint.packages)


def counted_files(number: int) -> str:
    """Print how many files there are: ``10,476 files``."""
    return f"{number:,} file{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Print a share with one digit, rounded down: only all of it is 100.0 %."""
    return f"{math.floor(share * 1000) / 10:.1f} %"


def shown_compressed(layer: LayerReport) -> str:
    """Print what of a layer is pulled, where that is known."""
    return "uncompressed" if layer.uncompressed else format_size(layer.compressed)


def shown_title(layer: LayerReport) -> str:
    """Say what a layer is, on one line."""
    title = f"base: {layer.title}" if layer.base else layer.title
    return title if len(title) <= _SHOWN_TITLE else f"{title[: _SHOWN_TITLE - 1]}…"


def _pulled(report: ImageReport) -> str:
    """Print what is pulled, at most where layers will be compressed."""
    size = format_size(report.compressed)
    return f"at most {size}" if report.uncompressed else size


def _uncompressed(report: ImageReport) -> str:
    number = report.uncompressed
    return f": {number} {'is' if number == 1 else 'are'} uncompressed here" if number else ""


def _layers(layers: Sequence[LayerReport]) -> Table:
    return Table(
        title="Layers",
        columns=(
            Column(title="#", right=True),
            Column(title="compressed", right=True),
            Column(title="unpacked", right=True),
            Column(title="files", right=True),
            Column(title="what", foreign=True),
        ),
        rows=tuple(
            (
                str(number),
                shown_compressed(layer),
                format_size(layer.unpacked),
                f"{layer.files:,}",
                shown_title(layer),
            )
            for number, layer in enumerate(layers)
        ),
    )


def _packages(packages: Sequence[PackageReport], *, top: int) -> Table:
    rest = packages[top:]
    return Table(
        title=f"Packages ({len(packages)})",
        columns=(
            Column(title="package", foreign=True),
            Column(title="version", foreign=True),
            Column(title="from"),
            Column(title="installed", right=True),
            Column(title="compressed", right=True),
            Column(title="share", right=True),
            Column(title="layer", right=True),
        ),
        rows=tuple(
            (
                each.name,
                each.version,
                f"{each.manager}, base" if each.base else each.manager,
                format_size(each.installed),
                format_size(each.compressed),
                percent(each.share),
                _several([str(layer) for layer in each.layers], most=3),
            )
            for each in packages[:top]
        ),
        below=_more(
            len(rest),
            f"{format_size(sum(each.installed for each in rest))} installed, "
            f"{format_size(sum(each.compressed for each in rest))} compressed, "
            f"{percent(sum(each.share for each in rest))}",
        ),
    )


def _rest(rest: Sequence[RestReport]) -> Table:
    return Table(
        title=f"Of no package ({format_size(sum(each.compressed for each in rest))})",
        columns=(
            Column(title="what"),
            Column(title="files", right=True),
            Column(title="unpacked", right=True),
            Column(title="compressed", right=True),
            Column(title="share", right=True),
            Column(title="layer", right=True),
        ),
        rows=tuple(
            (
                each.kind,
                f"{each.files:,}",
                format_size(each.unpacked),
                format_size(each.compressed),
                percent(each.share),
                _several([str(layer) for layer in each.layers], most=3),
            )
            for each in rest
        ),
    )


def _rules(report: ImageReport, *, top: int) -> Table:
    saved = sum(each.bytes for each in report.rules)
    rest = report.rules[top:]
    return Table(
        title=f"Left out by rules ({format_size(saved)})",
        columns=(
            Column(title="bytes", right=True),
            Column(title="files", right=True),
            Column(title="rule", foreign=True),
        ),
        rows=tuple(
            (format_size(each.bytes), f"{each.files:,}", each.rule) for each in report.rules[:top]
        ),
        below=_more(len(rest), format_size(sum(each.bytes for each in rest))),
    )


def _duplicates(report: ImageReport, *, top: int) -> Table:
    shown = report.duplicates[:top]
    return Table(
        title=f"More than once ({format_size(report.duplicated)})",
        columns=(
            Column(title="wasted", right=True),
            Column(title="same"),
            Column(title="what", foreign=True),
            Column(title="where", foreign=True),
        ),
        rows=tuple(row for each in shown for row in _duplicate(each)),
        below=_more(
            report.duplicate_count - len(shown),
            format_size(report.duplicated - sum(each.wasted for each in shown)),
        ),
    )


def _duplicate(found: DuplicateReport) -> Iterator[tuple[str, ...]]:
    """Yield a row for each path, the first with what they have in common."""
    common: tuple[str, str, str] = (format_size(found.wasted), found.kind, found.what)
    more = len(found.paths) - _SHOWN_PATHS
    rest = [f"and {more:,} more"] if more > 0 else []
    for place in (*found.paths[:_SHOWN_PATHS], *rest):
        yield (*common, place)
        common = ("", "", "")


def _waste(report: ImageReport, *, top: int) -> Table:
    shown = report.waste[:top]
    return Table(
        title=f"Wasted across layers ({format_size(report.wasted)})",
        columns=(
            Column(title="wasted", right=True),
            Column(title="layers"),
            Column(title="path", foreign=True),
        ),
        rows=tuple(
            (format_size(each.bytes), _several([str(layer) for layer in each.layers]), each.path)
            for each in shown
        ),
        below=_more(
            report.waste_count - len(shown),
            format_size(report.wasted - sum(each.bytes for each in shown)),
        ),
    )


def _largest(report: ImageReport, *, top: int) -> Table:
    return Table(
        title="Largest files",
        columns=(
            Column(title="size", right=True),
            Column(title="layer", right=True),
            Column(title="package", foreign=True),
            Column(title="path", foreign=True),
        ),
        rows=tuple(
            (format_size(each.size), str(each.layer), each.package, each.path)
            for each in report.largest[:top]
        ),
    )


def _more(count: int, what: str) -> str:
    return f"and {count:,} more: {what}" if count else ""


def _several(texts: Sequence[str], *, most: int = 6) -> str:
    """Print the first of ``texts``, and how many more there are."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
