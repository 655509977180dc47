"""What differs between two images."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.inspection.examine import examine
from condabox.inspection.image_diff import Change, compare_images
from tests.fakes.contents import conda_record, contents, image_of

if TYPE_CHECKING:
    from condabox.inspection.report import ImageReport


def report(*packages: tuple[str, str, str, int], seed: str = "", base: str = "") -> ImageReport:
    """Report on an image with a base and a layer for each package; the first bytes differ."""
    annotations = {"org.opencontainers.image.base.digest": base} if base else {}
    return examine(
        image_of(7, *(size for _, _, _, size in packages), seed=seed, annotations=annotations),
        [
            contents("bin/sh"),
            *(
                contents(
                    conda_record(name, f"lib/{name}", version=version, build=build),
                    (f"opt/env/lib/{name}", bytes(size)),
                )
                for name, version, build, size in packages
            ),
        ],
        name="ai",
    )


def test_an_image_is_as_itself() -> None:
    same = report(("a", "1", "0", 10))

    diff = compare_images(same, same)

    assert (diff.changed, diff.packages, diff.added, diff.removed) == (False, (), (), ())
    assert (len(diff.kept), diff.pulled) == (2, 0)


def test_every_kind_of_change() -> None:
    old = report(
        *(("same", "1", "0", 50), ("up", "1", "0", 100), ("built", "1", "a", 80)),
        *(("gone", "1", "0", 30), ("pruned", "1", "0", 70)),
    )
    new = report(
        *(("same", "1", "0", 50), ("up", "2", "0", 130), ("built", "1", "b", 90)),
        *(("pruned", "1", "0", 20), ("fresh", "1", "0", 10)),
    )

    diff = compare_images(old, new)

    assert {each.either.name: each.change for each in diff.packages} == {
        "up": Change.VERSION,
        "built": Change.BUILD,
        "gone": Change.REMOVED,
        "pruned": Change.FILES,
        "fresh": Change.ADDED,
    }
    sizes = {each.either.name: each.installed for each in diff.packages}
    assert (sizes["up"], sizes["pruned"]) == (30, -50)
    assert sizes["gone"] < 0 < sizes["fresh"]
    changes = [abs(each.installed) for each in diff.packages]
    assert changes == sorted(changes, reverse=True)


def test_layers_are_told_apart_by_their_digests() -> None:
    old = report(("a", "1", "0", 10), ("b", "1", "0", 20))
    new = report(("a", "1", "0", 10), ("b", "2", "0", 30))

    diff = compare_images(old, new)

    assert [each.compressed for each in diff.kept] == [7, 10]
    assert [each.compressed for each in diff.added] == [30]
    assert [each.compressed for each in diff.removed] == [20]
    assert diff.pulled == 30


def uncompressed(compressed: ImageReport) -> ImageReport:
    """Return the report on the same image as ``docker save`` writes it."""
    layers = tuple(
        replace(each, digest=each.diff_id, compressed=each.unpacked + 512, uncompressed=True)
        for each in compressed.layers
    )
    return replace(compressed, digest="sha256:0", layers=layers)


def test_a_layer_that_nobody_has_compressed_is_the_one_with_its_content() -> None:
    pulled = report(("a", "1", "0", 10), ("b", "1", "0", 20))
    saved = uncompressed(pulled)

    for old, new in ((pulled, saved), (saved, pulled), (saved, saved)):
        diff = compare_images(old, new)
        assert (len(diff.kept), diff.added, diff.removed, diff.pulled) == (3, (), (), 0)
    # what is pulled is told where one of both knows
    assert compare_images(pulled, saved).kept == pulled.layers


def test_who_compresses_in_another_way_lets_everybody_pull() -> None:
    old = report(("a", "1", "0", 10))
    new = replace(
        old,
        digest="sha256:0",
        layers=tuple(replace(each, digest=f"{each.digest}x") for each in old.layers),
    )

    diff = compare_images(old, new)

    assert (diff.kept, len(diff.added), diff.pulled) == ((), 2, 17)


def test_compressed_bytes_are_compared_where_both_have_some() -> None:
    pulled = report(("a", "1", "0", 10))

    assert compare_images(pulled, pulled).both_compressed
    assert not compare_images(pulled, uncompressed(pulled)).both_compressed
    assert not compare_images(uncompressed(pulled), pulled).both_compressed


def test_another_base_is_told() -> None:
    assert compare_images(report(base="1"), report(base="2")).base_changed
    assert not compare_images(report(base="1"), report(base="1")).base_changed


def test_the_document_is_json() -> None:
    old, new = report(("a", "1", "0", 10)), report(("a", "2", "0", 20))

    document = json.loads(json.dumps(compare_images(old, new).to_json()))

    assert (document["format"], document["pulled"]) == (1, 20)
    assert document["old"]["compressed"] == 17
    (change,) = document["packages"]
    assert (change["name"], change["change"], change["installed"]) == ("a", "version", 10)
