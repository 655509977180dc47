"""Who the user of a test is to every registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from condabox.registry.credentials import Credential


class Known:
    """Knows one user of every registry, and remembers who wanted to know."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self.asked: list[tuple[str, str]] = []

    def lookup(self, host: str, repository: str) -> Credential | None:
        self.asked.append((host, repository))
        return self.credential
