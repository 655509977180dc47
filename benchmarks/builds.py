"""What building costs, from nothing and from what was built before."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from benchmarks.bench import CONDABOX, report
from benchmarks.measure import best, measure

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def report_builds(bench: Bench) -> None:
    """Lock and build into ``layout``, again and again, with less to do each time."""
    layout = bench.directory / "layout"
    build = ("build", "-o", str(layout))
    report("lock for one platform", bench.measured("lock"))
    report("download and build, all cold", bench.measured(*build))
    for kept in ("layers", "store", "inventories", "interpreters"):
        shutil.rmtree(bench.cache / kept, ignore_errors=True)
    report("build, packages downloaded, nothing else cached", bench.measured(*build))
    report("build, nothing changed", best(lambda: bench.measured(*build)))
    for title, command in (
        ("condabox --help", [*CONDABOX, "--help"]),
        ("python -c pass", [sys.executable, "-c", "pass"]),
    ):
        report(title, best(lambda command=command: measure(command, env=bench.env)))  # type: ignore[misc]
    size = sum(each.stat().st_size for each in layout.rglob("*"))
    print(f"{'image, compressed, base included':<52}{size / 1e6:>8.1f} MB", flush=True)
