"""What is measured: an environment of its own place, with caches of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measure import measure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.measure import Measurement

CONDABOX = (sys.executable, "-m", "condabox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An environment file in ``directory``, and the variables that every command gets."""

    directory: Path
    environment: Path
    env: Mapping[str, str]

    @property
    def cache(self) -> Path:
        return self.directory / "cache" / "condabox"

    def command(self, verb: str, *options: str) -> list[str]:
        """Return the command that locks or builds the environment for one platform."""
        platform = ("--platform", "linux/amd64")
        return [*CONDABOX, verb, str(self.environment), *platform, *options]

    def run(self, verb: str, *options: str) -> str:
        """Run such a command, which must succeed, without measuring it; return what it says."""
        return self.do(self.command(verb, *options))

    def do(self, command: list[str]) -> str:
        """Run ``command``, which must succeed, and return what it says."""
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        return done.stdout

    def forget(self, *names: str) -> None:
        """Empty parts of the cache."""
        for name in names:
            shutil.rmtree(self.cache / name, ignore_errors=True)

    def measured(self, verb: str, *options: str) -> Measurement:
        """Run such a command and measure it."""
        return measure(self.command(verb, *options), env=self.env)


def report(title: str, found: Measurement, *, more: str = "") -> None:
    """Print one line."""
    seconds, peak = f"{found.seconds:>8.2f} s", f"{found.peak / 1e6:>8.0f} MB at the peak"
    print(f"{title:<52}{seconds} {peak}{more and f', {more}'}", flush=True)
