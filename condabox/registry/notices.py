"""What the user should know of a registry while all goes on: its warnings, and what it waits for.

distribution-spec, "Warnings".
"""

from __future__ import annotations

import math
import re
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from condabox.events import Reporter

_MOST = 4096
"""No registry may send more characters of warnings in one answer."""
_WARNING = re.compile(r'\b299 - "((?:[^"\\]|\\.)*)"')


class Notices:
    """Tells ``reporter``, and nothing that was ``told`` before; may be used by several threads."""

    def __init__(self, reporter: Reporter, *, told: set[str] | None = None) -> None:
        self._reporter = reporter
        self._told = set() if told is None else told
        self._lock = threading.Lock()

    def warn(self, host: str, header: str) -> None:
        """Tell each warning of a Warning header, once however often it comes."""
        with self._lock:
            said = dict.fromkeys(f"{host} says: {text}" for text in parse_warnings(header))
            new = [text for text in said if text not in self._told]
            self._told.update(new)
        for text in new:
            self._reporter.warning(text)

    def wait(self, seconds: float, *, because: str) -> None:
        """Tell that there is another attempt after so many ``seconds``."""
        soon = f"trying again in {math.ceil(seconds)} s"
        self._reporter.message(f"{because}: {soon}" if because else soon)


def parse_warnings(header: str) -> tuple[str, ...]:
    """Return the texts of the warnings that are a registry's: those of caches have other codes."""
    return tuple(re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header[:_MOST]))
