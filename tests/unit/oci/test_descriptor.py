"""Descriptors: what is read is checked, and named by its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from condabox.decode import DecodeError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.mediatype import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from condabox.platforms import Platform

DIGEST = Digest("ab" * 32)
ARM64_V8 = Platform(os="linux", architecture="arm64", variant="v8")
CONFIG = Descriptor(media_type=OCI_CONFIG, digest=DIGEST, size=2)
LAYER = Descriptor(media_type=OCI_LAYER_GZIP, digest=DIGEST, size=3, annotations={"a": "b"})
MANIFEST = Descriptor(media_type=OCI_MANIFEST, digest=DIGEST, size=7)


def described(**changes: object) -> dict[str, object]:
    return {"mediaType": OCI_CONFIG, "digest": str(DIGEST), "size": 2} | changes


@pytest.mark.parametrize("descriptor", [CONFIG, LAYER, replace(MANIFEST, platform=ARM64_V8)])
def test_descriptors_round_trip(descriptor: Descriptor) -> None:
    assert Descriptor.from_mapping(descriptor.to_json(), at="") == descriptor


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": -1}, "layers[0].size: is negative"),
        ({"size": "3"}, "layers[0].size: expected a whole number, got a string"),
        ({"size": True}, "layers[0].size: expected a whole number"),
        ({"digest": "sha256:../x"}, "layers[0].digest: 'sha256:../x' is not a digest"),
        ({"annotations": {"a": 1}}, "layers[0].annotations.a: expected a string"),
        ({"platform": {"os": "linux"}}, "layers[0].platform.architecture: is missing"),
    ],
)
def test_a_bad_descriptor_is_named_by_its_place(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        Descriptor.from_mapping(described(**changes), at="layers[0]")

    assert str(caught.value).startswith(message)
