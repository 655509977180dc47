"""Somebody who develops, with a Docker that only notes how it was called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from condabox.development.places import ENTRYPOINT
from condabox.oci.config import ContainerConfig
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.settings import Settings
from condabox.workflows.images import host_platform
from condabox.workflows.run import Engine
from condabox.workflows.run_dev import prepare_development
from condabox.workflows.shell import ShellRequest, open_shell
from tests.fakes.images import make_image
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.workflows.run_dev import Development, DevRunRequest

IMAGE = "ai:dev"
CONFIG = ContainerConfig(
    env={"CONDABOX_PORT_SSH": "2222", "CONDABOX_PORT_JUPYTER": "8888"},
    entrypoint=ENTRYPOINT,
    labels={"org.opencontainers.image.title": "ai"},
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh ada"


class User:
    """Somebody with a Docker that only notes how it was called, and images in the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.settings = Settings(cache_dir=folder / "cache")
        self.env = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        self.told = WatchingReporter()
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".ssh" / "id.pub").write_text(KEY)
        self.docker("exit 3")
        self.keep(CONFIG)

    def docker(self, script: str, *, name: str = "docker") -> None:
        (self.folder / "bin").mkdir(exist_ok=True)
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/{name}.log\n{script}\n')
        path.chmod(0o755)

    def keep(self, config: ContainerConfig) -> None:
        made = make_image(
            self.folder / "made", {"entry": b"1"}, platform=host_platform(), config=config
        )
        LocalStore(self.settings.cache_dir).save([made], names=[Reference.parse(IMAGE)])

    def prepare(self, request: DevRunRequest) -> Development:
        return prepare_development(
            request, settings=self.settings, env=self.env, reporter=self.told
        )

    def shell(self, *command: str, subject: str = IMAGE, engine: Engine = Engine.AUTO) -> int:
        request = ShellRequest(subject=subject, command=command, engine=engine)
        return open_shell(request, settings=self.settings, env=self.env, reporter=self.told)

    @property
    def calls(self) -> list[str]:
        return self.calls_of("docker")

    def calls_of(self, name: str) -> list[str]:
        log = self.folder / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []
