"""What can be wrong with a registry, and with the network before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next ``times`` requests of a kind, the first ``skip`` excepted."""

    method: str
    path: str = ""
    """A regular expression that is found in the path and query."""
    times: int = 1
    skip: int = 0
    status: int | None = None
    """What is answered instead; with ``code`` as a registry does, or else ``body``."""
    code: str = ""
    message: str = ""
    body: bytes = b"<html>of a proxy, not of a registry</html>"
    headers: dict[str, str] = field(default_factory=dict)
    early: bool = False
    """The answer comes before the body was read, and the connection is closed."""
    cut: int | None = None
    """The connection is closed after so many bytes of the body, which are kept."""
    unanswered: bool = False
    """All is done, and the connection closed without an answer."""
    flipped: bool = False
    """One bit of the body arrives as another."""
    until: threading.Event | None = None
    """Nothing more is read or answered before this is set."""


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """What is wrong with the registry; all of it is right at first."""

    headers: dict[str, str] = field(default_factory=dict)
    """What every answer has as well."""
    faults: list[Fault] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Statuses and headers that the next requests get instead of an answer."""
    refused: int | None = None
    """The status that every request gets."""
    flipped: bool = False
    """One bit of each blob is another."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the connections of the next blobs are cut."""
    ranges: bool = True
    blob_redirect: str | None = None
    """The address of another server which has the blobs."""
    redirect: tuple[tuple[str, ...], str] | None = None
    """Methods, and the address of another server that takes their requests."""
    token_realm: str | None = None
    """The address of a token server: then nothing is answered without what it issues."""
    token_methods: tuple[str, ...] = ("GET", "POST")
    """How the token server can be asked."""
    token_life: int | None = None
    basic: tuple[str, str] | None = None
    """A user and a password, which nothing is answered without."""
    identity: str | None = None
    """An identity token, which the token server takes as well."""
    heads: bool = True
    """Whether HEAD works and tells the digest."""
    manifest_type: str | None = None
    pieces: int = 16 << 10
    """How many bytes of a body are read, or sent, at a time."""
