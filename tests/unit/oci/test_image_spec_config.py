"""What image-spec config.md says: each class is a section, each test a rule."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig, ImageConfig
from condabox.oci.digest import Digest
from condabox.oci.mediatype import OCI_CONFIG
from tests.fakes.imagedocuments import ABSENT, DIFF_ID, config, descriptor, docker_base
from tests.fakes.images import ARM64, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.imagedocuments import Written

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FULL: dict[str, object] = {
    "User": "1000:0",
    "ExposedPorts": {"8000/tcp": {}, "53/udp": {}, "80": {}},
    "Env": ["PATH=/bin", "EMPTY=", "A=b=c", "PATH=/usr/bin"],
    "Entrypoint": ["tini", "--"],
    "Cmd": ["python"],
    "Volumes": {"/data": {}, "/var/log/x": {}},
    "WorkingDir": "/app",
    "Labels": {"com.example.a": ""},
    "StopSignal": "SIGRTMIN+3",
    "ArgsEscaped": True,
    "Memory": 1,
    "MemorySwap": 2,
    "CpuShares": 3,
    "Healthcheck": {"Test": ["NONE"], "Tries": 1},
}


def put_on(base: Image, folder: Path) -> dict[str, object]:
    """Return the config of an image that adds one layer and changes nothing else."""
    config = base.config.config
    made = make_image(folder, {"a": b"a"}, base=base, platform=base.platform, config=config)
    document: dict[str, object] = json.loads(made.config.raw)
    return document


class TestLayerDiffId:
    def test_it_is_the_digest_of_the_uncompressed_tar(self, tmp_path: Path) -> None:
        found = [
            make_image(tmp_path, {"a": b"a"}, compression=each).config.diff_ids
            for each in Compression
        ]

        assert found[0] == found[1]


class TestImageId:
    def test_it_is_the_digest_of_the_config(self, ours: Written) -> None:
        for found in ours.descriptors():
            if found["mediaType"] == OCI_CONFIG:
                raw = ours.blob(found)
                assert str(ImageConfig.parse(raw).digest) == str(Digest.of(raw)) == found["digest"]


class TestProperties:
    @pytest.mark.parametrize(
        "key", ["created", "author", "variant", "os.version", "os.features", "config", "history"]
    )
    def test_an_optional_field_may_be_null_which_is_as_if_it_were_absent(self, key: str) -> None:
        null, absent = (ImageConfig.parse(config(**{key: each})) for each in (None, ABSENT))

        assert (null.created, null.platform) == (absent.created, absent.platform)
        assert (null.config, null.history) == (absent.config, absent.history)

    @pytest.mark.parametrize("key", [*FULL])
    def test_so_may_those_of_the_container(self, key: str) -> None:
        found = ImageConfig.parse(config(config={key: None})).config

        assert found.to_json() in ({}, {key: None})

    @pytest.mark.parametrize("key", ["architecture", "os", "rootfs"])
    @pytest.mark.parametrize("value", [ABSENT, None, 1])
    def test_architecture_os_and_rootfs_are_required(self, key: str, value: object) -> None:
        with pytest.raises(ImageError, match=key):
            ImageConfig.parse(config(**{key: value}))

    @pytest.mark.parametrize(
        "time",
        [
            *("2015-10-31T22:22:56.015925234Z", "0001-01-01T00:00:00Z", "2026-02-28t00:00:00z"),
            "2015-10-31T22:22:56+14:00",
        ],
    )
    def test_times_are_formatted_as_in_rfc_3339(self, time: str) -> None:
        found = ImageConfig.parse(config(created=time, history=[{"created": time}]))

        assert (found.created, found.history[0].created) == (time, time)

    @pytest.mark.parametrize(
        "time",
        [
            *("", "yesterday", "2015-10-31", "2015-10-31 22:22:56Z", "2015-10-31T22:22:56"),
            *("2015-13-31T22:22:56Z", "2015-02-30T22:22:56Z", "2015-10-31T24:22:56Z"),
            *("2015-10-31T22:22:56Z\n", "٢015-10-31T22:22:56Z", "20151031T222256Z"),
        ],
    )
    def test_engines_read_no_other_times(self, time: str) -> None:
        for document, where in (
            (config(created=time), "created"),
            (config(history=[{"created": time}]), r"history\[0\]\.created"),
        ):
            with pytest.raises(ImageError, match=f"{where}: .* is not a time"):
                ImageConfig.parse(document)

    def test_what_is_written_has_the_required_and_its_times(self, ours: Written) -> None:
        for found in ours.of_type(OCI_CONFIG):
            assert {"architecture", "os", "rootfs"} <= set(found)
            history = found["history"]
            assert isinstance(history, list)
            for time in (found["created"], *(each["created"] for each in history)):
                assert RFC_3339.fullmatch(str(time))

    def test_the_platform_is_that_of_the_base(self, tmp_path: Path) -> None:
        changes = {"variant": "v8", "os.version": "1.2", "os.features": ["x"]}
        base = docker_base(tmp_path, platform=ARM64, config=changes)

        found = put_on(base, tmp_path)

        assert {key: found[key] for key in changes} == changes

    @given(st.text(min_size=1).map("x-{}".format), st.text() | st.integers() | st.none())
    def test_extra_fields_must_not_be_an_error(self, name: str, value: object) -> None:
        more = {name: value}

        found = ImageConfig.parse(config(config=more, history=[more], **more))

        assert (found.extra, found.config.extra, found.history[0].extra) == (more, more, more)

    def test_extra_fields_of_a_base_are_kept(self, tmp_path: Path) -> None:
        more: dict[str, object] = {"x-field": {"b": [1, None]}}
        history = [{"comment": "c", "author": "me", **more}, {"empty_layer": True}, more]
        changes = {"config": FULL | more, "history": history, **more}

        found = put_on(docker_base(tmp_path, config=changes), tmp_path)

        assert found["x-field"] == more["x-field"]
        assert found["history"][:3] == history  # type: ignore[index]
        assert found["config"] == FULL | more | {"Env": ["PATH=/usr/bin", "EMPTY=", "A=b=c"]}


class TestExecutionParameters:
    def test_every_field_is_written_as_it_is_read(self) -> None:
        found = ImageConfig.parse(config(config=FULL)).config

        assert found.to_json() == FULL | {"Env": ["PATH=/usr/bin", "EMPTY=", "A=b=c"]}

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            *product(("Env", "Entrypoint", "Cmd"), ("", "x", {}, 0, [1])),
            *product(("ExposedPorts", "Volumes"), ("", ["80"], 0)),
            *product(("User", "WorkingDir", "StopSignal"), (0, [])),
            *product(("Labels",), ("", ["a=b"], 0, {"a": None})),
            *product(("Healthcheck",), ("", [], 0, {"Test": "true"})),
        ],
    )
    def test_a_field_of_another_kind_is_refused_by_its_name(self, key: str, value: object) -> None:
        with pytest.raises(ImageError, match=rf"image config: config\.{key}"):
            ImageConfig.parse(config(config={key: value}))

    def test_env_has_entries_of_the_form_name_and_value(self) -> None:
        made = ContainerConfig(env={"A": "b=c", "EMPTY": ""})

        assert made.to_json() == {"Env": ["A=b=c", "EMPTY="]}

    def test_ports_and_volumes_are_keys_of_empty_objects(self) -> None:
        made = ContainerConfig(exposed_ports=("8000/tcp",), volumes=("/data",))

        assert made.to_json() == {"ExposedPorts": {"8000/tcp": {}}, "Volumes": {"/data": {}}}

    def test_config_may_be_omitted(self) -> None:
        assert ImageConfig.parse(config(config=ABSENT)).config == ContainerConfig()


class TestRootfs:
    @pytest.mark.parametrize("kind", [ABSENT, None, "", "layers+base", "Layers", 1, ["layers"]])
    def test_the_type_must_be_layers(self, kind: object) -> None:
        rootfs = {"type": kind, "diff_ids": [str(DIFF_ID)]}
        rootfs = {key: value for key, value in rootfs.items() if value is not ABSENT}

        with pytest.raises(ImageError, match=r"rootfs\.type"):
            ImageConfig.parse(config(rootfs=rootfs))

    @pytest.mark.parametrize("diff_ids", ["", {}, [1], [None], ["x"], [f"md5:{'0' * 32}"]])
    def test_diff_ids_are_digests(self, diff_ids: object) -> None:
        with pytest.raises(ImageError, match=r"rootfs\.diff_ids"):
            ImageConfig.parse(config(rootfs={"type": "layers", "diff_ids": diff_ids}))

    def test_docker_leaves_them_out_where_there_are_no_layers(self) -> None:
        assert ImageConfig.parse(config(rootfs={"type": "layers"})).diff_ids == ()

    def test_they_are_in_order_from_first_to_last(self, tmp_path: Path) -> None:
        base = docker_base(tmp_path)

        found = put_on(base, tmp_path)["rootfs"]

        assert isinstance(found, dict)
        assert found["type"] == "layers"
        assert found["diff_ids"][:2] == [str(each) for each in base.config.diff_ids]
        assert len(found["diff_ids"]) == 3

    def test_the_manifest_has_a_layer_for_each(self, ours: Written) -> None:
        for found in ours.of_type("application/vnd.oci.image.manifest.v1+json"):
            [raw] = [ours.blob(found["config"])]
            layers = found["layers"]
            assert isinstance(layers, list)
            assert len(layers) == len(json.loads(raw)["rootfs"]["diff_ids"])


class TestHistory:
    def test_it_tells_of_each_layer_in_order(self, tmp_path: Path) -> None:
        history = [
            {"created_by": "ADD", "created": "2020-01-01T00:00:00Z"},
            {"created_by": "ENV", "empty_layer": True},
            {"created_by": "COPY", "comment": "x", "author": "me"},
            {"created_by": "CMD", "empty_layer": True},
        ]

        found = put_on(docker_base(tmp_path, config={"history": history}), tmp_path)["history"]

        assert isinstance(found, list)
        assert found[:4] == history
        assert [each["created_by"] for each in found[4:]] == ["layer of a"]

    @pytest.mark.parametrize("value", ["", {}, [1], [[]], [{"empty_layer": "true"}]])
    def test_entries_are_objects(self, value: object) -> None:
        with pytest.raises(ImageError, match="history"):
            ImageConfig.parse(config(history=value))


def test_whitespace_is_optional() -> None:
    spread = json.dumps(json.loads(config(config=FULL)), indent=4).encode()

    assert ImageConfig.parse(spread).config == ImageConfig.parse(config(config=FULL)).config
    assert descriptor(spread)["digest"] != descriptor(config(config=FULL))["digest"]
