"""Prints what a build costs: ``nox -s bench``, or ``nox -s bench -- envs/serving.yml``.

Packages are downloaded and the environment is locked before anything is measured.  It uses the test
world where CONDABOX_CONFIG does not name other settings.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import measure

if TYPE_CHECKING:
    from benchmarks.measure import Measurement

ROOT = Path(__file__).parent.parent
CONDABOX = [sys.executable, "-m", "condabox"]
REPEATS = 5


def main() -> None:
    """Measure each kind of build and print a table."""
    environment = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "envs/ai.yml")
    with tempfile.TemporaryDirectory(prefix="condabox-bench-") as name:
        directory = Path(name)
        env = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache")}
        env.setdefault("CONDABOX_CONFIG", str(world_settings()))
        shutil.copytree(ROOT / "envs", directory / "envs")
        path = directory / "envs" / environment.name
        archive = ["-o", str(directory / "layout")]
        build = [*CONDABOX, "build", str(path), "--platform", "linux/amd64", *archive]
        print(f"{environment.name}, {os.cpu_count()} processors\n")
        lock = [*CONDABOX, "lock", str(path), "--platform", "linux/amd64"]
        report("lock for one platform", measure(lock, env=env))
        report("download and build, all cold", measure(build, env=env))
        cache = directory / "cache" / "condabox"
        for kept in ("layers", "store", "inventories", "interpreters"):
            shutil.rmtree(cache / kept, ignore_errors=True)
        report("build, packages downloaded, nothing else cached", measure(build, env=env))
        report("build, nothing changed", best(build, env))
        report("condabox --help", best([*CONDABOX, "--help"], env))
        report("python -c pass", best([sys.executable, "-c", "pass"], env))
        size = sum(each.stat().st_size for each in (directory / "layout").rglob("*"))
        print(f"\n{'image, compressed, base included':<52}{size / 1e6:>8.1f} MB")


def world_settings() -> Path:
    """Return the settings of the test world, built when this machine has none yet."""
    from tests.world.world import build_world, default_directory  # noqa: PLC0415

    return build_world(default_directory()).settings


def best(command: list[str], env: dict[str, str]) -> Measurement:
    """Measure several times and return the quickest: the others were disturbed."""
    return min((measure(command, env=env) for _ in range(REPEATS)), key=lambda each: each.seconds)


def report(title: str, found: Measurement) -> None:
    """Print one line."""
    print(f"{title:<52}{found.seconds:>8.2f} s {found.peak / 1e6:>8.0f} MB at the peak", flush=True)


if __name__ == "__main__":
    main()
