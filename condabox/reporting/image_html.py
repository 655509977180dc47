"""A report on an image as one HTML page, which asks for nothing else.

Its policy allows no request, and no script or style but its own, which the policy names by their
hashes (CSP 3).  Whatever comes from the image is text: jinja2 escapes it in the tables, and the
script that draws the map sets nothing but ``textContent``.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from condabox.reporting.formats import printable
from condabox.reporting.image_map import image_map
from condabox.reporting.image_words import facts_of, hints_of, tables_of
from condabox.resources import templates

if TYPE_CHECKING:
    from condabox.inspection.report import ImageReport
    from condabox.reporting.tables import Column, Table

_SCRIPTS = ("squarify.js", "map.js", "tables.js")


def image_html(report: ImageReport) -> str:
    """Return ``report`` as a page with all rows; in ASCII, which is the same in any encoding."""
    style = _template("style.css")
    script = "\n".join(map(_template, _SCRIPTS))
    page = _environment().from_string(_template("page.html"))
    html = page.render(
        policy=_policy(style=style, script=script),
        style=style,
        script=script,
        data=image_map(report),
        name=report.name,
        platform=report.platform,
        digest=report.digest,
        facts=list(facts_of(report, quote=printable)),
        hints=list(hints_of(report)),
        tables=list(tables_of(report, top=sys.maxsize)),
    )
    return html.encode("ascii", "xmlcharrefreplace").decode()


def rows_of(table: Table) -> list[list[tuple[Column, list[str]]]]:
    """Return rows of columns with the lines of their cells.

    A row with nothing but a last cell goes on with the one before.  Here they are one, so that
    rows can be sorted.
    """
    rows: list[list[list[str]]] = []
    for row in table.rows:
        if rows and not any(row[:-1]):
            rows[-1][-1].append(row[-1])
        else:
            rows.append([[cell] for cell in row])
    return [list(zip(table.columns, row, strict=True)) for row in rows]


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(printable=printable, rows=rows_of)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


def _policy(*, style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _template(name: str) -> str:
    return (templates() / "report" / name).read_text(encoding="utf-8")
