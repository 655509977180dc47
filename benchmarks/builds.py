"""What building costs, from nothing and from what was built before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.bench import CONDABOX, report
from benchmarks.measure import best, measure

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.measure import Measurement

MADE = ("layers", "store", "inventories", "interpreters", "facts", "pruned")
"""The parts of the cache that come from packages."""


def report_builds(bench: Bench) -> None:
    """Lock and build into ``layout``, again and again, with less to do each time."""
    layout = bench.directory / "layout"
    build = ("build", "-o", str(layout))
    report("lock for one platform", bench.measured("lock"))
    report("download and build, all cold", bench.measured(*build))
    bench.forget(*MADE)
    report("build, packages downloaded, nothing else cached", bench.measured(*build))
    _report_proofs(bench, build)
    report("build, nothing changed", best(lambda: bench.measured(*build)))
    for title, command in (
        ("condabox --help", [*CONDABOX, "--help"]),
        ("python -c pass", [sys.executable, "-c", "pass"]),
    ):
        report(title, best(lambda command=command: measure(command, env=bench.env)))  # type: ignore[misc]
    size = sum(each.stat().st_size for each in layout.rglob("*"))
    print(f"{'image, compressed, base included':<52}{size / 1e6:>8.1f} MB", flush=True)


def _report_proofs(bench: Bench, build: tuple[str, ...]) -> None:
    """Build from cached layers, where only what is left out has to be found out again."""
    for title, unknown in (
        ("build, proven again from packages", ("facts", "pruned")),
        ("build, proven again from known facts", ("pruned",)),
    ):
        report(title, best(lambda unknown=unknown: _proven(bench, build, unknown)))  # type: ignore[misc]


def _proven(bench: Bench, build: tuple[str, ...], unknown: tuple[str, ...]) -> Measurement:
    bench.forget(*unknown)
    return bench.measured(*build)
