from __future__ import annotations

from dataclasses import replace

from condabox.inspection.examine import examine
from condabox.inspection.image_diff import compare_images
from condabox.reporting.image_text import image_diff_text, image_text
from tests.conftest import ROOT
from tests.fakes.contents import contents, image_of
from tests.fakes.imagereports import eventful_report
from tests.fakes.tars import entry

GOLDEN = ROOT / "tests" / "golden"


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
    ]


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


def test_no_difference_is_a_line() -> None:
    report = eventful_report()

    assert image_diff_text(compare_images(report, report)) == "ai:1: the same image"
