"""What can be seen and done on the page of a report, as its reader would."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.browser import Browser


def cells(browser: Browser) -> list[str]:
    """Return the names of the map's parts, the largest first."""
    return [label.split(",")[0] for label in browser.attributes(".cell", "aria-label")]


def path_of(browser: Browser, *, steps: int) -> list[str]:
    """Return the path to what the map shows, once it has so many steps."""
    found: list[str] = []
    for _ in range(500):
        found = browser.texts("#path li")
        if len(found) == steps:
            break
        time.sleep(0.02)
    return found


def click(browser: Browser, name: str) -> None:
    browser.all(".cell")[cells(browser).index(name)].click()


def focused(browser: Browser) -> str:
    """Return the name of the part that the keyboard is at."""
    label = browser.run("return document.activeElement.getAttribute('aria-label')")
    return str(label).split(",")[0]


def sizes(browser: Browser) -> dict[str, str]:
    """Return what is said of each part's size."""
    found = {}
    for label in browser.attributes(".cell", "aria-label"):
        name, _, rest = label.partition(", layer")
        found[name] = rest.partition(": ")[2].partition(",")[0]
    return found
