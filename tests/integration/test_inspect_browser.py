"""The page of a report on an image, as a real browser shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from condabox.inspection.examine import examine
from condabox.oci.archive import write_archive
from condabox.oci.reference import Reference
from condabox.reporting.formats import format_size
from condabox.reporting.image_html import image_html
from tests.conftest import ROOT
from tests.fakes.browsed import HOSTILE_FILES, HOSTILE_PACKAGE, OWNED, browsed_report
from tests.fakes.browser import open_browser
from tests.fakes.contents import contents, image_of
from tests.fakes.images import make_image
from tests.fakes.reportpage import cells, click, focused, path_of, sizes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.browser import Browser

pytestmark = [pytest.mark.tool("chromium"), pytest.mark.tool("chromedriver")]

SECTIONS = "#tables section"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(image_html(browsed_report()))
    return path


@pytest.fixture(autouse=True)
def _nothing_is_forbidden_or_fails(browser: Browser) -> Iterator[None]:
    yield
    assert browser.messages() == []


def column(browser: Browser, section: int, number: int) -> list[str]:
    """Return a column of what is to be seen of a table."""
    rows = f"{SECTIONS}:nth-of-type({section}) tbody tr:not([hidden])"
    return browser.texts(f"{rows} td:nth-child({number})")


def test_the_page_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)

    assert browser.requests() == [page.as_uri()]
    browser.picture("report-light")


def test_clicks_lead_from_the_layer_to_the_package_to_its_directories(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    assert cells(browser)[:2] == ["torch", "ADD rootfs"]

    click(browser, "torch")
    assert path_of(browser, steps=2) == ["ai:1", "torch"]
    assert cells(browser)[:1] == ["torch"]

    click(browser, "torch")
    assert path_of(browser, steps=3) == ["ai:1", "torch", "torch"]
    assert cells(browser) == ["opt/env"]

    click(browser, "opt/env")
    assert path_of(browser, steps=4)[3:] == ["opt/env"]
    assert cells(browser)[:2] == ["lib/torch", "share"]

    click(browser, "lib/torch")
    assert path_of(browser, steps=5)[3:] == ["opt/env", "lib/torch"]
    assert cells(browser) == ["libtorch.so", "nn"]
    browser.picture("report-directory")


def test_there_are_ways_back(browser: Browser, page: Path) -> None:
    browser.open(page, "#/1/0/0/0")
    assert path_of(browser, steps=5)[4:] == ["lib/torch"]

    browser.all("#path a")[1].click()
    assert path_of(browser, steps=2) == ["ai:1", "torch"]

    browser.driver.back()
    assert path_of(browser, steps=5)[4:] == ["lib/torch"]

    browser.all("#path a")[0].click()
    assert path_of(browser, steps=1) == ["ai:1"]


@pytest.mark.parametrize("place", ["#/99", "#/constructor", "#/__proto__/0", "#/", "#//", "#x"])
def test_a_place_that_is_not_there_is_the_image(browser: Browser, page: Path, place: str) -> None:
    browser.open(page, place)

    assert path_of(browser, steps=1) == ["ai:1"]


def test_the_keyboard_leads_in_and_out(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelector('#where input').focus()")

    browser.press("Tab")
    assert focused(browser) == "torch"
    assert browser.texts("#tip")[0].startswith("torch\nlayer 1\n1.3 MB unpacked")
    assert browser.all("#tip")[0].is_displayed()

    browser.press("Tab", "Enter")
    assert path_of(browser, steps=2) == ["ai:1", "ADD rootfs"]
    assert focused(browser) == "usr/lib"

    browser.press("Escape")
    assert path_of(browser, steps=1) == ["ai:1"]
    assert focused(browser) == "ADD rootfs"

    browser.press("Enter")
    assert path_of(browser, steps=2) == ["ai:1", "ADD rootfs"]
    browser.press("Backspace")
    assert path_of(browser, steps=1) == ["ai:1"]
    assert focused(browser) == "ADD rootfs"

    browser.press("Backspace")
    assert path_of(browser, steps=1) == ["ai:1"]


def test_who_filters_stays_where_the_map_is(browser: Browser, page: Path) -> None:
    browser.open(page, "#/1")
    field = browser.all("input[type=search]")[0]

    field.click()
    browser.press("Backspace", "Escape")

    assert path_of(browser, steps=2) == ["ai:1", "torch"]


def test_every_byte_has_its_area(browser: Browser, page: Path) -> None:
    browser.open(page)

    covered = browser.run("""
        const map = document.getElementById("map").getBoundingClientRect();
        return [...document.querySelectorAll("#map > li")]
          .map((each) => each.getBoundingClientRect())
          .reduce((sum, box) => sum + (box.width * box.height) / (map.width * map.height), 0);
    """)

    assert covered == pytest.approx(1, abs=0.001)


def test_the_map_follows_its_window(browser: Browser, page: Path) -> None:
    browser.open(page, width=500)
    narrow = browser.attributes("#map > li", "style")

    browser.open(page, width=1280)
    wide = browser.attributes("#map > li", "style")
    browser.resize(500)
    browser.frame()

    assert browser.attributes("#map > li", "style") == narrow != wide


def test_areas_show_what_is_unpacked_or_what_is_pulled(browser: Browser, page: Path) -> None:
    browser.open(page)
    report = browsed_report()
    unpacked = {layer.title: format_size(layer.unpacked) for layer in report.layers}
    compressed = {layer.title: format_size(layer.compressed) for layer in report.layers}
    assert sizes(browser) == unpacked

    browser.all("input[value=compressed]")[0].click()

    assert sizes(browser) == compressed
    assert cells(browser)[:2] == ["torch", "many packages"]


def test_kinds_have_colours_and_a_legend(browser: Browser, page: Path) -> None:
    browser.open(page)

    assert browser.texts("#legend li") == ["base system", "conda", "pip", "other files"]
    colours = browser.run(
        "return [...document.querySelectorAll('.swatch')]"
        ".map((each) => getComputedStyle(each).backgroundColor)"
    )
    assert len(set(colours)) == 4


@pytest.mark.parametrize("dark", [False, True])
def test_everything_can_be_read(browser: Browser, page: Path, *, dark: bool) -> None:
    texts = ".name, .size, dt, dd, h1, h2, th button, td, #summary, .note, .digest, .tool, a, label"
    browser.open(page, "#/2", dark=dark)

    contrasts = browser.contrasts(texts)

    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5
    if dark:
        browser.picture("report-dark")


def test_dark_is_dark(browser: Browser, page: Path) -> None:
    def background() -> int:
        found = browser.run("return getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", found)[:3]))

    browser.open(page)
    light = background()
    browser.open(page, dark=True)

    assert background() < 150
    assert light > 600


@pytest.mark.parametrize("place", ["", "#/1", "#/3/0"])
def test_a_narrow_window_scrolls_one_way(browser: Browser, page: Path, place: str) -> None:
    browser.open(page, place, width=360)

    assert browser.run("return document.documentElement.scrollWidth") <= 360
    browser.picture(f"report-narrow{place.replace('/', '-').strip('#')}")


def test_a_click_on_a_column_sorts(browser: Browser, page: Path) -> None:
    browser.open(page)
    by_installed = [
        format_size(each.installed)
        for each in sorted(browsed_report().packages, key=lambda each: -each.installed)
    ]
    buttons = browser.all(f"{SECTIONS}:nth-of-type(2) th button")

    buttons[3].click()
    assert column(browser, 2, 4) == by_installed
    assert sorted_columns(browser) == {"installed": "descending"}

    buttons[3].click()
    assert column(browser, 2, 4) == by_installed[::-1]
    assert sorted_columns(browser) == {"installed": "ascending"}

    buttons[1].click()
    versions = column(browser, 2, 2)
    assert versions.index("1.2") < versions.index("1.10")
    assert sorted_columns(browser) == {"version": "ascending"}


def sorted_columns(browser: Browser) -> dict[str, str]:
    return {
        each.text: str(each.get_attribute("aria-sort")) for each in browser.all("th[aria-sort]")
    }


def test_a_word_filters(browser: Browser, page: Path) -> None:
    browser.open(page)
    field = browser.all(f"{SECTIONS}:nth-of-type(2) input")[0]

    field.send_keys("PKG1")

    assert sorted(column(browser, 2, 1)) == ["pkg1", "pkg10", "pkg11"]
    assert browser.texts(f"{SECTIONS}:nth-of-type(2) output") == ["3 of 15"]
    assert field.get_attribute("aria-label") == "Filter: Packages (15)"


def test_names_are_text_whatever_they_are(browser: Browser, page: Path) -> None:
    browser.open(page, "#/3/0")

    assert path_of(browser, steps=3) == ["ai:1", HOSTILE_PACKAGE, HOSTILE_PACKAGE]
    click(browser, "opt/env")
    assert path_of(browser, steps=4)[3:] == ["opt/env"]
    shown = browser.attributes(".cell", "aria-label")
    assert {name for name in HOSTILE_FILES if name.isprintable()} < {
        label.rpartition(", file, ")[0] for label in shown
    }
    assert browser.all("img, svg") == []
    assert browser.driver.title == "ai:1: what the image is made of"


def test_what_would_run_is_forbidden_too(browser: Browser, page: Path) -> None:
    browser.open(page)

    browser.run(
        "document.body.insertAdjacentHTML('beforeend', arguments[0])",
        f'<img src="data:," onerror="{OWNED}"><div onclick="{OWNED}" id="evil">x</div>',
    )
    browser.run("document.getElementById('evil').click()")

    assert browser.driver.title != "owned"
    assert all("Content Security Policy" in each for each in browser.messages())


def test_without_scripts_the_tables_are_there(browser: Browser, page: Path) -> None:
    browser.tell("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        titles = browser.texts("#tables h2")
        note = browser.texts("noscript .note")
    finally:
        browser.tell("Emulation.setScriptExecutionDisabled", value=False)

    assert titles == ["Layers", "Packages (15)", "Of no package (95.0 kB)", "Largest files"]
    assert note == ["The map needs JavaScript. The tables have the same without it."]


def test_paper_has_no_controls(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.tell("Emulation.setEmulatedMedia", media="print")

    shown = [each.is_displayed() for each in browser.all("#map, .scroll table")]
    controls = [each.is_displayed() for each in browser.all("fieldset, .filter, .keys, .skip")]

    assert all(shown)
    assert not any(controls)


@pytest.mark.parametrize("layers", [0, 1])
def test_what_has_no_bytes_has_no_map(browser: Browser, tmp_path: Path, layers: int) -> None:
    report = examine(image_of(*[10] * layers), [contents()] * layers, name="x")
    (tmp_path / "report.html").write_text(image_html(report))

    browser.open(tmp_path / "report.html")

    assert cells(browser) == []
    assert browser.all("#where")[0].is_displayed() == bool(layers)


def test_the_command_writes_a_page_that_opens(browser: Browser, tmp_path: Path) -> None:
    image = make_image(tmp_path / "made", {"bin/tool": b"1" * 5000}, {"app/main": b"2" * 1000})
    write_archive(tmp_path / "ai.tar", [image], names=[Reference.parse("ai:1")])
    archive = str(tmp_path / "ai.tar")
    command = [sys.executable, "-m", "condabox", "inspect", archive, "--format", "html"]

    with (tmp_path / "report.html").open("wb") as page:
        subprocess.run(command, cwd=ROOT, stdout=page, check=True)

    browser.open(tmp_path / "report.html")
    assert cells(browser) == ["layer of bin/tool", "layer of app/main"]
