"""What image-spec media-types.md, annotations.md and considerations.md say of all documents."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.oci.config import ImageConfig
from condabox.oci.document import canonical_json, parse_document
from condabox.oci.layout import ImageLayout
from condabox.oci.manifest import ImageIndex, ImageManifest
from condabox.oci.mediatype import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_LAYER_OF,
    OCI_MANIFEST,
)
from condabox.oci.names import REF_NAME, name_annotations, names_in
from tests.fakes.imagedocuments import (
    ABSENT,
    config,
    descriptor,
    docker_base,
    index,
    manifest,
    read,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.imagedocuments import Written

HEX = "6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b"
_NAME = r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*"
REFERENCE = re.compile(f"{_NAME}(?:/{_NAME})*")


class TestMediaTypes:
    def test_what_is_written_has_types_of_the_oci_alone(self, ours: Written) -> None:
        found = {each["mediaType"] for each in ours.descriptors()}

        assert found == {OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP}

    @pytest.mark.parametrize(("docker", "oci"), OCI_LAYER_OF.items())
    def test_layers_of_docker_are_called_as_the_same_bytes_are_here(
        self, docker: str, oci: str
    ) -> None:
        assert oci.startswith("application/vnd.oci.")
        assert docker.endswith("gzip") == oci.endswith("+gzip")
        assert docker.endswith("zstd") == oci.endswith("+zstd")

    def test_the_expected_type_is_respected_where_the_digest_is_right(self) -> None:
        raw = manifest(config=descriptor(config()), layers=[descriptor()], mediaType=ABSENT)

        assert read(raw, config()).descriptor.media_type == OCI_MANIFEST


class TestAnnotationRules:
    @pytest.mark.parametrize("annotations", [[], "", 0, False, [["a", "b"]], "a=b"])
    def test_annotations_must_be_a_map(self, annotations: object) -> None:
        for document in _annotated(annotations):
            with pytest.raises(ImageError, match=r"(annotations|Labels): expected a mapping"):
                _read_any(document)

    @pytest.mark.parametrize("value", [None, 1, True, [], {}])
    def test_values_must_be_strings(self, value: object) -> None:
        for document in _annotated({"com.example.key": value}):
            with pytest.raises(ImageError, match=r"com\.example\.key: expected a string"):
                _read_any(document)

    def test_keys_must_be_unique(self) -> None:
        for document in _annotated({"com.example.key": "x"}):
            again = document.replace(b'"x"', b'"x", "com.example.key": "y"')
            with pytest.raises(ImageError, match=r"'com\.example\.key' stands twice"):
                _read_any(again)

    @pytest.mark.parametrize("annotations", [{}, {"com.example.key": ""}, {"": "x"}, {"no": "y"}])
    def test_no_key_must_be_an_error_and_values_may_be_empty(
        self, annotations: dict[str, str]
    ) -> None:
        for document in _annotated(annotations):
            _read_any(document)

    def test_without_annotations_there_is_no_property(self, ours: Written) -> None:
        for document in (*ours.descriptors(), *ours.of_type(OCI_MANIFEST)):
            assert document.get("annotations") != {}
            assert document.get("annotations", {}) is not None

    def test_none_at_all_may_be_written_as_null(self) -> None:
        """config.md lets optional properties be null, and tools do so everywhere."""
        for document in _annotated(None):
            _read_any(document)


class TestPreDefinedAnnotationKeys:
    @pytest.mark.parametrize(
        "name", ["1.0", "ubuntu:24.04", "registry.example:5000/team/ai:1.0", f"a/b@sha256:{HEX}"]
    )
    def test_a_reference_matches_the_grammar(self, name: str) -> None:
        assert REFERENCE.fullmatch(name_annotations(name)[REF_NAME])

    def test_names_are_valid_in_index_json_alone(self, ours: Written) -> None:
        """Neither are others written, nor are those of an index below it taken for names."""
        named = [each for each in ours.descriptors() if REF_NAME in str(each)]
        assert named == ours.entries

        inner = descriptor(mediaType=OCI_MANIFEST, annotations={REF_NAME: "inner"})
        layout = ImageLayout(ours.path)
        assert layout.names() == ("registry.example/team/ai:1.0",)
        assert names_in(ImageIndex.parse(index(inner))) == ("inner",)


class TestExtensibility:
    def test_content_that_is_copied_must_not_be_altered(self, tmp_path: Path) -> None:
        base = docker_base(tmp_path, config={"x": {"b": 1, "a": [2.5]}})

        copied = written(tmp_path / "layout", base)

        [entry] = copied.entries
        assert copied.blob(entry) == base.manifest.raw
        assert copied.blob(json.loads(base.manifest.raw)["config"]) == base.config.raw

    @given(
        name=st.text(min_size=1).map("x-{}".format),
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    )
    def test_an_unknown_property_should_not_be_an_error(self, name: str, value: object) -> None:
        more = {name: value}
        platform = {"os": "linux", "architecture": "amd64", **more}
        raw_config = config(config=more, history=[more], **more)

        raw = manifest(config=descriptor(raw_config, **more), layers=[descriptor()], **more)
        ImageIndex.parse(index(descriptor(raw, platform=platform, **more), **more))
        image = read(raw, raw_config)

        assert (image.manifest.raw, image.config.raw) == (raw, raw_config)


class TestCanonicalization:
    def test_a_canonical_serialization_should_be_used(self, ours: Written) -> None:
        for raw in ours.documents():
            again = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"))
            assert raw == again.encode()

    def test_the_order_in_which_things_are_told_changes_nothing(self) -> None:
        told = {"b": {"d": 1, "c": 2}, "a": [{"f": None, "e": "x"}]}
        other = {"a": [{"e": "x", "f": None}], "b": {"c": 2, "d": 1}}

        assert canonical_json(told) == canonical_json(other)


class TestJson:
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
    def test_the_encoding_must_be_utf_8(self, encoding: str) -> None:
        raw = b'{"schemaVersion": 2, "manifests": [], "annotations": {"a": "\xc3\xbc"}}'
        assert ImageIndex.parse(raw).annotations == {"a": "ü"}

        with pytest.raises(ImageError, match="is not a JSON mapping"):
            ImageIndex.parse(raw.decode().encode(encoding))

    @pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"b":[{"a":1,"\\u0061":2}]}'])
    def test_objects_must_not_contain_duplicate_names(self, raw: bytes) -> None:
        with pytest.raises(ImageError, match="the name 'a' stands twice"):
            parse_document(raw, what="it")

    @pytest.mark.parametrize("raw", [rb'{"a": "\ud800"}', rb'{"\udfff": 1}', rb'{"a": ["\ud83d"]}'])
    def test_strings_must_not_contain_half_characters(self, raw: bytes) -> None:
        with pytest.raises(ImageError, match="surrogates not allowed"):
            parse_document(raw, what="it")

    def test_a_character_of_two_escapes_is_one(self) -> None:
        assert parse_document(rb'{"a": "\ud83d\ude00"}', what="it") == {"a": "\U0001f600"}

    def test_what_is_written_keeps_these_rules(self, ours: Written) -> None:
        for raw in ours.documents():
            parse_document(raw, what="ours")


def _annotated(annotations: object) -> tuple[bytes, ...]:
    return (
        manifest(annotations=annotations),
        manifest(config=descriptor(annotations=annotations)),
        index(annotations=annotations),
        index(descriptor(annotations=annotations)),
        config(config={"Labels": annotations}),
    )


def _read_any(raw: bytes) -> None:
    """Read a document as what it looks like."""
    if b'"manifests"' in raw:
        _ = ImageIndex.parse(raw).manifests
    elif b'"rootfs"' in raw:
        ImageConfig.parse(raw)
    else:
        ImageManifest.parse(raw)
