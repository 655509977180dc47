"""What is pushed without a platform is the whole: every platform and attestation, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.events import SilentReporter
from condabox.oci.document import canonical_json
from condabox.oci.mediatype import OCI_INDEX
from condabox.settings import RegistrySettings, Settings
from condabox.workflows.push import PushRequest, push_image
from tests.fakes.attested import Attested
from tests.fakes.images import AMD64, ARM64, make_image
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.platforms import Platform
    from condabox.registry.push import PushResult


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def arm(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"arm"}, platform=ARM64)


@pytest.fixture
def attested(tmp_path: Path, arm: Image) -> Attested:
    return Attested.of([make_image(tmp_path / "made", {"a": b"1"}, {"b": b"2"}), arm])


def push(
    settings: Settings, image: str, *references: str, platform: Platform | None = None
) -> PushResult:
    request = PushRequest(image=image, references=references, platform=platform)
    (result,) = push_image(request, settings=settings, reporter=SilentReporter())
    return result


def assert_whole(registry: FakeRegistry, name: str, attested: Attested) -> None:
    repository, tag = name.split(":")
    assert registry.manifests[repository, tag] == attested.index.raw
    for entry in attested.index.manifests:
        assert registry.manifests[repository, str(entry.digest)] in attested.manifests


def test_from_one_registry_into_another(
    settings: Settings, registry: FakeRegistry, other: FakeRegistry, attested: Attested
) -> None:
    attested.into_registry(other, "ai", "1.0")

    result = push(settings, f"{other.host}/ai:1.0", f"{registry.host}/copy:1.0")

    assert result.digest == attested.digest
    assert set(registry.blobs.values()) == set(attested.blobs)
    assert_whole(registry, "copy:1.0", attested)


def test_within_a_registry_no_blob_is_moved(
    settings: Settings, registry: FakeRegistry, attested: Attested
) -> None:
    attested.into_registry(registry, "ai", "1.0")

    result = push(settings, f"{registry.host}/ai:1.0", f"{registry.host}/team/copy:2.0")

    assert result.mounted == sum(map(len, attested.blobs))
    assert registry.requests("GET", "/blobs/") == []
    assert registry.requests("PUT", "/blobs/") == []
    assert_whole(registry, "team/copy:2.0", attested)


def test_blobs_are_mounted_from_the_mirror_that_the_image_came_from(
    settings: Settings, registry: FakeRegistry, attested: Attested, tmp_path: Path
) -> None:
    attested.into_registry(registry, "hub/library/ai", "1.0")
    mirrored = RegistrySettings(mirrors=(f"{registry.host}/hub",))
    settings = Settings(cache_dir=tmp_path / "cache", registries={"docker.io": mirrored})

    result = push(settings, "ai:1.0", f"{registry.host}/copy:1.0")

    assert result.uploaded == sum(map(len, attested.manifests)) + len(attested.index.raw)
    assert registry.requests("GET", "/blobs/") == []


def test_another_tag_in_the_same_repository(
    settings: Settings, registry: FakeRegistry, attested: Attested
) -> None:
    attested.into_registry(registry, "ai", "1.0")

    result = push(settings, f"{registry.host}/ai:1.0", f"{registry.host}/ai:latest")

    assert (result.uploaded, result.mounted) == (0, 0)
    assert registry.manifests["ai", "latest"] == attested.index.raw


def test_from_a_layout(
    settings: Settings, registry: FakeRegistry, attested: Attested, tmp_path: Path
) -> None:
    attested.into_layout(tmp_path / "layout")

    result = push(settings, str(tmp_path / "layout"), f"{registry.host}/copy:1.0")

    assert result.digest == attested.digest
    assert_whole(registry, "copy:1.0", attested)


def test_with_a_platform_that_image_goes_alone(
    settings: Settings, registry: FakeRegistry, other: FakeRegistry, attested: Attested, arm: Image
) -> None:
    attested.into_registry(other, "ai", "1.0")
    place = f"{registry.host}/copy:1.0"

    assert push(settings, f"{other.host}/ai:1.0", place, platform=ARM64).digest == arm.digest


def test_a_single_image_is_copied_whatever_this_machine_runs(
    settings: Settings, registry: FakeRegistry, other: FakeRegistry, tmp_path: Path
) -> None:
    platform = replace(AMD64, architecture="s390x")
    s390x = make_image(tmp_path / "made", {"a": b"1"}, platform=platform)
    other.add("ai", "1.0", [s390x])

    result = push(settings, f"{other.host}/ai:1.0", f"{registry.host}/copy:1.0")

    assert result.digest == s390x.digest


def test_what_is_neither_image_nor_index_is_explained(
    settings: Settings, registry: FakeRegistry, other: FakeRegistry, arm: Image
) -> None:
    digest = other.add("ai", "arm", [arm])
    entry = {"mediaType": "application/x-thing", "digest": str(digest), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    other.tag("ai", "1.0", canonical_json(document))

    with pytest.raises(ImageError, match="application/x-thing is neither") as caught:
        push(settings, f"{other.host}/ai:1.0", f"{registry.host}/copy:1.0")

    assert "--platform" in str(caught.value.hint)
    assert registry.manifests == {}


def test_an_index_that_is_nested_without_end_is_refused(
    settings: Settings, registry: FakeRegistry, other: FakeRegistry
) -> None:
    raw = canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})
    for _ in range(9):
        digest = other.add_document("ai", raw)
        entry = {"mediaType": OCI_INDEX, "digest": str(digest), "size": len(raw)}
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        raw = canonical_json(document)
    other.tag("ai", "1.0", raw)

    with pytest.raises(ImageError, match="nested too deeply"):
        push(settings, f"{other.host}/ai:1.0", f"{registry.host}/copy:1.0")


def test_an_image_that_is_nowhere_is_told(settings: Settings, registry: FakeRegistry) -> None:
    with pytest.raises(ImageError, match="there is no image Not A Name"):
        push(settings, "Not A Name", f"{registry.host}/copy:1.0")


@pytest.mark.parametrize("platform", [None, AMD64])
def test_an_image_that_is_called_docker_is_no_daemon_s(
    registry: FakeRegistry, attested: Attested, tmp_path: Path, platform: Platform | None
) -> None:
    attested.into_registry(registry, "hub/library/docker", "27")
    mirrored = RegistrySettings(mirrors=(f"{registry.host}/hub",))
    settings = Settings(cache_dir=tmp_path / "cache", registries={"docker.io": mirrored})

    result = push(settings, "docker:27", f"{registry.host}/copy:1.0", platform=platform)

    assert (result.digest == attested.digest) == (platform is None)
