"""A real browser, without a window, that tells what a page does."""

from __future__ import annotations

import base64
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selenium import webdriver
from selenium.webdriver.common.by import By

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webelement import WebElement

SCREENSHOTS = "CONDABOX_SCREENSHOTS"
"""The variable that names a folder for pictures which shall outlive the tests."""

_KEYS: dict[str, dict[str, object]] = {
    "Tab": {"windowsVirtualKeyCode": 9},
    "Enter": {"windowsVirtualKeyCode": 13, "text": "\r"},
    "Escape": {"windowsVirtualKeyCode": 27},
    "Backspace": {"windowsVirtualKeyCode": 8},
}
_CONTRAST = """
const channels = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = (color) => channels(color).slice(0, 3)
  .map((each) => each / 255)
  .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
  .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
const backed = (element) => {
  const color = getComputedStyle(element).backgroundColor;
  return channels(color)[3] === 0 ? backed(element.parentElement) : color;
};
return [...document.querySelectorAll(arguments[0])].map((element) => {
  const both = [getComputedStyle(element).color, backed(element)].map(luminance);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
});
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Chromium, and the folder for its pictures."""

    driver: webdriver.Chrome
    pictures: Path

    def open(self, page: Path, place: str = "", *, width: int = 1280, dark: bool = False) -> None:
        """Load a file anew, in a window of ``width`` pixels; ``place`` begins with ``#``."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.resize(width)
        self.driver.get("about:blank")
        self.messages()
        self.requests()
        self.driver.get(f"{page.as_uri()}{place}")

    def resize(self, width: int) -> None:
        """Give the window another width."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.tell("Emulation.setDeviceMetricsOverride", **size)

    def frame(self) -> None:
        """Wait until what changed is drawn."""
        self.driver.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        )

    def tell(self, command: str, **arguments: object) -> None:
        """Send a command of the DevTools protocol."""
        self.driver.execute_cdp_cmd(command, arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that ``selector`` finds, in the page's order."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        """Return what can be read in them, all at one moment."""
        script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)"
        return [str(each) for each in self.run(script, selector)]

    def attributes(self, selector: str, name: str) -> list[str]:
        """Return an attribute of each, all at one moment."""
        script = (
            "return [...document.querySelectorAll(arguments[0])]"
            ".map((each) => each.getAttribute(arguments[1]))"
        )
        return [str(each) for each in self.run(script, selector, name)]

    def run(self, script: str, *arguments: object) -> Any:
        """Return what a function's body gives."""
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            event = {"key": key, "code": key, **_KEYS[key]}
            self.tell("Input.dispatchKeyEvent", type="keyDown", **event)
            self.tell("Input.dispatchKeyEvent", type="keyUp", **event)

    def contrasts(self, selector: str) -> list[float]:
        """Return the contrast of each text with what is behind it, as WCAG 2 defines it."""
        return [float(each) for each in self.run(_CONTRAST, selector)]

    def messages(self) -> list[str]:
        """Return what the console says since the last call: errors, and what a policy forbids."""
        return [str(each["message"]) for each in self._log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the last call."""
        events = [json.loads(str(each["message"])) for each in self._log("performance")]
        return [
            event["message"]["params"]["request"]["url"]
            for event in events
            if event["message"]["method"] == "Network.requestWillBeSent"
        ]

    def _log(self, kind: str) -> list[dict[str, object]]:
        return list(self.driver.get_log(kind))  # type: ignore[no-untyped-call]

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page."""
        found = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"}
        )
        (self.pictures / f"{name}.png").write_bytes(base64.b64decode(found["data"]))


@contextmanager
def open_browser(home: Path) -> Iterator[Browser]:
    """Start Chromium, which keeps what it writes in ``home``; pictures, too, unless told."""
    pictures = Path(os.environ.get(SCREENSHOTS) or home / "pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless=new",
        "--no-sandbox",  # root has none, and the pages are our own
        "--disable-dev-shm-usage",  # containers have little of it
        f"--user-data-dir={home / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(
        # a named driver is not looked for, nor downloaded
        executable_path=shutil.which("chromedriver") or "",
        env={**os.environ, "HOME": str(home)},
    )
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver=driver, pictures=pictures)
    finally:
        driver.quit()
