"""Who the user of a test is to every registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous

if TYPE_CHECKING:
    from condabox.registry.credentials import Credential
    from condabox.registry.transport import Transport
    from tests.fakes.registry import FakeRegistry


class Known:
    """Knows one user of every registry, and remembers who wanted to know."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self.asked: list[tuple[str, str]] = []

    def lookup(self, host: str, repository: str) -> Credential | None:
        self.asked.append((host, repository))
        return self.credential


def client_of(
    registry: FakeRegistry, transport: Transport, credential: Credential | None = None
) -> RegistryClient:
    """Return who talks to ``registry`` for the user with ``credential``, or for nobody."""
    return RegistryClient(
        host=registry.host,
        insecure=False,
        transport=transport,
        credentials=Known(credential) if credential else Anonymous(),
    )
