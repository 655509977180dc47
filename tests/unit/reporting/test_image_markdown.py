from __future__ import annotations

import re
from dataclasses import replace

from condabox.inspection.image_diff import compare_images
from condabox.inspection.report import FileReport
from condabox.reporting.image_markdown import image_diff_markdown, image_markdown
from condabox.reporting.markdown import LIMIT
from tests.conftest import ROOT
from tests.fakes.imagereports import eventful_report

GOLDEN = ROOT / "tests" / "golden"
EVIL = "</code></details><script>@user | [x](y)`\n#"


def test_everything_at_once() -> None:
    assert image_markdown(eventful_report(), top=3) + "\n" == (GOLDEN / "inspect.md").read_text()


def test_a_difference() -> None:
    old = eventful_report(name="ai:1")
    new = eventful_report(version="2025.3.1", base="cd", name="ai:2")

    text = image_diff_markdown(compare_images(old, new))

    assert text + "\n" == (GOLDEN / "imagediff.md").read_text()


def test_no_difference_is_a_sentence() -> None:
    report = eventful_report()

    assert image_diff_markdown(compare_images(report, report)) == "**`ai:1`**: the same image."


def test_a_comment_holds_it_and_what_it_does_not_is_counted() -> None:
    report = replace(
        eventful_report(),
        largest=(FileReport(path="/" + "|" * 199, size=1, package="", layer=0),) * 1000,
    )

    text = image_markdown(report, top=1000)

    assert len(text) <= LIMIT
    assert re.search(r"\n\d+ lines had no room here", text)


def test_what_comes_from_an_image_is_code() -> None:
    report = eventful_report()
    package = replace(report.packages[0], name=EVIL, version=EVIL)
    evil = replace(report, name=EVIL, base_name=EVIL, packages=(package,))

    for text in (
        image_markdown(evil, top=5),
        image_diff_markdown(compare_images(report, replace(evil, digest="sha256:1"))),
    ):
        shown = re.sub(r"`[^`]*`|<code>[A-Za-z0-9 &#;]*</code>", "", text)
        assert not re.search(r"<(?!/?details>|/?summary>)|@user|\[x\]", shown)
