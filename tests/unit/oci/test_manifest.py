"""Manifests and indexes: what is read is checked, and its bytes are kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.oci.mediatype import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from condabox.platforms import Platform

DIGEST = Digest("ab" * 32)
AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
ARM64_V8 = Platform(os="linux", architecture="arm64", variant="v8")
CONFIG = Descriptor(media_type=OCI_CONFIG, digest=DIGEST, size=2)
LAYER = Descriptor(media_type=OCI_LAYER_GZIP, digest=DIGEST, size=3, annotations={"a": "b"})

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def described(**changes: object) -> dict[str, object]:
    return {"mediaType": OCI_CONFIG, "digest": str(DIGEST), "size": 2} | changes


def manifest_document(**changes: object) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described(), "layers": []}
    return json.dumps(document | changes).encode()


def index_of(*platforms: Platform | None) -> ImageIndex:
    return ImageIndex.create(
        [
            Descriptor(
                media_type=OCI_MANIFEST, digest=Digest.of(bytes([number])), size=1, platform=each
            )
            for number, each in enumerate(platforms)
        ]
    )


def test_a_manifest_that_is_made_reads_back() -> None:
    manifest = ImageManifest.create(config=CONFIG, layers=[LAYER], annotations={"x": "y"})

    assert ImageManifest.parse(manifest.raw) == manifest
    assert (manifest.media_type, manifest.layers) == (OCI_MANIFEST, (LAYER,))


def test_a_manifest_keeps_its_bytes() -> None:
    raw = manifest_document(unknown={"b": 1, "a": 2})

    manifest = ImageManifest.parse(raw)

    assert manifest.raw == raw
    assert manifest.descriptor == Descriptor(
        media_type=OCI_MANIFEST, digest=Digest.of(raw), size=len(raw)
    )


def test_dockers_schema_2_is_a_manifest() -> None:
    raw = manifest_document(
        mediaType=DOCKER_MANIFEST,
        config=described(mediaType=DOCKER_CONFIG),
        layers=[described(mediaType=DOCKER_LAYER_GZIP)],
    )

    assert ImageManifest.parse(raw).layers[0].media_type == DOCKER_LAYER_GZIP


def test_an_oci_manifest_need_not_say_its_type() -> None:
    assert ImageManifest.parse(manifest_document(mediaType=None)).media_type == OCI_MANIFEST


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"", "not a JSON mapping", id="empty"),
        pytest.param(b"\xff", "not a JSON mapping", id="not UTF-8"),
        pytest.param(b"[]", "expected a mapping", id="list"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b'{"size": NaN}', "NaN is not JSON", id="NaN"),
        pytest.param(b'{"size": ' + b"1" * 5000 + b"}", "not a JSON mapping", id="huge number"),
        pytest.param(manifest_document(schemaVersion=1), "schema 1", id="schema 1"),
        pytest.param(manifest_document(mediaType="text/html"), "type text/html", id="type"),
        pytest.param(manifest_document(mediaType=[]), "type", id="type is a list"),
        pytest.param(manifest_document(mediaType="x" * 3000), "type x{100},", id="endless type"),
        pytest.param(manifest_document(schemaVersion="1" * 999), "a 1{100}$", id="endless version"),
        pytest.param(manifest_document(manifests=[]), "both image and index", id="ambiguous"),
        pytest.param(manifest_document(config=None), "config: expected a mapping", id="config"),
        pytest.param(manifest_document(layers={}), "layers: expected a list", id="layers"),
    ],
)
def test_what_is_no_manifest_is_an_image_error(raw: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        ImageManifest.parse(raw)


@given(st.dictionaries(st.sampled_from(["config", "layers", "annotations"]), json_values))
def test_any_document_is_a_manifest_or_an_image_error(changes: dict[str, object]) -> None:
    raw = manifest_document(**changes)
    try:
        manifest = ImageManifest.parse(raw)
    except ImageError:
        return
    assert manifest.raw == raw


def test_an_index_that_is_made_reads_back() -> None:
    index = index_of(AMD64, ARM64_V8, None)

    assert ImageIndex.parse(index.raw) == index
    assert index.descriptor.media_type == OCI_INDEX


def test_dockers_manifest_list_is_an_index() -> None:
    raw = canonical_json({"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": []})

    assert ImageIndex.parse(raw).media_type == DOCKER_INDEX


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"{}", id="no version"),
        pytest.param(b'{"schemaVersion": 2}', id="no manifests"),
        pytest.param(b'{"schemaVersion": 2, "manifests": [], "layers": []}', id="ambiguous"),
        pytest.param(b'{"schemaVersion": 2, "manifests": {}}', id="no list"),
    ],
)
def test_what_is_no_index_is_an_image_error(raw: bytes) -> None:
    with pytest.raises(ImageError):
        ImageIndex.parse(raw)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(AMD64, 0), (ARM64, 1), (ARM64_V8, 1)],
)
def test_select_takes_the_platforms_manifest(wanted: Platform, number: int) -> None:
    index = index_of(AMD64, ARM64_V8)

    assert index.select(wanted) == index.manifests[number]


def test_select_passes_over_attestations() -> None:
    index = index_of(AMD64, Platform(os="unknown", architecture="unknown"))

    assert index.select(None) == index.manifests[0]


def test_select_takes_a_manifest_of_no_platform_for_any() -> None:
    index = index_of(None)

    assert index.select(ARM64) == index.manifests[0]


def test_select_names_the_platforms_that_are_there() -> None:
    with pytest.raises(ImageError, match="no image for linux/arm64") as caught:
        index_of(AMD64, None, None).select(ARM64)

    assert caught.value.hint == "platforms in it: linux/amd64, any, any"


def test_select_without_a_platform_needs_a_single_image() -> None:
    with pytest.raises(ImageError, match="no single image"):
        index_of(AMD64, ARM64).select(None)


def test_a_hint_has_an_end() -> None:
    odd = [Platform(os="x" * 3000, architecture=str(number)) for number in range(9)]

    with pytest.raises(ImageError) as caught:
        index_of(*odd).select(ARM64)

    assert len(str(caught.value.hint)) < 1000


UNREADABLE = {
    "another-algorithm": {"digest": "sha512:" + "0" * 128},
    "no-size": {"size": None},
    "no-type": {"mediaType": "image"},
    "odd-platform": {"platform": {"os": 1}},
}


def beside(*changes: dict[str, object]) -> bytes:
    """Return an index of an image for amd64, and an entry for s390x for each of ``changes``."""
    good = index_of(AMD64).manifests[0].to_json()
    other = {**good, "platform": {"os": "linux", "architecture": "s390x"}}
    manifests = [*({**other, **each} for each in changes), good]
    return canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})


@pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)
def test_select_passes_over_what_cannot_be_read(changes: dict[str, object]) -> None:
    raw = beside(changes)

    index = ImageIndex.parse(raw)

    assert index.select(AMD64) == index_of(AMD64).manifests[0]
    assert index.raw == raw


@pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("wanted", [Platform(os="linux", architecture="s390x"), None])
def test_what_cannot_be_read_cannot_be_chosen(
    changes: dict[str, object], wanted: Platform | None
) -> None:
    with pytest.raises(ImageError, match="the index has no") as caught:
        ImageIndex.parse(beside(changes)).select(wanted)

    assert "linux/amd64; manifests[0]" in str(caught.value.hint)


@pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)
def test_all_that_is_in_an_index_is_told_only_where_all_can_be_read(
    changes: dict[str, object],
) -> None:
    with pytest.raises(ImageError, match=r"manifests\[0\]"):
        _ = ImageIndex.parse(beside(changes)).manifests
