"""Where two images that should be the same differ first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.oci.config import ContainerConfig
from condabox.reporting.findings import State
from condabox.verification.rebuild import rebuild_finding
from tests.fakes.condaimage import conda_image, folder, link, member

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.condaimage import Member

FIRST = [member("a", "1"), folder("d"), member("d/b", "2"), link("l", "a")]


def test_the_same_image(tmp_path: Path) -> None:
    one, other = (conda_image(tmp_path / name, FIRST) for name in "ab")

    found = rebuild_finding(one, other)

    assert (found.state, found.detail) == (State.OK, f"{one.digest}, bit for bit the same")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([*FIRST[:2], member("d/b", "3"), FIRST[3]], "/d/b (content)"),
        ([*FIRST[:2], member("d/b", "33", mode=0o600), FIRST[3]], "/d/b (mode, size, content)"),
        ([*FIRST[:3], link("l", "d")], "/l (link)"),
        ([*FIRST[:3], member("l")], "/l (type, mode, link)"),
        (FIRST[:3], "/l, which only one of them has there"),
        ([FIRST[0], *FIRST[2:]], "/d against /d/b, which only one of them has there"),
    ],
)
def test_the_first_layer_and_file_are_named(
    tmp_path: Path, members: list[Member], told: str
) -> None:
    old = conda_image(tmp_path / "a", [member("below")], FIRST, [member("above", "1")])
    new = conda_image(tmp_path / "b", [member("below")], members, [member("above", "2")])

    assert rebuild_finding(old, new).detail.endswith(f": layer 1 differs, first in {told}")


def test_another_number_of_layers(tmp_path: Path) -> None:
    old, new = conda_image(tmp_path / "a", FIRST), conda_image(tmp_path / "b", FIRST, FIRST)

    assert rebuild_finding(old, new).detail.endswith(": 1 layer became 2")


def test_another_configuration(tmp_path: Path) -> None:
    old = conda_image(tmp_path / "a", FIRST)
    new = conda_image(tmp_path / "b", FIRST, config=ContainerConfig(user="1000"))

    assert rebuild_finding(old, new).detail.endswith(
        "the files are the same, and the configuration is another one"
    )


def test_another_manifest(tmp_path: Path) -> None:
    old = conda_image(tmp_path, FIRST)
    new = replace(old, descriptor=replace(old.descriptor, digest=old.manifest.config.digest))

    assert rebuild_finding(old, new).detail.endswith("or the compression")


def test_a_layer_that_cannot_be_read(tmp_path: Path) -> None:
    old, new = conda_image(tmp_path / "a", FIRST), conda_image(tmp_path / "b", FIRST[:2])
    (layer,) = new.manifest.layers
    blob = tmp_path / "b" / "blobs" / "sha256" / layer.digest.hex
    blob.chmod(0o644)
    blob.write_bytes(b"x" * layer.size)

    assert "first in what cannot be read: " in rebuild_finding(old, new).detail
