"""The daemon with containerd's store that `.ci/newer-docker` brings, and what it builds from."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from condabox.oci.layout import ImageLayout
from tests.fakes.builderimage import builder_image, load_image
from tests.fakes.dockerbuilds import docker
from tests.fakes.images import AMD64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world.world import World


@contextmanager
def newer_docker(world: World) -> Iterator[tuple[str, str]]:
    """Give the names of a base and of a builder in the daemon, which is DOCKER_HOST meanwhile.

    It pulls nothing without TLS.
    """
    token = secrets.token_hex(4)
    base, builder = f"condabox-test/ubuntu:{token}", f"condabox-test/micromamba:{token}"
    ubuntu = ImageLayout.open(world.base_layouts / "library" / "ubuntu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", os.environ["CONDABOX_NEWER_DOCKER"])
        load_image(ubuntu.resolve("24.04", platform=AMD64), base)
        load_image(builder_image(world).image(), builder)
        yield base, builder
        docker("image", "rm", "--force", base, builder)
