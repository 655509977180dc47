"""Image configs: what a base says survives, what is made is what is meant."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.oci.config import ContainerConfig, Healthcheck, History, ImageConfig
from condabox.oci.digest import Digest
from condabox.platforms import Platform

ARM64 = Platform(os="linux", architecture="arm64", variant="v8")
DIGEST = Digest("ab" * 32)
FULL = ContainerConfig(
    user="1000:0",
    exposed_ports=("8000/tcp",),
    env={"PATH": "/opt/env/bin:/usr/bin", "EMPTY": "", "A": "b=c"},
    entrypoint=("tini", "--"),
    cmd=("python", "-m", "app"),
    volumes=("/data",),
    working_dir="/app",
    labels={"a": "b"},
    stop_signal="SIGINT",
    healthcheck=Healthcheck(
        test=("CMD", "true"),
        interval=30_000_000_000,
        timeout=3,
        start_period=60,
        start_interval=1,
        retries=3,
    ),
    extra={"OnBuild": None, "ArgsEscaped": True},
)
DOCKER_BASE = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "os.version": "1.2",
    "created": "2026-01-02T03:04:05.678Z",
    "container": "0123",
    "container_config": {"Cmd": ["/bin/sh"]},
    "docker_version": "20.10",
    "config": {"Hostname": "", "Env": ["PATH=/usr/bin"], "Cmd": ["bash"], "Labels": None},
    "rootfs": {"type": "layers", "diff_ids": [str(DIGEST)]},
    "history": [{"created_by": "ADD file"}, {"created_by": "CMD", "empty_layer": True}],
}

texts = st.text(max_size=6)
names = st.text(st.characters(codec="utf-8", exclude_characters="="), min_size=1, max_size=6)


def created(config: ContainerConfig = FULL, **changes: object) -> ImageConfig:
    return replace(
        ImageConfig.create(
            platform=ARM64,
            created="2026-01-31T00:00:00Z",
            config=config,
            diff_ids=[DIGEST],
            history=[History(created_by="x")],
            extra={},
        ),
        **changes,  # type: ignore[arg-type]
    )


def parse(**changes: object) -> ImageConfig:
    return ImageConfig.parse(json.dumps(DOCKER_BASE | changes).encode())


def test_what_is_made_reads_back() -> None:
    config = created()

    assert ImageConfig.parse(config.raw) == config
    assert (config.config, config.platform, config.diff_ids) == (FULL, ARM64, (DIGEST,))
    assert config.digest == Digest.of(config.raw)


@given(
    st.builds(
        ContainerConfig,
        user=texts,
        env=st.dictionaries(names, texts),
        cmd=st.lists(texts).map(tuple),
        entrypoint=st.lists(texts).map(tuple),
        labels=st.dictionaries(texts, texts),
        working_dir=texts,
    )
)
def test_any_container_config_reads_back(config: ContainerConfig) -> None:
    assert ContainerConfig.from_mapping(config.to_json(), at="config") == config


def test_docker_reads_the_fields_under_these_names() -> None:
    assert FULL.to_json() == {
        "User": "1000:0",
        "ExposedPorts": {"8000/tcp": {}},
        "Env": ["PATH=/opt/env/bin:/usr/bin", "EMPTY=", "A=b=c"],
        "Entrypoint": ["tini", "--"],
        "Cmd": ["python", "-m", "app"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/app",
        "Labels": {"a": "b"},
        "StopSignal": "SIGINT",
        "Healthcheck": {
            "Test": ["CMD", "true"],
            "Interval": 30_000_000_000,
            "Timeout": 3,
            "StartPeriod": 60,
            "StartInterval": 1,
            "Retries": 3,
        },
        "OnBuild": None,
        "ArgsEscaped": True,
    }


def test_an_empty_config_is_an_empty_mapping() -> None:
    assert ContainerConfig().to_json() == {}


def test_of_a_variable_that_stands_twice_the_last_value_counts() -> None:
    config = ContainerConfig.from_mapping({"Env": ["A=1", "B=2", "A=3", "C"]}, at="")

    assert list(config.env.items()) == [("A", "3"), ("B", "2"), ("C", "")]


def test_a_base_of_docker_is_read() -> None:
    config = parse()

    assert config.platform == ARM64
    assert config.config == ContainerConfig(
        env={"PATH": "/usr/bin"}, cmd=("bash",), extra={"Hostname": ""}
    )
    assert config.history == (
        History(created_by="ADD file"),
        History(created_by="CMD", empty_layer=True),
    )


def test_fields_that_are_not_known_survive_but_not_those_of_the_bases_build() -> None:
    base = parse()

    made = ImageConfig.create(
        platform=base.platform,
        created="2026-01-31T00:00:00Z",
        config=base.config,
        diff_ids=base.diff_ids,
        history=base.history,
        extra=base.extra,
    )

    document = json.loads(made.raw)
    assert document["os.version"] == "1.2"
    assert document["config"]["Hostname"] == ""
    assert not {"container", "container_config", "docker_version"} & set(document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": None}, "architecture: expected a string"),
        ({"rootfs": []}, "rootfs: expected a mapping"),
        ({"config": {"Env": "PATH=x"}}, "config.Env: expected a list"),
        ({"config": {"Cmd": [1]}}, r"config.Cmd\[0\]: expected a string"),
        ({"config": {"Labels": {"a": 1}}}, "config.Labels.a: expected a string"),
        ({"config": {"Healthcheck": {"Retries": "3"}}}, "config.Healthcheck.Retries: expected a"),
        ({"history": [{"empty_layer": 1}]}, r"history\[0\].empty_layer: expected true or false"),
    ],
)
def test_a_bad_config_is_an_image_error_that_says_where(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ImageError, match=f"image config: {message}"):
        parse(**changes)
