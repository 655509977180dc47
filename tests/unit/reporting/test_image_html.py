from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from condabox.inspection.examine import examine
from condabox.inspection.report import DuplicateReport
from condabox.inspection.tree import TreeNode
from condabox.reporting.image_html import image_html
from condabox.reporting.image_map import image_map
from condabox.reporting.image_words import tables_of
from tests.conftest import ROOT
from tests.fakes.browsed import HOSTILE_PACKAGE, browsed_report
from tests.fakes.contents import contents, image_of
from tests.fakes.imagereports import eventful_report

if TYPE_CHECKING:
    from condabox.inspection.report import ImageReport

TWICE = DuplicateReport(
    kind="content", what="libz.so.1", paths=("/a/libz.so.1", "/b/libz"), wasted=9, in_base=False
)
EVENTFUL = replace(eventful_report(), duplicates=(TWICE, TWICE))
RESOURCES = sorted((ROOT / "templates" / "report").iterdir())

hostile = st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "<img src=x onerror=alert(1)>",
        "\"'><svg/onload=alert(1)>",
        "{{ 7 * 7 }}",
        "]]>&lt;&#x3c;",
        "\u2028\u2029\u202e\udce9\x00",
    ]
)


@dataclass(slots=True)
class Page(HTMLParser):
    """What a browser finds: elements with their attributes' names, and the text in each kind."""

    elements: list[tuple[str, ...]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    attributes: list[dict[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.elements[-1][0] if self.elements else "", []).append(data)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page


def named_by(text: str) -> ImageReport:
    """Return a report in which `text` stands wherever a name does."""
    leaf = TreeNode(name=text, kind="file", bytes=5)
    folder = TreeNode(name=text, kind="directory", bytes=5, children=(leaf,))
    package = TreeNode(name=text, kind="package", bytes=5, children=(folder,))
    layer = TreeNode(name=text, kind="layer", bytes=5, children=(package,))
    return replace(
        EVENTFUL,
        name=text,
        platform=text,
        created=f"x{text}",
        base_name=f"x{text}",
        layers=(replace(EVENTFUL.layers[0], title=text),),
        packages=(replace(EVENTFUL.packages[0], name=text, version=text, layers=(0,)),),
        duplicates=(replace(TWICE, what=text, paths=(text, text)),),
        waste=(replace(EVENTFUL.waste[0], path=text),),
        largest=(replace(EVENTFUL.largest[0], path=text, package=text),),
        hints=(replace(EVENTFUL.hints[0], packages=(text,)),),
        tree=TreeNode(name=text, kind="image", bytes=5, children=(layer,)),
    )


PLAIN = read(image_html(named_by("x")))


@given(hostile)
def test_no_name_changes_what_the_page_is_made_of(text: str) -> None:
    report = named_by(text)

    html = image_html(report)

    page = read(html)
    assert html.isascii()
    assert page.elements == PLAIN.elements
    for kind in page.texts.keys() - {"style", "script"}:
        assert "".join(page.texts[kind]).replace("\n", "").isprintable()
    data = next(each for each in page.texts["script"] if each.startswith("{"))
    assert json.loads(data) == image_map(report)


def test_the_same_report_gives_the_same_page() -> None:
    assert image_html(eventful_report()) == image_html(eventful_report())


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else() -> None:
    html = image_html(EVENTFUL)

    (policy,) = [
        each["content"]
        for each in read(html).attributes
        if "Content-Security-Policy" in each.values()
    ]
    style, script = (
        base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        for found in re.findall(r"<(?:style|script type=\"module\")>(.*?)</", html, re.DOTALL)
    )
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_asked_of_others() -> None:
    page = read(image_html(EVENTFUL))

    assert not {"link", "img", "iframe", "object", "base"} & {name for name, *_ in page.elements}
    assert not any("src" in names for _, *names in page.elements)
    assert [each["href"] for each in page.attributes if "href" in each] == ["#tables"]
    assert "//" not in "".join(page.texts["style"])


def test_what_we_bring_is_small() -> None:
    assert sum(path.stat().st_size for path in RESOURCES) < 30_000
    assert all(path.read_bytes().isascii() for path in RESOURCES)


def test_all_tables_are_there_without_a_script() -> None:
    text = re.sub(r"<[^>]+>", "\n", image_html(EVENTFUL))
    found = {line.strip() for line in text.splitlines()}

    for table in tables_of(EVENTFUL, top=1000):
        assert table.title in found
        for row in table.rows:
            assert {cell.replace("<", "&lt;").replace(">", "&gt;") for cell in row if cell} <= found


def test_what_belongs_together_is_one_row() -> None:
    (table,) = re.findall(r"More than once.*?<tbody>(.*?)</tbody>", image_html(EVENTFUL), re.DOTALL)

    assert table.count("<tr>") == 2
    assert table.count("<bdi>/a/libz.so.1</bdi><bdi>/b/libz</bdi>") == 2


def test_advice_has_its_code_as_such() -> None:
    hint = replace(EVENTFUL.hints[0], text="take `a<b` or `c`, then", packages=("a", "b"), bytes=9)

    assert (
        "<strong>9 B</strong> <span>take <code>a&lt;b</code> or <code>c</code>, then "
        "(<bdi>a, b</bdi>)</span>"
    ) in image_html(replace(EVENTFUL, hints=(hint,)))


def test_an_image_of_which_nothing_is_known() -> None:
    html = image_html(examine(image_of(), [], name="x"))

    assert "Layers" in html


def test_layers_and_their_parts_have_an_origin() -> None:
    (_, torch, many, _, app) = _children(image_map(browsed_report()))

    assert (torch["origin"], torch["compressed"]) == ("conda", 700_000)
    assert {str(each["name"]): each["origin"] for each in _children(many)}["tiny-tool"] == "pip"
    assert (app["origin"], [each["origin"] for each in _children(app)]) == ("other", ["other"])


def test_all_of_a_base_is_its() -> None:
    base, *_ = _children(image_map(EVENTFUL))

    assert {each["origin"] for each in [base, *_children(base)]} == {"base"}


def test_a_layer_without_a_title_has_a_name() -> None:
    (layer,) = _children(image_map(examine(image_of(10), [contents()], name="x")))

    assert layer == {
        "name": "layer 0",
        "kind": "layer",
        "bytes": 0,
        "compressed": 10,
        "origin": "other",
    }


def test_names_in_the_map_can_be_read() -> None:
    text = json.dumps(image_map(browsed_report()), ensure_ascii=False)

    assert HOSTILE_PACKAGE in text
    assert r"turned\\u202egnp.exe" in text
    assert text.encode()


def _children(node: dict[str, object]) -> list[dict[str, object]]:
    found = node["children"]
    assert isinstance(found, list)
    return found
