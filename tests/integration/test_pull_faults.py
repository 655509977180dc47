"""Pulls from registries and networks that misbehave, as the command line ends and what it says."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.oci.archive import read_archive
from condabox.oci.validate import validate_image
from condabox.registry import pull
from condabox.registry.transport import Transport
from tests.fakes.images import AMD64, make_image
from tests.fakes.registry import FakeRegistry
from tests.fakes.registry_behaviour import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from condabox.oci.image import Image

SIZE = 300_000
PAGE = b"<html>" + b"x" * 70_000


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Make an image whose one layer is hard to compress."""
    data = hashlib.shake_128(b"layer").digest(SIZE)
    return make_image(tmp_path_factory.mktemp("made"), {"a": data})


@pytest.fixture
def registry(image: Image) -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as registry:
        registry.add("app", "1.0", [image])
        yield registry


@pytest.fixture
def save(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], object]:
    """Return what saves the image, never waiting, and returns how it ended."""
    settings = tmp_path / "condabox.toml"
    settings.write_text(f'cache-dir = "{tmp_path / "cache"}"\n')
    monkeypatch.setenv("CONDABOX_CONFIG", str(settings))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(pull, "Transport", partial(Transport, sleep=lambda _: None))
    command = ["condabox", "save", f"{registry.host}/app:1.0", str(tmp_path / "saved.tar")]
    monkeypatch.setattr(sys, "argv", command)

    def run() -> object:
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code

    return run


def layer(**what: object) -> Fault:
    """Return a fault of the next requests for the layer, which come after the config's."""
    return replace(Fault(method="GET", path="/blobs/", skip=1), **what)  # type: ignore[arg-type]


def arrived(folder: Path) -> bool:
    saved = read_archive(folder / "saved.tar").resolve(None, platform=AMD64)
    return validate_image(saved) == ()


PASSING = {
    "500-twice": ([layer(status=500, times=2)], []),
    "502-twice-with-a-long-page": ([layer(status=502, times=2, body=PAGE)], []),
    "500-twice-for-a-manifest": ([Fault(method="GET", path="/manifests/", status=500)], []),
    "429-with-seconds": ([layer(status=429, headers={"Retry-After": "9"})], []),
    "cut-at-half-a-layer": ([], [SIZE, SIZE // 2]),
    "cut-again-and-again": ([], [SIZE, 9_000, 9_000, 9_000, 9_000, 9_000, 9_000]),
    "416-on-resume": ([layer(skip=2, status=416, code="RANGE_INVALID")], [SIZE, SIZE // 2]),
    "502-on-resume": ([layer(skip=2, status=502, times=2, body=PAGE)], [SIZE, SIZE // 2]),
    "another-layer-once": ([layer(status=200, body=b"x" * 100)], []),
    "a-damaged-manifest-once": ([Fault(method="GET", path="/manifests/", status=200)], []),
}


@pytest.mark.parametrize(("faults", "cuts"), PASSING.values(), ids=PASSING)
def test_what_may_pass_is_survived(
    registry: FakeRegistry,
    save: Callable[[], object],
    tmp_path: Path,
    *,
    faults: list[Fault],
    cuts: list[int],
) -> None:
    registry.behaviour.faults = [replace(fault) for fault in faults]
    registry.behaviour.cuts = list(cuts)

    assert save() == 0
    assert arrived(tmp_path)
    assert not registry.behaviour.cuts
    assert all(not fault.times for fault in registry.behaviour.faults)


def test_one_flipped_byte_is_survived(
    registry: FakeRegistry, image: Image, save: Callable[[], object], tmp_path: Path
) -> None:
    data = registry.blobs[str(image.manifest.layers[0].digest)]
    flipped = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    registry.behaviour.faults = [layer(status=200, body=flipped)]

    assert save() == 0
    assert arrived(tmp_path)


def test_a_slow_registry_is_only_slow(
    registry: FakeRegistry, save: Callable[[], object], tmp_path: Path
) -> None:
    registry.behaviour.pieces = 997

    assert save() == 0
    assert arrived(tmp_path)


def test_a_token_that_dies_in_the_middle_is_replaced(
    registry: FakeRegistry, save: Callable[[], object], tmp_path: Path
) -> None:
    registry.behaviour.token_realm = f"{registry.url}/token"
    challenge = f'Bearer realm="{registry.url}/token",service="fake, really",error="invalid_token"'
    registry.behaviour.faults = [layer(status=401, headers={"WWW-Authenticate": challenge})]

    assert save() == 0
    assert arrived(tmp_path)
    assert len(registry.requests("GET", "/token")) == 2


FINAL = {
    "401": (layer(status=401, code="UNAUTHORIZED"), "docker login"),
    "403": (layer(status=403, code="DENIED"), "docker login"),
    "404": (layer(status=404, body=PAGE), "check the name"),
    "416": (layer(status=416, code="RANGE_INVALID"), "log"),
    "418": (layer(status=418), "log"),
    "429": (layer(status=429, headers={"Retry-After": "3600"}), "mirror"),
    "500": (layer(status=500), "later"),
    "503-with-a-long-page": (layer(status=503, body=PAGE), "later"),
    "503-for-a-manifest": (Fault(method="GET", path="/manifests/", status=503), "later"),
    "unanswered": (layer(unanswered=True), "network"),
    "another-layer": (layer(status=200, body=b"x" * 2 * SIZE), "try again"),
    "a-damaged-manifest": (Fault(method="GET", path="/manifests/", status=200), "try again"),
}


@pytest.mark.parametrize(("fault", "advice"), FINAL.values(), ids=FINAL)
def test_what_cannot_succeed_ends_with_a_hint(
    registry: FakeRegistry,
    save: Callable[[], object],
    capsys: pytest.CaptureFixture[str],
    *,
    fault: Fault,
    advice: str,
) -> None:
    registry.behaviour.faults = [replace(fault, times=10_000)]

    assert save() == 8

    said = capsys.readouterr().err
    assert said.count(f"{registry.host}/app:1.0: ") == 1
    assert advice in said.partition("hint: ")[2]


@pytest.mark.parametrize("flipped", [True, False], ids=["flipped", "redirects"])
def test_what_is_always_wrong_ends_with_a_hint(
    registry: FakeRegistry,
    save: Callable[[], object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    flipped: bool,
) -> None:
    registry.behaviour.flipped = flipped
    registry.behaviour.blob_redirect = None if flipped else registry.url

    assert save() == 8

    assert "hint: " in capsys.readouterr().err
    assert not (tmp_path / "saved.tar").exists()


def test_what_is_waited_for_and_warned_of_is_told(
    registry: FakeRegistry, save: Callable[[], object], capsys: pytest.CaptureFixture[str]
) -> None:
    registry.behaviour.headers = {"Warning": '299 - "it closes soon"'}
    registry.behaviour.faults = [layer(status=429, headers={"Retry-After": "60"})]

    assert save() == 0

    said = capsys.readouterr().err
    assert f"{registry.host} answers with status 429: trying again in 60 s" in said
    assert said.count("it closes soon") == 1
