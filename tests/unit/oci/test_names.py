"""Names in an index, and what they find."""

from __future__ import annotations

from dataclasses import replace

import pytest

from condabox.errors import ImageError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.manifest import ImageIndex
from condabox.oci.mediatype import OCI_MANIFEST
from condabox.oci.names import FULL_NAME, REF_NAME, find, name_annotations, names_in
from condabox.platforms import Platform

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
ONE = Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"1"), size=1)
TWO = Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"2"), size=1)
FULL = "docker.io/library/ai:1.0"


def called(descriptor: Descriptor, name: str) -> Descriptor:
    return replace(descriptor, annotations=name_annotations(name))


def test_a_full_reference_is_containerds_name_too() -> None:
    assert name_annotations(FULL) == {REF_NAME: FULL, FULL_NAME: FULL}


@pytest.mark.parametrize("name", ["1.0", "ai:1.0", "Not a reference"])
def test_any_other_name_is_the_ocis_alone(name: str) -> None:
    assert name_annotations(name) == {REF_NAME: name}


def test_names_are_sorted_and_containerds_come_before_the_tag() -> None:
    docker = replace(ONE, annotations={REF_NAME: "1.0", FULL_NAME: FULL})

    assert names_in(ImageIndex.create([called(TWO, "zeta"), docker, TWO])) == (FULL, "zeta")


@pytest.mark.parametrize("name", [FULL, "ai:1.0", "docker.io/ai:1.0", "1.0"])
def test_an_image_is_found_by_each_of_its_names(name: str) -> None:
    docker = replace(ONE, annotations={REF_NAME: "1.0", FULL_NAME: FULL})

    assert find(ImageIndex.create([docker, TWO]), name, where="x") == docker


def test_without_a_name_the_only_image_is_found() -> None:
    assert find(ImageIndex.create([ONE]), None, where="x") == ONE


def test_one_image_with_two_names_is_the_only_one() -> None:
    index = ImageIndex.create([called(ONE, "a"), called(ONE, "b")])

    assert find(index, None, where="x").digest == ONE.digest


def test_entries_of_one_name_are_told_apart_by_platform() -> None:
    amd64, arm64 = replace(ONE, platform=AMD64), replace(TWO, platform=ARM64)

    index = ImageIndex.create([called(amd64, "a"), called(arm64, "a")])

    assert find(index, "a", where="x", platform=ARM64).digest == arm64.digest


def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(ImageError, match="x: has no image called b") as caught:
        find(ImageIndex.create([called(ONE, "a")]), "b", where="x")

    assert caught.value.hint == "images in it: a"


def test_several_images_must_be_told_apart() -> None:
    index = ImageIndex.create([called(ONE, "a"), called(TWO, "b")])

    with pytest.raises(ImageError, match="has several images: name one"):
        find(index, None, where="x")


def test_an_empty_index_has_no_image() -> None:
    with pytest.raises(ImageError, match="x: is empty"):
        find(ImageIndex.create([]), None, where="x")
