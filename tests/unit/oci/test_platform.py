"""Which platform does for which."""

from __future__ import annotations

import pytest

from condabox.oci.platform import satisfies
from condabox.platforms import Platform

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
ARM64_V8 = Platform(os="linux", architecture="arm64", variant="v8")


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        (AMD64, AMD64, True),
        (ARM64_V8, ARM64, True),
        (ARM64, ARM64_V8, True),
        (AMD64, ARM64, False),
        (Platform(os="linux", architecture="amd64", variant="v3"), AMD64, False),
        (Platform(os="windows", architecture="amd64"), AMD64, False),
    ],
)
def test_variants_default_as_in_docker(
    found: Platform, wanted: Platform, *, expected: bool
) -> None:
    assert satisfies(found, wanted) == expected
