"""HTTP to a registry: connections, retries and redirects.  The only place that knows httpx."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from secrets import SystemRandom
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit

from condabox import __version__
from condabox.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    import httpx

ATTEMPTS = 5
_CONNECT_ATTEMPTS = 3
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 10
_LONGEST_WAIT = 60.0
_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
_HEADERS = {"User-Agent": f"condabox/{__version__}", "Accept-Encoding": "identity"}


class ConnectionLostError(Exception):
    """The connection broke while a body was read; its caller may ask for the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer that was read completely; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer whose body is still to be read, once."""

    status: int
    headers: Mapping[str, str]
    _response: httpx.Response

    def read(self, *, limit: int) -> Response:
        """Read the whole body; raise RegistryError when it is larger than ``limit`` bytes."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                host = self._response.url.host
                raise RegistryError(f"{host}: an answer is larger than {limit} bytes")
        return Response(status=self.status, headers=self.headers, body=bytes(body))

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it is stored; raise ConnectionLostError when it breaks off."""
        import httpx  # noqa: PLC0415  (costs time that commands without a network do not have)

        try:
            # Raw: a blob's digest is that of the bytes which were sent, whatever their encoding.
            # In pieces as they come: what waited for more would be lost with the connection.
            yield from self._response.iter_raw()
        except (httpx.TransportError, httpx.StreamError) as error:
            raise ConnectionLostError(str(error) or type(error).__name__) from None


class Transport:
    """Connections to registries, kept open for as long as the context is.

    Certificates are checked against the system's authorities and certifi's; ``SSL_CERT_FILE``
    and the proxy variables are honoured.  May be used by several threads.
    """

    def __init__(self, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self._clients: dict[bool, httpx.Client] = {}
        self._sleep = sleep
        self._random = SystemRandom()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Response:
        """Send a request whose answer has at most ``limit`` bytes.

        The answer is returned whatever its status; what may pass is tried again before that.
        """
        return self.read_whole(
            lambda: self.stream(method, url, headers=headers, form=form, verify=verify),
            limit=limit,
            host=_host(url),
        )

    def read_whole(
        self, opened: Callable[[], AbstractContextManager[Stream]], *, limit: int, host: str
    ) -> Response:
        """Read a small body completely; open it anew when the connection breaks meanwhile."""
        last = ""
        for attempt in range(ATTEMPTS):
            try:
                with opened() as stream:
                    return stream.read(limit=limit)
            except ConnectionLostError as error:
                last = str(error)
                self.pause(attempt)
        raise unreachable(host, last)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        verify: bool = True,
    ) -> Iterator[Stream]:
        """Send a request and leave its body to be read while the context is open."""
        response = self._send(method, url, dict(headers or {}), form=form, verify=verify)
        try:
            yield Stream(
                status=response.status_code,
                headers={key.lower(): value for key, value in response.headers.items()},
                _response=response,
            )
        finally:
            response.close()

    def reachable(self, url: str, *, verify: bool) -> bool:
        """Say whether anything speaks HTTP at ``url``; one attempt, no redirects."""
        import httpx  # noqa: PLC0415

        try:
            self._client(verify=verify).get(url)
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError):
            return False
        return True

    def pause(self, attempt: int, *, at_least: float = 0.0) -> None:
        """Wait before the next of several attempts: longer each time, and never in step."""
        backoff = 0.5 * 2**attempt * self._random.uniform(0.75, 1.25)
        self._sleep(max(backoff, at_least))

    def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        form: Mapping[str, str] | None,
        verify: bool,
    ) -> httpx.Response:
        origin = _origin(url)
        for _ in range(_MAX_REDIRECTS):
            response = self._persist(method, url, headers, form=form, verify=verify)
            location = response.headers.get("Location")
            # A form holds a token, which is for nobody but whom it was meant for.
            if form or response.status_code not in _REDIRECTS or location is None:
                return response
            response.close()
            url = _joined(url, location)
            if _origin(url) != origin:
                # Storage behind a registry has signed URLs of its own, refuses a second
                # authorization, and must not learn ours.
                headers.pop("Authorization", None)
        raise RegistryError(f"{_host(url)}: more than {_MAX_REDIRECTS} redirects")

    def _persist(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None,
        verify: bool,
    ) -> httpx.Response:
        import httpx  # noqa: PLC0415

        client = self._client(verify=verify)
        last = ""
        for attempt in range(ATTEMPTS):
            try:
                request = client.build_request(method, url, headers=dict(headers), data=form)
                response = client.send(request, stream=True)
            except httpx.TransportError as error:
                last = _reason(error)
                if attempt + 1 >= _attempts_after(error):
                    break
            except (httpx.InvalidURL, UnicodeError):
                last = "its address is not a URL"
                break
            else:
                wait = _retry_after(response.headers.get("Retry-After"))
                if (
                    response.status_code not in _RETRIED
                    or attempt == ATTEMPTS - 1
                    or wait > _LONGEST_WAIT
                ):
                    return response
                response.close()
                self.pause(attempt, at_least=wait)
                continue
            self.pause(attempt)
        raise unreachable(_host(url), last)

    def _client(self, *, verify: bool) -> httpx.Client:
        import httpx  # noqa: PLC0415

        if verify not in self._clients:
            try:
                context = httpx.create_ssl_context(verify=verify)
                if verify:
                    # Company authorities live in the system's store, which httpx leaves aside.
                    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
                self._clients[verify] = httpx.Client(
                    verify=context,
                    timeout=httpx.Timeout(_READ_TIMEOUT, connect=_CONNECT_TIMEOUT),
                    headers=_HEADERS,
                )
            except (OSError, ValueError, httpx.InvalidURL) as error:
                # The reason may quote a proxy's URL, and that its password.
                raise RegistryError(
                    f"no connection can be set up ({type(error).__name__})",
                    hint="check SSL_CERT_FILE, SSL_CERT_DIR and the proxy variables",
                ) from None
        return self._clients[verify]


def _attempts_after(error: httpx.TransportError) -> int:
    import httpx  # noqa: PLC0415

    if isinstance(error, (httpx.ConnectTimeout, httpx.UnsupportedProtocol)):
        return 1
    if isinstance(error, httpx.ConnectError):
        certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
        return 1 if certificate else _CONNECT_ATTEMPTS
    return ATTEMPTS


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise unreachable(_host(url), "it redirects to what is not a URL") from None


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise unreachable("", "its address is not a URL") from None
    return parts.scheme, parts.netloc


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def unreachable(host: str, reason: str) -> RegistryError:
    """Describe a connection that failed; a URL would show the signatures of redirects."""
    return RegistryError(
        f"{host or 'the registry'} cannot be reached: {reason}",
        hint="check the network, the proxy variables, and `registries` in the settings",
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _retry_after(value: str | None) -> float:
    # RFC 9110 §10.2.3: seconds or a date.
    if value is None:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
