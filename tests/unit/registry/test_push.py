"""Images on their way into repositories: nothing twice, nothing incomplete, nothing unread."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import DigestMismatchError, ImageError, RegistryError, SpecError
from condabox.events import SilentReporter
from condabox.oci.config import ContainerConfig
from condabox.oci.image import index_of, new_image
from condabox.oci.layout import BlobDirectory
from condabox.oci.mediatype import OCI_INDEX
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous
from condabox.registry.pull import Puller
from condabox.registry.push import PushResult, push_images
from condabox.registry.transfer import Fetcher
from condabox.settings import RegistrySettings, Settings
from tests.fakes.images import AMD64, ARM64, EPOCH, make_image, make_layer
from tests.fakes.pulling import pulled
from tests.fakes.registry_behaviour import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.events import Task
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.registry.push import Pusher
    from tests.fakes.registry import FakeRegistry


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 5000}, {"b": bytes(range(256)) * 300})


@pytest.fixture
def arm(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 5000}, {"c": b"arm"}, platform=ARM64)


def push(
    pusher: Pusher,
    registry: FakeRegistry,
    images: Sequence[Image],
    *names: str,
    elsewhere: Mapping[Digest, Sequence[Reference]] | None = None,
) -> tuple[PushResult, ...]:
    references = [Reference.parse(f"{registry.host}/{name}") for name in names or ("app:1.0",)]
    return pusher.push(parts_of(images), references=references, elsewhere=elsewhere or {})


def sizes(image: Image) -> int:
    blobs = (*image.manifest.layers, image.manifest.config, image.descriptor)
    return sum(each.size for each in blobs)


def kinds(registry: FakeRegistry) -> list[str]:
    """Tell what was stored, in the order in which it came."""
    stored = [
        each
        for each in registry.requests("PUT")
        if "digest=" in each.path or "/manifests/" in each.path
    ]
    return [
        "blob" if "digest=" in each.path else each.path.rpartition("/manifests/")[2]
        for each in stored
    ]


def test_an_image_arrives_as_it_is(registry: FakeRegistry, pusher: Pusher, image: Image) -> None:
    (result,) = push(pusher, registry, [image])

    assert result == PushResult(
        name=f"{registry.host}/app",
        digest=image.digest,
        tags=("1.0",),
        uploaded=sizes(image),
        mounted=0,
        present=0,
    )
    assert str(result) == f"{registry.host}/app@{image.digest}"
    assert registry.manifests["app", "1.0"] == image.manifest.raw


def test_what_is_pulled_again_is_the_same(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    push(pusher, registry, [image])
    client = RegistryClient(
        host=registry.host,
        insecure=False,
        transport=pusher.transport,
        credentials=Anonymous(),
    )
    blobs = BlobDirectory(tmp_path / "pulled")
    fetcher = Fetcher(client=client, repository="app", blobs=blobs, reporter=SilentReporter())

    assert pulled(fetcher, "1.0").manifest == image.manifest


def test_layers_come_before_the_config_and_the_tag_comes_last(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    push(pusher, registry, [image])

    assert kinds(registry) == ["blob", "blob", "blob", str(image.digest), "1.0"]
    last = [each for each in registry.requests("PUT") if "digest=" in each.path][-1]
    assert str(image.manifest.config.digest).partition(":")[2] in last.path


def test_an_index_comes_after_what_is_in_it(
    registry: FakeRegistry, pusher: Pusher, image: Image, arm: Image
) -> None:
    (result,) = push(pusher, registry, [image, arm])

    index = index_of([image, arm])
    assert result.digest == index.descriptor.digest
    assert kinds(registry)[-4:] == [
        str(image.digest),
        str(arm.digest),
        str(index.descriptor.digest),
        "1.0",
    ]
    assert registry.manifests["app", "1.0"] == index.raw
    assert registry.requests("PUT", "/1.0$")[0].headers["content-type"] == OCI_INDEX


def test_layers_that_images_share_are_sent_once(
    registry: FakeRegistry, pusher: Pusher, image: Image, arm: Image
) -> None:
    push(pusher, registry, [image, arm])

    shared = image.manifest.layers[0]
    assert shared == arm.manifest.layers[0]
    assert len(registry.requests("PUT", f"digest=sha256%3A{shared.digest.hex}")) == 1


def test_a_tag_never_stands_for_something_incomplete(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    lost = Fault(method="PUT", path="digest=", skip=1, times=99, status=403, code="DENIED")
    registry.behaviour.faults = [lost]

    with pytest.raises(RegistryError, match="DENIED"):
        push(pusher, registry, [image])

    assert registry.manifests == {}


def test_no_tag_is_set_where_another_registry_takes_nothing(
    registry: FakeRegistry, other: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    other.behaviour.faults = [Fault(method="POST", times=99, status=403, code="DENIED")]
    references = [Reference.parse(f"{each.host}/app:1.0") for each in (registry, other)]

    with pytest.raises(RegistryError, match="DENIED"):
        pusher.push(parts_of([image]), references=references, elsewhere={})

    assert ("app", "1.0") not in registry.manifests


def test_the_second_time_nothing_is_sent(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    push(pusher, registry, [image])
    registry.seen.clear()

    (result,) = push(pusher, registry, [image])

    assert {each.method for each in registry.seen if each.path != "/v2/"} == {"HEAD"}
    assert (result.uploaded, result.present) == (0, sizes(image))


def test_of_a_changed_image_only_what_changed_is_sent(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    push(pusher, registry, [image], "app:1.0")
    changed = make_image(tmp_path / "made", {"a": b"1" * 5000}, {"b": b"changed"})
    registry.seen.clear()

    (result,) = push(pusher, registry, [changed], "app:1.1")

    new = (changed.manifest.layers[1], changed.manifest.config)
    assert sorted(len(each.body) for each in registry.requests("PUT", "digest=")) == sorted(
        each.size for each in new
    )
    assert result.uploaded == sum(each.size for each in new) + changed.descriptor.size
    assert result.present == changed.manifest.layers[0].size


def test_several_tags_cost_one_upload(registry: FakeRegistry, pusher: Pusher, image: Image) -> None:
    (result,) = push(pusher, registry, [image], "app:1.0", "app:latest", "app:1.0")

    assert result.tags == ("1.0", "latest")
    assert len(registry.requests("PUT", "digest=")) == 3
    assert registry.manifests["app", "latest"] == image.manifest.raw


def test_a_second_repository_mounts_from_the_first(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    first, second = push(pusher, registry, [image], "app:1.0", "team/app:1.0")

    blobs = sizes(image) - image.descriptor.size
    assert (first.uploaded, first.mounted) == (sizes(image), 0)
    assert (second.uploaded, second.mounted) == (image.descriptor.size, blobs)
    assert {each.query["from"] for each in registry.requests("POST", "/team/app/")} == {"app"}


def test_layers_of_the_base_are_mounted_from_where_it_is(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    registry.add("bases/ubuntu", "24.04", [image])
    built = built_on(image, f"{registry.host}/bases/ubuntu:24.04", tmp_path)

    (result,) = push(pusher, registry, [built])

    assert result.mounted == sum(layer.size for layer in image.manifest.layers)
    assert ("app", str(image.manifest.layers[0].digest)) in registry.links


def test_layers_of_the_base_are_mounted_from_its_mirror(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    registry.add("hub/library/ubuntu", "24.04", [image])
    built = built_on(image, "docker.io/library/ubuntu:24.04", tmp_path)
    mirrors = {"docker.io": RegistrySettings(mirrors=(f"{registry.host}/hub",))}
    settings = Settings(cache_dir=tmp_path, registries=mirrors)

    (result,) = push(replace(pusher, settings=settings), registry, [built])

    assert result.mounted == sum(layer.size for layer in image.manifest.layers)


def test_a_base_that_is_on_another_registry_is_not_asked_for(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    push(pusher, registry, [built_on(image, "elsewhere.example/ubuntu:24.04", tmp_path)])

    assert all("mount" not in each.path for each in registry.requests("POST"))


def test_known_places_are_asked_first(registry: FakeRegistry, pusher: Pusher, image: Image) -> None:
    layer = image.manifest.layers[1]
    registry.add("old/app", "0.9", [image])
    place = Reference.parse(f"{registry.host}/old/app:0.9")
    away = Reference.parse("elsewhere.example/old/app:0.9")

    (result,) = push(pusher, registry, [image], elsewhere={layer.digest: [away, place]})

    assert result.mounted == layer.size


def test_a_mount_that_is_none_becomes_the_upload(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    registry.mounts = False
    layer = image.manifest.layers[0]
    place = Reference.parse(f"{registry.host}/old/app:0.9")

    (result,) = push(pusher, registry, [image], elsewhere={layer.digest: [place]})

    assert result.uploaded == sizes(image)
    assert len(registry.requests("POST")) == 3


def test_of_two_places_the_first_that_has_it_not_is_let_go(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    layer = image.manifest.layers[0]
    registry.add("b", "1.0", [image])
    places = [Reference.parse(f"{registry.host}/{name}:1.0") for name in "abc"]

    (result,) = push(pusher, registry, [image], elsewhere={layer.digest: places})

    assert result.mounted == layer.size
    assert registry.uploads == {}


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_place_that_may_not_be_read_is_no_hindrance(
    registry: FakeRegistry, pusher: Pusher, image: Image, status: int
) -> None:
    registry.behaviour.faults = [Fault(method="POST", path="mount=", times=99, status=status)]
    place = Reference.parse(f"{registry.host}/secret:1.0")
    elsewhere = {layer.digest: [place] for layer in image.manifest.layers}

    (result,) = push(pusher, registry, [image], elsewhere=elsewhere)

    assert result.uploaded == sizes(image)


def test_layers_that_only_their_registry_has_are_not_fetched_to_be_mounted(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    registry.add("bases/ubuntu", "24.04", [image])
    built = lazily_built(registry, tmp_path)

    push(pusher, registry, [built])

    assert registry.requests("GET", "/blobs/sha256:") == []


def test_layers_that_another_registry_has_are_fetched_when_they_are_missed(
    registry: FakeRegistry, other: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    other.add("bases/ubuntu", "24.04", [image])
    built = lazily_built(other, tmp_path)
    first, second = image.manifest.layers
    registry.link("app", other.blobs[str(first.digest)])

    (result,) = push(pusher, registry, [built])

    fetched = [each.path for each in other.requests("GET", "/blobs/sha256:")]
    assert fetched == [f"/v2/bases/ubuntu/blobs/{second.digest}"]
    assert result.present == first.size


def test_a_tag_that_stands_for_it_already_is_left_alone(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    push(pusher, registry, [image])
    immutable = Fault(method="PUT", path="/1.0$", status=400, code="TAG_INVALID")
    registry.behaviour.faults = [immutable]

    push(pusher, registry, [image])

    assert immutable.times == 1


@pytest.mark.parametrize("name", ["app@sha256:" + "0" * 64, "app:1.0@sha256:" + "0" * 64])
def test_a_digest_cannot_be_given(
    registry: FakeRegistry, pusher: Pusher, image: Image, name: str
) -> None:
    with pytest.raises(SpecError, match="cannot be given a digest"):
        push(pusher, registry, [image], name)

    assert registry.seen == []


def test_a_damaged_layer_is_not_stored(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    layer = image.manifest.layers[1]
    path = BlobDirectory(tmp_path / "made" / "blobs").path_of(layer.digest)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)

    with pytest.raises(DigestMismatchError, match=str(layer.digest)):
        push(pusher, registry, [image])

    assert ("app", str(layer.digest)) not in registry.links
    assert registry.manifests == {}


def test_a_missing_layer_is_named(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    layer = image.manifest.layers[1]
    BlobDirectory(tmp_path / "made" / "blobs").path_of(layer.digest).unlink()

    with pytest.raises(ImageError, match=str(layer.digest)):
        push(pusher, registry, [image])


def test_a_layer_that_is_missing_here_but_there_is_no_hindrance(
    registry: FakeRegistry, pusher: Pusher, image: Image, tmp_path: Path
) -> None:
    push(pusher, registry, [image], "app:1.0")
    for layer in image.manifest.layers:
        BlobDirectory(tmp_path / "made" / "blobs").path_of(layer.digest).unlink()

    (result,) = push(pusher, registry, [image], "app:2.0")

    assert result.uploaded == 0


def test_one_platform_twice_is_refused(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    with pytest.raises(ImageError, match="for each platform"):
        push(pusher, registry, [image, image])


def test_progress_is_that_of_what_is_missing(
    registry: FakeRegistry, pusher: Pusher, image: Image
) -> None:
    first, second = image.manifest.layers
    with image.blobs.open(first) as stream:
        registry.link("app", stream.read())
    registry.behaviour.faults = [Fault(method="PUT", path="digest=", cut=10, times=2)]
    counting = Counting()

    push(replace(pusher, reporter=counting), registry, [image])

    assert counting.total == counting.done == second.size + image.manifest.config.size


def test_push_images_finds_its_own_credentials(
    registry: FakeRegistry, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.behaviour.basic = ("me", "open-sesame")
    auths = {registry.host: {"username": "me", "password": "open-sesame"}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    (result,) = push_images(
        [image],
        references=[Reference.parse(f"{registry.host}/app:1.0")],
        settings=Settings(cache_dir=tmp_path),
        reporter=SilentReporter(),
    )

    assert result.digest == image.digest


class Counting(SilentReporter):
    """Remembers how much was announced, and how much of it was told of."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0

    @contextmanager
    def task(self, description: str, *, total: int | None) -> Iterator[Task]:  # noqa: ARG002
        self.total += total or 0
        yield self

    def advance(self, amount: int) -> None:
        self.done += amount


def built_on(base: Image, name: str, folder: Path) -> Image:
    """Build an image on ``base``, which says where it is from."""
    return new_image(
        base=base,
        layers=[(make_layer(folder / "made", {"b": b"on top"}), "b")],
        blobs=BlobDirectory(folder / "made" / "blobs"),
        config=ContainerConfig(),
        platform=AMD64,
        epoch=EPOCH,
        annotations={"org.opencontainers.image.base.name": name},
    )


def lazily_built(registry: FakeRegistry, folder: Path) -> Image:
    """Build on what ``registry`` has, without its layers."""
    puller = Puller(
        registries={},
        folder=folder,
        credentials=Anonymous(),
        blobs=BlobDirectory(folder / "lazy"),
        reporter=SilentReporter(),
    )
    name = f"{registry.host}/bases/ubuntu:24.04"
    base = puller.open(Reference.parse(name), platform=AMD64)
    registry.seen.clear()
    return built_on(base, name, folder)
