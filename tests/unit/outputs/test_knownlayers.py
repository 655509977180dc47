"""What a daemon's list of images says about layers that it may have."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.oci.config import ContainerConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.image import MemoryBlobs, new_image
from condabox.oci.layer import Layer
from condabox.oci.mediatype import OCI_LAYER_GZIP
from condabox.oci.reference import Reference
from condabox.outputs.knownlayers import common_layers, likely_first, not_needed
from tests.fakes.images import AMD64, EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.oci.image import Image

AI = Reference.parse("registry.example/team/ai:2.0")
LABELS = {
    "org.opencontainers.image.title": "ai",
    "org.opencontainers.image.base.name": "ubuntu:24.04",
}


def layer(name: str) -> Layer:
    blob, tar = (Digest(hashlib.sha256(f"{kind} {name}".encode()).hexdigest()) for kind in "bt")
    return Layer(
        descriptor=Descriptor(media_type=OCI_LAYER_GZIP, digest=blob, size=1), diff_id=tar, size=1
    )


def image_of(names: str, labels: Mapping[str, str] = LABELS) -> Image:
    """Make an image with one layer for each letter; none of them exists."""
    return new_image(
        base=None,
        layers=[(layer(name), name) for name in names],
        blobs=MemoryBlobs({}),
        config=ContainerConfig(labels=labels),
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )


def diff_ids(names: str) -> list[str]:
    return [str(layer(name).diff_id) for name in names]


def chains(names: str) -> set[str]:
    return {names[:count] for count in range(1, len(names) + 1)}


STRANGER: dict[str, object] = {"Id": "stranger", "RepoTags": ["registry.example/team/other:2.0"]}


@pytest.mark.parametrize(
    "relative",
    [
        pytest.param({"RepoTags": ["x:1", "registry.example/team/ai:1.0"]}, id="another tag"),
        pytest.param({"RepoTags": [], "RepoDigests": ["ubuntu@sha256:" + "1" * 64]}, id="the base"),
        pytest.param({"RepoTags": ["docker.io/library/ubuntu:24.04"]}, id="the base, in full"),
        pytest.param(
            {"RepoTags": ["<none>:<none>"], "Labels": {"org.opencontainers.image.title": "ai"}},
            id="a former version without a name",
        ),
    ],
)
def test_relatives_are_asked_about_first(relative: dict[str, object]) -> None:
    image = image_of("abc")

    found = likely_first([STRANGER, {"Id": "relative", **relative}], image=image, names=[AI])

    assert found == (str(image.manifest.config.digest), "relative", "stranger")


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param({}, id="nothing is known"),
        pytest.param({"RepoTags": None, "RepoDigests": None, "Labels": None}, id="null"),
        pytest.param({"RepoTags": ["<none>:<none>"], "Labels": {"a": "b"}}, id="no name"),
        pytest.param({"RepoTags": [None, 7], "Labels": "ai"}, id="hostile"),
        pytest.param({"RepoTags": "ai:1.0", "RepoDigests": {"ai": "ai"}}, id="other types"),
    ],
)
def test_strangers_stay_in_their_order(stranger: dict[str, object]) -> None:
    image = image_of("abc", labels={})
    one, other = {"Id": "1", **stranger}, {"Id": "2", **stranger}

    found = likely_first([one, STRANGER, other], image=image, names=[])

    assert found == (str(image.manifest.config.digest), "1", "stranger", "2")


@pytest.mark.parametrize(
    ("wanted", "there", "count"),
    [("abc", "abc", 3), ("abc", "abx", 2), ("abc", "ab", 2), ("ab", "abc", 2), ("ab", "bab", 0)],
)
def test_layers_are_common_from_the_lowest(wanted: str, there: str, count: int) -> None:
    assert common_layers(image_of(wanted), diff_ids(there)) == count


@given(
    wanted=st.text("abc", max_size=6),
    daemon=st.lists(st.text("abc", max_size=6), max_size=4),
)
def test_the_daemon_gets_what_it_opens_and_nothing_else(wanted: str, daemon: list[str]) -> None:
    image = image_of(wanted)
    known = max((common_layers(image, diff_ids(there)) for there in daemon), default=0)

    sent = {each.digest for each in image.manifest.layers} - not_needed(image, known)

    # As moby does it: a layer is opened where its chain is unknown.
    there = {chain for names in daemon for chain in chains(names)}
    opened = {layer(chain[-1]).descriptor.digest for chain in chains(wanted) - there}
    assert sent == opened
