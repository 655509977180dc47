from __future__ import annotations

from dataclasses import replace

from condabox.inspection.examine import examine
from condabox.inspection.image_diff import compare_images
from condabox.inspection.report import DuplicateReport
from condabox.oci.mediatype import OCI_LAYER
from condabox.reporting.image_text import image_diff_text, image_text
from tests.conftest import ROOT
from tests.fakes.contents import contents, image_of
from tests.fakes.imagereports import eventful_report
from tests.fakes.tars import entry

GOLDEN = ROOT / "tests" / "golden"
TWICE = DuplicateReport(
    kind="content", what="libz.so.1", paths=("/a/libz.so.1", "/b/libz"), wasted=9, in_base=False
)


def test_everything_at_once() -> None:
    assert image_text(eventful_report(), top=3) + "\n" == (GOLDEN / "inspect.txt").read_text()


def test_an_image_of_which_nothing_is_known_is_short() -> None:
    text = image_text(examine(image_of(10), [contents()], name="x"), top=10)

    assert text.splitlines()[2:] == [
        "  pulled      10 B in 1 layer",
        "  unpacked    0 B, 0 files",
        "  efficiency  100.0 %, 0 B wasted",
        "",
        "Layers",
        "  #  COMPRESSED  UNPACKED  FILES  WHAT",
        "  0        10 B       0 B      0",
        "",
        "Of no package (10 B)",
        "  WHAT     FILES  UNPACKED  COMPRESSED    SHARE  LAYER",
        "  unowned      0       0 B        10 B  100.0 %      0",
    ]


def test_layers_that_nobody_has_compressed_are_told() -> None:
    report = examine(image_of(10, 20, media_type=OCI_LAYER), [contents("a")] * 2, name="x")

    lines = image_text(report, top=10).splitlines()

    assert lines[2] == "  pulled      at most 30 B in 2 layers: 2 are uncompressed here"
    assert lines[7:10] == [
        "  #    COMPRESSED  UNPACKED  FILES  WHAT",
        "  0  uncompressed       1 B      1",
        "  1  uncompressed       1 B      1",
    ]


def test_what_was_cut_off_is_counted() -> None:
    report = replace(eventful_report(), waste_count=1995, duplicate_count=1000)
    report = replace(report, duplicates=(TWICE,) * 3)

    text = image_text(report, top=1)

    assert "  and 1,994 more: 100 kB" in text
    assert "  and 999 more: " in text


def test_only_an_image_without_waste_is_wholly_efficient() -> None:
    text = image_text(replace(eventful_report(), efficiency=0.99999), top=1)

    assert "efficiency  99.9 %" in text


def test_names_do_not_move_the_cursor() -> None:
    report = examine(image_of(10), [contents("evil\x1b[2J\n", entry("caf\udce9"))], name="x\x1b[2J")

    text = image_text(report, top=10)

    assert text.encode()
    assert "\x1b" not in text
    assert "/evil\\x1b[2J\\n" in text


def test_a_difference() -> None:
    old = eventful_report(name="ai:1")
    new = eventful_report(version="2025.3.1", base="cd", name="ai:2")

    text = image_diff_text(compare_images(old, new))

    assert text + "\n" == (GOLDEN / "imagediff.txt").read_text()


def test_what_is_not_compressed_is_not_compared_with_what_is() -> None:
    old = eventful_report(name="ai:1")
    new = replace(
        old,
        name="ai.tar",
        digest="sha256:0",
        compressed=3_700_000,
        layers=tuple(
            replace(each, digest=each.diff_id, compressed=each.unpacked, uncompressed=True)
            for each in old.layers
        ),
    )

    for sides in ((old, new), (new, old)):
        lines = image_diff_text(compare_images(*sides)).splitlines()
        assert lines[0].endswith(": the same packages; +0 B unpacked")
        assert lines[1] == "  pulled    not compared: one is uncompressed"
        assert lines[3:] == ["  update    0 B in 0 new layers; 4 layers of 2.2 MB kept"]


def test_packages_of_what_is_not_compressed_have_no_compressed_bytes() -> None:
    old = eventful_report()
    new = eventful_report(version="2026")
    layers = tuple(replace(each, uncompressed=True) for each in new.layers)

    text = image_diff_text(compare_images(old, replace(new, layers=layers)))

    assert "BEFORE  AFTER  INSTALLED\n" in text
    assert "new    uncompressed    3.0 MB  mkl" in text


def test_no_difference_is_a_line() -> None:
    report = eventful_report()

    assert image_diff_text(compare_images(report, report)) == "ai:1: the same image"
