"""Prints what builds and pushes cost: ``nox -s bench``, or ``nox -s bench -- envs/serving.yml``.

Whatever is measured without downloads comes after a build that made them.  It uses the test world
where CONDABOX_CONFIG does not name other settings.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.builds import report_builds
from benchmarks.handmade import report_handmade
from benchmarks.pushes import report_pushes

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Measure each kind of build and of push, and print tables."""
    name = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "envs/ai.yml")
    with tempfile.TemporaryDirectory(prefix="condabox-bench-") as folder:
        directory = Path(folder)
        env = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache")}
        env.setdefault("CONDABOX_CONFIG", str(world_settings()))
        shutil.copytree(ROOT / "envs", directory / "envs")
        bench = Bench(directory=directory, environment=directory / "envs" / name.name, env=env)
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"{name.name}, {os.cpu_count()} processors, load before it {load}\n")
        report_builds(bench)
        report_handmade(bench)
        report_pushes(bench)


def world_settings() -> Path:
    """Return the settings of the test world, built when this machine has none yet."""
    from tests.world.world import build_world, default_directory  # noqa: PLC0415

    return build_world(default_directory()).settings


if __name__ == "__main__":
    main()
