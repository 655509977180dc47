"""What is sent to a registry and what comes back, and what HTTP says about trying again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.errors import RegistryError
from condabox.registry.addresses import host_of, joined, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.content import Content
    from condabox.registry.certificates import Trust

_LONGEST_WAIT = 60.0
"""Seconds: who is asked to wait longer gives up."""
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer that was read completely; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = field(repr=False)
    """Who answered, after redirects."""

    @property
    def location(self) -> str:
        """Where the answer leads, its query as it was; empty where it does not."""
        given = self.headers.get("location")
        return joined(self.url, given) if given else ""

    @property
    def is_success(self) -> bool:
        """Whether the registry did what it was asked for; which 2xx says so is not always kept."""
        return is_success(self.status)

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later, and that is not too far away."""
        return may_pass(self.status, wait=self.wait)

    @property
    def wait(self) -> float:
        """The seconds that the registry asks for before the next attempt."""
        return parse_retry_after(self.headers.get("retry-after"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer whose body is still to be read, once.

    ``body`` yields it as it is stored; ConnectionLostError tells that it broke off.
    """

    status: int
    headers: Mapping[str, str]
    url: str
    """Who answered, after redirects."""
    body: Iterator[bytes]

    def read(self, *, limit: int) -> Response:
        """Read the whole body; raise RegistryError when it is larger than ``limit`` bytes.

        Of an error the beginning is enough: a proxy's pages may be long.
        """
        found = bytearray()
        for chunk in self.body:
            found += chunk
            if len(found) > limit:
                break
        if len(found) > limit and is_success(self.status):
            raise RegistryError(
                f"{host_of(self.url)}: an answer is larger than {limit} bytes",
                hint="did a proxy or a login page answer for the registry?",
            )
        body = bytes(found[:limit])
        return Response(status=self.status, headers=self.headers, body=body, url=self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request.  Its body is read again each time that it is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str] | None
    body: Content | None
    trust: Trust
    attempts: int

    def redirected(self, status: int, location: str | None) -> Outgoing | None:
        """Return the request that an answer asks for instead, if it does."""
        followed = _REDIRECTS if self.method in _READING else _SAME_METHOD
        # A form holds a token, which is for nobody but whom it was meant for.
        if self.form or status not in followed or location is None:
            return None
        url = joined(self.url, location)
        if origin_of(url) == origin_of(self.url):
            return replace(self, url=url)
        # Storage behind a registry has signed URLs of its own, refuses a second authorization,
        # and must not learn ours.
        kept = {key: text for key, text in self.headers.items() if key != "Authorization"}
        return replace(self, url=url, headers=kept)


def parse_retry_after(value: str | None) -> float:
    """Return the seconds that a Retry-After header asks for; 0 where there is none."""
    # RFC 9110 §10.2.3: seconds or a date.
    if value is None:
        return 0.0
    if (digits := value.strip()).isdecimal():
        return float(digits)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def is_success(status: int) -> bool:
    """Say whether ``status`` is one of those that tell of success."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def may_pass(status: int, *, wait: float) -> bool:
    """Say whether a refusal with ``status`` is worth another attempt after ``wait`` seconds."""
    return status in _PASSING and wait <= _LONGEST_WAIT
