"""Debian's docker-registry on a free port, and what skopeo sees in it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from condabox.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HTPASSWD = "me:$2b$04$9723djTcbcRtB5lqZ6hJ4ubBiAjbLrc.IbySyFrrP.J7m6KGPCYbS\n"
"""Of the user ``me`` with the password ``open-sesame``."""


class DockerRegistry:
    """A registry whose files are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(
        self, *, http: Mapping[str, object] | None = None, **sections: Mapping[str, object]
    ) -> Iterator[DockerRegistry]:
        """Let it run with more in the section ``http``, and with other ``sections``."""
        document = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "storage")}},
            "http": {"addr": self.host, **(http or {})},
            **sections,
        }
        config = self.folder / "registry.yml"
        config.write_text(json.dumps(document))  # which is YAML, too
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
            yield self
        finally:
            process.terminate()
            process.wait()

    def _wait(self) -> None:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("docker-registry did not start")

    def push(self, layout: Path, name: str, *options: str) -> None:
        """Let skopeo push the image ``1.0`` of ``layout``."""
        source, target = f"oci:{layout}:1.0", f"docker://{self.host}/{name}"
        skopeo("copy", "--quiet", "--dest-tls-verify=false", *options, source, target)

    def pull(self, name: str, layout: Path, *options: str) -> None:
        """Let skopeo copy an image to ``1.0`` of ``layout``."""
        source, target = f"docker://{self.host}/{name}", f"oci:{layout}:1.0"
        skopeo("copy", "--quiet", "--src-tls-verify=false", *options, source, target)

    def digest(self, name: str, *options: str) -> Digest:
        """Return what skopeo finds."""
        found = skopeo(
            *("inspect", "--tls-verify=false", "--format", "{{.Digest}}", *options),
            f"docker://{self.host}/{name}",
        )
        return Digest.parse(found.strip())

    def htpasswd(self) -> dict[str, object]:
        """Return the section ``auth`` that knows one user."""
        (self.folder / "htpasswd").write_text(HTPASSWD)
        return {"htpasswd": {"realm": "test", "path": str(self.folder / "htpasswd")}}


def skopeo(*words: str) -> str:
    env = {key: value for key, value in os.environ.items() if key != "SSL_CERT_FILE"}
    done = subprocess.run(["skopeo", *words], check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout
