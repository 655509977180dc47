"""podman, which is buildah inside, builds the Dockerfile into the same image."""

from __future__ import annotations

import os
import subprocess
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from condabox.oci.archive import read_archive
from tests.contract.comparing import differences
from tests.contract.conftest import PLATFORM, image_in, succeed
from tests.contract.intended import Intended, unintended

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.servedworld import ServedWorld

OF_PODMAN = (
    Intended("annotation *", "kind", "no Dockerfile says annotations: condabox build adds them"),
    Intended("annotation *", "value", "buildah writes its own of the base"),
    Intended("label io.buildah.version", "kind", "buildah signs its work"),
    Intended(
        "field Hostname", "kind", "buildah leaves the build container's name, as old Docker did"
    ),
    Intended("created", "value", "buildah takes the time of the build where nobody says another"),
)


@pytest.mark.world
@pytest.mark.tool("podman")
@pytest.mark.skipif(os.getuid() != 0, reason="without root, podman needs subordinate ids")
def test_podman_makes_the_same_image(served: ServedWorld, tmp_path: Path) -> None:
    project = served.project(tmp_path / "project")
    path = project.root / "envs" / "minimal.yml"
    path.write_text(
        f"{path.read_text()}  healthcheck: {{cmd: [python, -c, pass]}}\n"
        "  app: [{src: app, dest: /app}]\n"
        "  test: {imports: [ssl], commands: [test -e /app/main.py]}\n"
    )
    succeed(project, "build", "envs/minimal.yml", *PLATFORM, "-o", "direct")
    succeed(project, "dockerfile", "envs/minimal.yml", *PLATFORM, "-o", "context")

    # Not tmp_path: podman allows 50 characters.
    with TemporaryDirectory(ignore_cleanup_errors=True) as root:
        podman = ("podman", "--root", f"{root}/a", "--runroot", f"{root}/b")
        # podman's own format has no health checks
        build = ("build", "--format", "docker", "--network", "host", "--tls-verify=false")
        try:
            run(*podman, *build, "--tag", "minimal", str(project.root / "context"))
            archive = str(tmp_path / "podman.tar")
            run(*podman, "save", "--format", "docker-archive", "--output", archive, "minimal")
        finally:
            run(*podman, "image", "rm", "--all", "--force")
            # podman leaves it mounted on itself
            subprocess.run(["umount", f"{root}/a/overlay"], capture_output=True, check=False)
    built = read_archive(tmp_path / "podman.tar").resolve(None, platform=None)

    found = differences(image_in(project.root / "direct"), built)
    assert unintended(found, of=OF_PODMAN) == []


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
