"""What was begun in a registry is ended or given up, and what was done counts, unheard or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import pytest

from condabox.errors import RegistryError
from condabox.oci.image import BlobSource
from condabox.oci.parts import Part, parts_of
from condabox.oci.reference import Reference
from tests.fakes.images import make_image
from tests.fakes.registry_behaviour import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.oci.descriptor import Descriptor
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.registry.push import Pusher
    from tests.fakes.registry import FakeRegistry

ONCE_ONLY = Fault(
    method="PUT", path="/manifests/1.0", status=409, code="DENIED", message="immutable", times=99
)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", *({f"f{number}": b"%d" % number} for number in range(4)))


def push(
    pusher: Pusher,
    registry: FakeRegistry,
    parts: Sequence[Part],
    elsewhere: Mapping[Digest, Sequence[Reference]] | None = None,
) -> None:
    place = Reference.parse(f"{registry.host}/app:1.0")
    pusher.push(parts, references=[place], elsewhere=elsewhere or {})


def test_a_tag_that_was_set_unheard_is_set(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    lost = Fault(method="PUT", path="/manifests/1.0", unanswered=True)
    registry.behaviour.faults = [lost, ONCE_ONLY]

    push(pusher, registry, parts_of([image]))

    assert registry.manifests["app", "1.0"] == image.manifest.raw


def test_a_tag_that_is_another_image_is_refused(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    registry.add("app", "1.0", [make_image(tmp_path / "made", {"other": b"1"})])
    registry.behaviour.faults = [ONCE_ONLY]

    with pytest.raises(RegistryError, match="immutable"):
        push(pusher, registry, parts_of([image]))


def test_who_cannot_be_asked_what_a_tag_is_has_refused_it(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    late = Fault(method="HEAD", path="/manifests/1.0", skip=1, cut=0, times=99)
    registry.behaviour.faults = [ONCE_ONLY, late]

    with pytest.raises(RegistryError, match="immutable"):
        push(pusher, registry, parts_of([image]))


def test_when_one_blob_is_refused_the_others_are_given_up(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    registry.behaviour.faults = [
        Fault(method="PUT", path="digest=", status=403, code="DENIED", times=99)
    ]

    with pytest.raises(RegistryError, match="DENIED"):
        push(pusher, registry, parts_of([image]))

    assert registry.requests("POST")
    assert registry.uploads == {}


def test_what_was_tried_in_vain_is_given_up(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    registry.behaviour.faults = [Fault(method="PUT", path="digest=", status=500, times=99)]

    with pytest.raises(RegistryError, match="500"):
        push(pusher, registry, parts_of([image]))

    assert registry.uploads == {}


class Interrupted(BlobSource):
    """Blobs at which the user loses patience."""

    def open(self, descriptor: Descriptor) -> BinaryIO:  # noqa: ARG002
        raise KeyboardInterrupt


class OutOfReach(Interrupted):
    """Blobs that are elsewhere, and cannot be had from there."""

    def fetch(self, descriptors: Sequence[Descriptor]) -> None:  # noqa: ARG002
        raise RegistryError("out of reach")


@pytest.mark.parametrize(
    ("source", "error"), [(Interrupted(), KeyboardInterrupt), (OutOfReach(), RegistryError)]
)
def test_what_was_begun_instead_of_a_mount_is_given_up(
    registry: FakeRegistry,
    pusher: Pusher,
    image: Image,
    source: BlobSource,
    error: type[BaseException],
) -> None:
    (part,) = parts_of([image])
    lacking = Part(document=part.document, blobs=source)
    place = Reference.parse(f"{registry.host}/base:1.0")
    elsewhere = {layer.digest: [place] for layer in image.manifest.layers}

    with pytest.raises(error):
        push(pusher, registry, [lacking], elsewhere)

    assert len(registry.requests("POST", "mount=")) >= len(image.manifest.layers)
    assert registry.uploads == {}
