"""HTTP to a registry: connections, retries and redirects.  The only place that knows httpx."""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import contextmanager
from secrets import SystemRandom
from typing import TYPE_CHECKING, Self

from condabox import __version__
from condabox.errors import RegistryError
from condabox.events import SilentReporter
from condabox.registry.addresses import host_of
from condabox.registry.certificates import Trust, certificate_folders, find_trust
from condabox.registry.failures import UNTRUSTED, unreachable, wants_certificate
from condabox.registry.messages import Outgoing, Stream, may_pass, parse_retry_after
from condabox.registry.notices import Notices
from condabox.registry.proxies import Proxies
from condabox.registry.sockets import OpenSockets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    import httpx

    from condabox.content import Content
    from condabox.registry.messages import Response

ATTEMPTS = 5
_CONNECT_ATTEMPTS = 3
_MAX_REDIRECTS = 10
_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
_STORE_TIMEOUT = 300.0
"""A registry may have to hash and to copy what it was sent before it answers."""
_ENDS = ("disconnected", "closed connection")
"""What httpx says of a connection that ended before the answer did."""
_USUAL = Trust()
_HEADERS = {"User-Agent": f"condabox/{__version__}", "Accept-Encoding": "identity"}


class ConnectionLostError(Exception):
    """The connection broke before the answer was whole; its caller may go on from where it was."""


class Transport:
    """Connections to registries, kept open for as long as the context is.

    Certificates are checked against the system's authorities and certifi's; ``SSL_CERT_FILE``
    and the proxy variables are honoured.  ``certificates`` are the folders of those that hold for
    one registry, Docker's and podman's unless others are given.  ``notices`` hears of what the user
    waits for.  May be used by several threads.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], object] | None = None,
        certificates: Sequence[Path] | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.notices = notices or Notices(SilentReporter())
        self._proxies = Proxies.from_environment()
        self._clients: dict[tuple[Trust, str | None], httpx.Client] = {}
        self._folders = certificate_folders(os.environ) if certificates is None else certificates
        self._stopped = threading.Event()
        self._sleep = self._stopped.wait if sleep is None else sleep
        self._random = SystemRandom()
        self._sockets = OpenSockets()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def stop(self) -> None:
        """Break every connection, so that other threads end with an error, stalled or not."""
        self._stopped.set()
        self._sockets.shut()

    def resume(self) -> None:
        """Work again after `stop`."""
        self._stopped.clear()
        self._sockets.reopen()

    def trust(self, host: str, *, verify: bool) -> Trust:
        """Return what holds for the registry ``host``; raise RegistryError as `find_trust` does."""
        return find_trust(host, verify=verify, folders=self._folders)

    def request(
        self,
        method: str,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        trust: Trust = _USUAL,
    ) -> Response:
        """Send a request whose answer has at most ``limit`` bytes.

        The answer is returned whatever its status; what may pass is tried again before that.
        """
        return self.read_whole(
            lambda: self.stream(method, url, headers=headers, form=form, trust=trust),
            limit=limit,
            host=host_of(url),
        )

    def read_whole(
        self, opened: Callable[[], AbstractContextManager[Stream]], *, limit: int, host: str
    ) -> Response:
        """Read a small body completely; open it anew when the connection breaks meanwhile."""
        last = ""
        for attempt in range(ATTEMPTS):
            if last:
                self.pause(attempt - 1, because=f"{host}: {last}")
            try:
                with opened() as stream:
                    return stream.read(limit=limit)
            except ConnectionLostError as error:
                last = str(error)
        raise unreachable(host, last)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: Content | None = None,
        trust: Trust = _USUAL,
        attempts: int = ATTEMPTS,
    ) -> Iterator[Stream]:
        """Send a request and leave the answer's body to be read while the context is open.

        What may pass is tried again.  With a single attempt nothing is, and ConnectionLostError
        tells that it is not known how much has arrived.
        """
        outgoing = Outgoing(
            method=method,
            url=url,
            headers=headers or {},
            form=form,
            body=body,
            trust=trust,
            attempts=attempts,
        )
        sent, response = self._send(outgoing)
        try:
            yield Stream(
                status=response.status_code,
                headers={key.lower(): value for key, value in response.headers.items()},
                url=sent.url,
                body=_pieces(response),
            )
        finally:
            response.close()

    def reachable(self, url: str, *, trust: Trust) -> bool:
        """Say whether anything speaks HTTP at ``url``; one attempt, no redirects."""
        import httpx  # noqa: PLC0415

        client = self._client(url, trust)
        try:
            request = client.build_request("GET", url, extensions={"trace": self._sockets.trace})
            # What it says is nobody's business, however much it is.
            client.send(request, stream=True).close()
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return wants_certificate(str(error))
        return True

    def pause(self, attempt: int, *, because: str, at_least: float = 0.0) -> None:
        """Wait before the next of several attempts: longer each time, and never in step."""
        self._check_running()
        backoff = 0.5 * 2**attempt * self._random.uniform(0.75, 1.25)
        seconds = max(backoff, at_least)
        self.notices.wait(seconds, because=because)
        self._sleep(seconds)

    def _send(self, outgoing: Outgoing) -> tuple[Outgoing, httpx.Response]:
        for _ in range(_MAX_REDIRECTS):
            response = self._persist(outgoing)
            following = outgoing.redirected(response.status_code, response.headers.get("Location"))
            if following is None:
                return outgoing, response
            response.close()
            outgoing = following
        raise RegistryError(
            f"{host_of(outgoing.url)}: more than {_MAX_REDIRECTS} redirects",
            hint="check the name; if it is right, its own log, or that of the proxy before it, "
            "says more",
        )

    def _persist(self, outgoing: Outgoing) -> httpx.Response:
        import httpx  # noqa: PLC0415

        host, last = host_of(outgoing.url), ""
        for attempt in range(outgoing.attempts):
            try:
                response = self._sent(outgoing)
            except httpx.TransportError as error:
                last = _reason(error)
                limit = _attempts_after(error)
                if outgoing.attempts == 1 and limit > 1:
                    raise ConnectionLostError(last) from None
                if attempt + 1 >= limit:
                    break
            except (httpx.InvalidURL, UnicodeError):
                last = "its address is not a URL"
                break
            else:
                wait = parse_retry_after(response.headers.get("Retry-After"))
                last_one = attempt == outgoing.attempts - 1
                if last_one or not may_pass(response.status_code, wait=wait):
                    return response
                response.close()
                answered = f"{host} answers with status {response.status_code}"
                self.pause(attempt, at_least=wait, because=answered)
                continue
            self.pause(attempt, because=f"{host}: {last}")
        raise unreachable(host, last)

    def _sent(self, outgoing: Outgoing) -> httpx.Response:
        self._check_running()
        client = self._client(outgoing.url, outgoing.trust)
        body = outgoing.body
        patience = _READ_TIMEOUT if body is None else _STORE_TIMEOUT
        request = client.build_request(
            outgoing.method,
            outgoing.url,
            # With a length no transfer encoding is needed, which some registries refuse.
            headers=dict(outgoing.headers)
            | ({} if body is None else {"Content-Length": str(body.size)}),
            data=outgoing.form,
            content=None if body is None else body.chunks(),
            timeout=_timeout(patience),
            extensions={"trace": self._sockets.trace},
        )
        return client.send(request, stream=True)

    def _check_running(self) -> None:
        if self._stopped.is_set():
            raise RegistryError("the transfer was stopped")

    def _client(self, url: str, trust: Trust) -> httpx.Client:
        proxy = self._proxies.of(url)
        with self._lock:
            if (trust, proxy) not in self._clients:
                self._clients[trust, proxy] = _new_client(trust, proxy)
            return self._clients[trust, proxy]


def _new_client(trust: Trust, proxy: str | None) -> httpx.Client:
    import httpx  # noqa: PLC0415

    try:
        context = httpx.create_ssl_context(verify=trust.verify)
        trust.prepare(context)
        if trust.verify:
            # Company authorities live in the system's store, which httpx leaves aside.
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return httpx.Client(
            verify=context,
            timeout=_timeout(_READ_TIMEOUT),
            headers=_HEADERS,
            proxy=proxy,
            trust_env=False,  # httpx knows no networks in NO_PROXY, and stumbles over some
        )
    except ImportError:
        raise RegistryError(
            "no connection can be set up: the proxy speaks SOCKS",
            hint="name a proxy that speaks HTTP, or install the package socksio beside condabox",
        ) from None
    except (OSError, ValueError, httpx.InvalidURL) as error:
        # The reason may quote a proxy's URL, and that its password.
        raise RegistryError(
            f"no connection can be set up ({type(error).__name__})",
            hint="check SSL_CERT_FILE, SSL_CERT_DIR and the proxy variables",
        ) from None


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    import httpx  # noqa: PLC0415  (costs time that commands without a network do not have)

    try:
        # Raw: a blob's digest is that of the bytes which were sent, whatever their encoding.
        # In pieces as they come: what waited for more would be lost with the connection.
        yield from response.iter_raw()
    except (httpx.TransportError, httpx.StreamError) as error:
        raise ConnectionLostError(_reason(error)) from None


def _timeout(patience: float) -> httpx.Timeout:
    import httpx  # noqa: PLC0415

    return httpx.Timeout(_READ_TIMEOUT, connect=_CONNECT_TIMEOUT, read=patience)


def _attempts_after(error: httpx.TransportError) -> int:
    import httpx  # noqa: PLC0415

    if isinstance(error, (httpx.ConnectTimeout, httpx.UnsupportedProtocol)):
        return 1
    if isinstance(error, httpx.ConnectError):
        return 1 if UNTRUSTED in str(error) else _CONNECT_ATTEMPTS
    return 1 if wants_certificate(str(error)) else ATTEMPTS


def _reason(error: Exception) -> str:
    import httpx  # noqa: PLC0415

    text = str(error)
    if isinstance(error, httpx.RemoteProtocolError) and not any(end in text for end in _ENDS):
        # It quotes what was answered, which may quote what was asked: a password, perhaps.
        return "its answer is not HTTP"
    return text or type(error).__name__
