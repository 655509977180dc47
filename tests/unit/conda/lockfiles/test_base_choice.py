"""Which base an environment gets."""

from __future__ import annotations

import pytest

from condabox.conda.envfile.section import ImageSection
from condabox.conda.lockfiles.base_choice import base_names
from condabox.conda.lockfiles.lockfile import LockedEnvironment
from tests.fakes.lockfiles import conda, lock_file

PLAIN = LockedEnvironment(subdir="linux-aarch64", channels=(), packages=(conda("python", "3.12"),))
WITH_CUDA = LockedEnvironment(
    subdir="linux-64", channels=(), packages=(conda("cuda-cudart", "12.8.90"),)
)
NVIDIA = tuple(f"nvidia/cuda:12.8.{patch}-runtime-ubuntu24.04" for patch in (4, 3, 2, 1, 0))


@pytest.mark.parametrize(
    ("section", "environments", "expected"),
    [
        pytest.param({}, [PLAIN], ("ubuntu:24.04",), id="nothing said"),
        pytest.param({"base": "debian:12"}, [PLAIN], ("debian:12",), id="named"),
        pytest.param(
            {"base": "debian:12", "cuda": "12.8"}, [PLAIN], ("debian:12",), id="named for a GPU"
        ),
        pytest.param({"cuda": "12.8"}, [WITH_CUDA], ("ubuntu:24.04",), id="packages bring it"),
        pytest.param({"cuda": "12.8"}, [PLAIN], NVIDIA, id="packages lack it"),
        pytest.param(
            {"cuda": "12.8"}, [PLAIN, WITH_CUDA], ("ubuntu:24.04",), id="one platform has none"
        ),
        pytest.param({"base": "cuda", "cuda": "12.8"}, [WITH_CUDA], NVIDIA, id="all the same"),
        pytest.param({}, [WITH_CUDA], ("ubuntu:24.04",), id="nobody asked for a GPU"),
    ],
)
def test_the_base(
    section: dict[str, str], environments: list[LockedEnvironment], expected: tuple[str, ...]
) -> None:
    image = ImageSection(base=section.get("base"), cuda=section.get("cuda"))

    assert base_names(image, environments) == expected


@pytest.mark.parametrize(
    ("without", "environments", "expected"),
    [
        pytest.param(("linux",), [PLAIN], ("ubuntu:24.04",), id="the only platform"),
        pytest.param(("linux-aarch64",), [PLAIN, WITH_CUDA], ("ubuntu:24.04",), id="the other has"),
        pytest.param(("linux-64",), [PLAIN, WITH_CUDA], NVIDIA, id="what it has does not count"),
        pytest.param((), [], ("ubuntu:24.04",), id="no platform of images"),
    ],
)
def test_a_platform_for_no_gpu_has_no_say(
    without: tuple[str, ...], environments: list[LockedEnvironment], expected: tuple[str, ...]
) -> None:
    image = ImageSection(cuda="12.8", virtual_packages={name: {"__cuda": None} for name in without})

    assert base_names(image, environments) == expected


def test_development_brings_no_cuda_to_prod() -> None:
    lock = lock_file(
        {
            "linux-64": [conda("own-kernels"), conda("cuda-cudart", category="dev")],
            "osx-arm64": [conda("cuda-cudart")],
        }
    )

    (found,) = lock.prod_of_images
    assert [package.name for package in found.packages] == ["own-kernels"]
    assert base_names(ImageSection(cuda="12.8"), lock.prod_of_images) == NVIDIA
