"""``condabox push`` as a user runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.oci.layout import ImageLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.oci.image import Image

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import logging, os
from condabox.cli.app import main
if os.environ.get("LOG_EVERYTHING"):
    logging.basicConfig(level=logging.DEBUG)
main()
"""


@dataclass(frozen=True, slots=True)
class Pushing:
    """An image in ``folder/layout``, and a user whose files are all in ``folder``."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, images: Sequence[Image]) -> Pushing:
        ImageLayout.create(folder / "layout").add(images, name="1.0")
        (folder / "condabox.toml").write_text(f'cache-dir = "{folder / "cache"}"\n')
        return cls(folder)

    def log_in(self, **hosts: object) -> None:
        """Write what docker would; the keys are hosts, the values entries of ``auths``."""
        path = self.folder / "docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"auths": hosts}))

    def variables(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "CONDABOX_CONFIG": str(self.folder / "condabox.toml"),
            "DOCKER_CONFIG": str(self.folder / "docker"),
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, "push", *words]

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("layout", *words),
            cwd=self.folder,
            env=self.variables(**more),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command("layout", *words),
            cwd=self.folder,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
