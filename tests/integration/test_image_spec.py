"""What image-spec asks of a whole image that was built: the unit tests have each rule alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from condabox.oci.digest import Digest
from condabox.oci.mediatype import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from tests.fakes.imagedocuments import Written
from tests.fakes.packages import make_package
from tests.fakes.project import make_project

if TYPE_CHECKING:
    from tests.fakes.project import Project

SECTION = """\
  labels: {team: ml, org.opencontainers.image.vendor: us}
  expose: [8000]
  env: {A: "b=c"}
  cmd: [tool]
"""
KEY = re.compile(r"[a-z]+(\.[A-Za-z0-9-]+)+")
DEFINED = {
    f"org.opencontainers.image.{name}"
    for name in ("base.digest", "base.name", "created", "ref.name", "title")
}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Build an image for two platforms."""
    folder = tmp_path_factory.mktemp("spec")
    archives = [
        make_package(folder / "packages", name, files={f"share/{name}": name}, noarch="generic")
        for name in ("alpha", "beta")
    ]
    project: Project = make_project(
        folder / "project", archives=archives, specs=["alpha", "beta"], section=SECTION
    )
    text = project.environment.read_text().replace("[linux-64]", "[linux-64, linux-aarch64]")
    project.environment.write_text(text)
    project.build("--platform", "linux/amd64,linux/arm64", "-t", "registry.example/team/ai:1.0")
    return Written(project.root / "image")


def test_every_blob_is_what_its_descriptor_says(image: Written) -> None:
    found = list(image.descriptors())

    kinds = {str(each["mediaType"]) for each in found}
    assert kinds == {OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP}
    for each in found:
        data = image.blob(each)
        assert (str(Digest.of(data)), len(data)) == (each["digest"], each["size"])


def test_every_document_is_canonical_json(image: Written) -> None:
    for raw in image.documents():
        again = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"))
        assert raw == again.encode()


def test_keys_are_reverse_domains_and_those_of_the_oci_are_defined(image: Written) -> None:
    keys: set[str] = set()
    for document in (*image.descriptors(), *image.of_type(OCI_MANIFEST)):
        annotations = document.get("annotations", {})
        assert isinstance(annotations, dict)
        keys |= set(annotations)

    assert all(map(KEY.fullmatch, keys))
    assert {key for key in keys if key.startswith("org.opencontainers.")} == DEFINED


def test_what_predefined_keys_say_has_their_form(image: Written) -> None:
    for manifest in image.of_type(OCI_MANIFEST):
        said = manifest["annotations"]
        assert isinstance(said, dict)
        assert RFC_3339.fullmatch(said["org.opencontainers.image.created"])
        base = said["org.opencontainers.image.base.digest"]
        assert str(Digest.parse(base)) == base
        assert said["org.opencontainers.image.base.name"] == "docker.io/library/ubuntu:24.04"


def test_the_base_of_the_annotations_is_what_lies_at_index_0(image: Written) -> None:
    for manifest in image.of_type(OCI_MANIFEST):
        said, layers = manifest["annotations"], manifest["layers"]
        assert isinstance(said, dict)
        assert isinstance(layers, list)
        base = Written(image.path.parent / "base" / "library" / "ubuntu")
        found = json.loads(base.blob({"digest": said["org.opencontainers.image.base.digest"]}))
        assert layers[0]["digest"] == found["layers"][0]["digest"]


def test_the_config_has_all_that_is_required(image: Written) -> None:
    configs = image.of_type(OCI_CONFIG)

    assert sorted(str(each["architecture"]) for each in configs) == ["amd64", "arm64"]
    for found in configs:
        rootfs, history, config = found["rootfs"], found["history"], found["config"]
        assert isinstance(rootfs, dict)
        assert isinstance(history, list)
        assert isinstance(config, dict)
        assert rootfs["type"] == "layers"
        told = [each for each in history if not each.get("empty_layer")]
        assert len(told) == len(rootfs["diff_ids"])
        assert all(RFC_3339.fullmatch(each["created"]) for each in (*history, found))
        assert all("=" in each for each in config["Env"])
        assert config["ExposedPorts"] == {"8000/tcp": {}}
        assert all(isinstance(value, str) for value in config["Labels"].values())
