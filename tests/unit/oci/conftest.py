"""A layout as it is written, for the rules of image-spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.imagedocuments import docker_base, written
from tests.fakes.images import AMD64, ARM64, make_image

if TYPE_CHECKING:
    from tests.fakes.imagedocuments import Written


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Write two images that stand on bases of Docker's."""
    folder = tmp_path_factory.mktemp("ours")
    images = [
        make_image(
            folder,
            {"opt/env/a": b"a"},
            {"opt/env/b": b"b"},
            base=docker_base(folder, platform=platform),
            platform=platform,
        )
        for platform in (AMD64, ARM64)
    ]
    return written(folder / "layout", *images)
