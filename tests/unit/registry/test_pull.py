"""Images whose layers come when they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import (
    CondaboxError,
    ImageError,
    ImageNotFoundError,
    RegistryError,
    RegistryRefusedError,
    RegistryUnreachableError,
)
from condabox.events import SilentReporter
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.registry.credentials import Anonymous
from condabox.registry.pull import Puller
from condabox.settings import RegistrySettings
from tests.fakes.httpserver import unanswered_url
from tests.fakes.images import AMD64, make_image
from tests.fakes.registry_behaviour import Fault
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.registry import FakeRegistry

UBUNTU = Reference.parse("ubuntu:24.04")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 5000}, {"b": b"2" * 3000})


def puller(folder: Path, *mirrors: str) -> Puller:
    return Puller(
        registries={"docker.io": RegistrySettings(mirrors=mirrors)},
        folder=folder,
        credentials=Anonymous(),
        blobs=BlobDirectory(folder / "pulled"),
        reporter=SilentReporter(),
    )


def test_an_image_is_opened_without_its_layers(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("library/ubuntu", "24.04", [image])

    opened = puller(tmp_path, registry.host).open(UBUNTU, platform=AMD64)

    assert opened.digest == image.digest
    assert {path.name for path in (tmp_path / "pulled").glob("sha256/*")} == {
        image.digest.hex,
        image.manifest.config.digest.hex,
    }


def test_layers_come_when_they_are_read(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("library/ubuntu", "24.04", [image])
    opened = puller(tmp_path, registry.host).open(UBUNTU, platform=AMD64)
    first, second = image.manifest.layers

    opened.blobs.open(first).close()
    opened.blobs.open(first).close()

    assert registry.lines.count(f"GET /v2/library/ubuntu/blobs/{first.digest}") == 1
    assert f"GET /v2/library/ubuntu/blobs/{second.digest}" not in registry.lines
    assert validate_image(opened) == ()


def test_layers_may_come_from_another_mirror_than_the_manifest(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("one/library/ubuntu", "24.04", [image])
    registry.add("two/library/ubuntu", "24.04", [image])
    pull = puller(tmp_path, f"{registry.host}/one", f"{registry.host}/two")
    opened = pull.open(UBUNTU, platform=AMD64)
    lost = image.manifest.layers[0]
    registry.links.discard(("one/library/ubuntu", str(lost.digest)))

    assert validate_image(opened) == ()


def test_layers_may_come_from_a_layout(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("library/ubuntu", "24.04", [image])
    opened = puller(tmp_path, registry.host, "oci:world").open(UBUNTU, platform=AMD64)
    ImageLayout.create(tmp_path / "world" / "library" / "ubuntu").add([image], name="24.04")
    for layer in image.manifest.layers:
        del registry.blobs[str(layer.digest)]

    assert validate_image(opened) == ()


def test_layers_that_nobody_has_any_more_are_named(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    name = Reference.parse(f"{registry.host}/ubuntu:24.04")
    registry.add("ubuntu", "24.04", [image])
    opened = puller(tmp_path).open(name, platform=AMD64)
    lost = image.manifest.layers[0]
    del registry.blobs[str(lost.digest)]

    with pytest.raises((RegistryError, ImageError), match=str(lost.digest)):
        opened.blobs.open(lost)


@pytest.fixture
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody answer for docker.io, and that be known at once."""
    host = unanswered_url().removeprefix("http://")
    monkeypatch.setattr("condabox.registry.client._HUB_API", host)
    monkeypatch.setattr("condabox.registry.transport._CONNECT_ATTEMPTS", 1)


@pytest.mark.usefixtures("_no_hub")
def test_layers_that_a_layout_lacks_are_not_damaged(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("library/ubuntu", "24.04", [image])
    pull = puller(tmp_path, registry.host, "oci:none", "oci:world")
    opened = pull.open(UBUNTU, platform=AMD64)
    ImageLayout.create(tmp_path / "world" / "library" / "ubuntu")
    registry.behaviour.refused = 404

    with pytest.raises(ImageNotFoundError, match=r"oci:.*none.*: nothing is there"):
        opened.fetch_layers()


def test_layers_that_will_all_be_read_come_together(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    registry.add("library/ubuntu", "24.04", [image])
    pull = puller(tmp_path, registry.host)
    opened = pull.open(UBUNTU, platform=AMD64)

    opened.fetch_layers()

    assert all(pull.blobs.has(layer) for layer in image.manifest.layers)


def test_the_image_of_a_layout_is_read_where_it_lies(image: Image, tmp_path: Path) -> None:
    ImageLayout.create(tmp_path / "world" / "library" / "ubuntu").add([image], name="24.04")

    opened = puller(tmp_path, "oci:world").open(UBUNTU, platform=AMD64)

    assert validate_image(opened) == ()
    assert not (tmp_path / "pulled").exists()


@pytest.fixture
def mirrors(registry: FakeRegistry, image: Image, tmp_path: Path) -> dict[str, str]:
    """Return places that have no ubuntu:24.04, by what is wrong with each."""
    registry.behaviour.faults = [
        Fault(method="GET", path="refusing", status=403, times=99),
        Fault(method="GET", path="failing", status=501, times=99),
    ]
    ImageLayout.create(tmp_path / "layout" / "library" / "ubuntu").add([image], name="22.04")
    broken = ImageLayout.create(tmp_path / "broken" / "library" / "ubuntu")
    (broken.path / "index.json").write_text("no index")
    return {
        "lacking": f"{registry.host}/lacking",
        "refusing": f"{registry.host}/refusing",
        "failing": f"{registry.host}/failing",
        "gone": unanswered_url().removeprefix("http://"),
        "layout": f"oci:{tmp_path}/layout",
        "no layout": f"oci:{tmp_path}/none",
        "broken layout": f"oci:{tmp_path}/broken",
    }


@pytest.mark.usefixtures("_no_hub")
@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (["lacking"], ImageNotFoundError),
        (["gone"], RegistryUnreachableError),
        (["lacking", "gone"], ImageNotFoundError),
        (["gone", "lacking"], ImageNotFoundError),
        (["layout", "no layout", "gone"], ImageNotFoundError),
        (["refusing", "lacking"], RegistryRefusedError),
        (["failing", "lacking", "gone"], RegistryError),
        (["broken layout", "lacking"], ImageError),
        (["gone", "gone"], RegistryUnreachableError),
    ],
)
def test_that_there_is_no_image_is_known_from_all_who_answer(
    mirrors: dict[str, str], tmp_path: Path, asked: list[str], kind: type[CondaboxError]
) -> None:
    with pytest.raises(CondaboxError) as caught:
        puller(tmp_path, *(mirrors[each] for each in asked)).open(UBUNTU, platform=AMD64)

    assert type(caught.value) is kind


def test_what_is_not_found_is_named_once(registry: FakeRegistry, tmp_path: Path) -> None:
    name = f"{registry.host}/team/mini:9"

    with pytest.raises(ImageNotFoundError) as caught:
        puller(tmp_path).open(Reference.parse(name), platform=AMD64)

    assert caught.value.message.startswith(f"{name}: the registry has no such image: MANIFEST")


def test_a_digest_that_is_not_found_is_named_once(registry: FakeRegistry, tmp_path: Path) -> None:
    digest = f"sha256:{'0' * 64}"

    with pytest.raises(ImageNotFoundError) as caught:
        puller(tmp_path).open(Reference.parse(f"{registry.host}/mini@{digest}"), platform=AMD64)

    assert caught.value.message.count(digest) == 1


@pytest.mark.usefixtures("_no_hub")
def test_every_place_is_named_once(registry: FakeRegistry, tmp_path: Path) -> None:
    ImageLayout.create(tmp_path / "world" / "library" / "ubuntu")

    with pytest.raises(ImageNotFoundError) as caught:
        puller(tmp_path, registry.host, "oci:none", "oci:world").open(UBUNTU, platform=AMD64)

    first, *reasons = caught.value.message.splitlines()
    assert first == "ubuntu:24.04 can be had from none of these:"
    assert [reason.strip().partition(": ")[::2] for reason in reasons[:3]] == [
        (
            f"{registry.host}/library/ubuntu",
            "the registry has no such image: MANIFEST_UNKNOWN manifest_unknown it is",
        ),
        (f"oci:{tmp_path}/none/library/ubuntu", "nothing is there"),
        (f"oci:{tmp_path}/world/library/ubuntu", "has no image called 24.04"),
    ]


def test_a_warning_is_told_once_whatever_is_pulled(
    registry: FakeRegistry, image: Image, tmp_path: Path
) -> None:
    told = WatchingReporter()
    name = Reference.parse(f"{registry.host}/app:1.0")
    registry.add("app", "1.0", [image])
    registry.behaviour.headers = {"Warning": '299 - "it closes soon"'}
    pull = replace(puller(tmp_path), reporter=told)

    pull.open(name, platform=AMD64).fetch_layers()

    assert told.warnings == [f"{registry.host} says: it closes soon"]
