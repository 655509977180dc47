"""A machine whose container engines only note how they were called."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from condabox.events import SilentReporter
from condabox.oci.config import ContainerConfig
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.run import run_image

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.workflows.run import RunRequest

CONFIG = ContainerConfig(
    env={"PATH": "/bin", "A": "image", "B": "image"},
    entrypoint=("/entry",),
    cmd=("serve", "--port", "8000"),
    working_dir="/app",
)


class Machine:
    """A machine whose tools only note how they were called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.settings = Settings(cache_dir=folder / "cache")
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("PATH", f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin")
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("shutil.which", self.which)

    def which(self, name: str) -> str | None:
        path = self.bin / name
        return str(path) if path.exists() else None

    def install(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/{name}.log\n{script}\n')
        path.chmod(0o755)

    def called(self, name: str) -> list[str]:
        log = self.folder / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []

    def keep(self, image: Image, *, name: str = "ai:1.0") -> None:
        LocalStore(self.settings.cache_dir).save([image], names=[Reference.parse(name)])

    def run(
        self,
        request: RunRequest,
        env: dict[str, str] | None = None,
        *,
        reporter: Reporter | None = None,
    ) -> int:
        return run_image(
            request,
            settings=self.settings,
            env=env or {},
            reporter=reporter or SilentReporter(),
        )


def with_podman(machine: Machine) -> None:
    machine.install(
        "podman", '[ "$1" = load ] && exec cat > /dev/null; [ "$1" = run ] && exit 4; exit 1'
    )


def with_unshare(machine: Machine) -> None:
    machine.install(
        "unshare",
        'for last; do :; done; [ "$last" = true ] && exit 0; state=$(dirname "$last")\n'
        f': > "$state/failure"; cp "$last" {machine.folder}/spec.json; exit 5',
    )


def spec(machine: Machine) -> dict[str, object]:
    found = json.loads((machine.folder / "spec.json").read_text())
    assert isinstance(found, dict)
    return found
