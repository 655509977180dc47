"""Servers on 127.0.0.1 for as long as a test needs them, which remember what they were asked."""

from __future__ import annotations

import base64
import socket
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from socketserver import BaseRequestHandler

    from tests.fakes.certificates import Certificates


def basic(credentials: str) -> str:
    """Return the header Authorization of ``user:password``."""
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def unanswered_url() -> str:
    """Return an address of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request, as it arrived."""

    method: str
    path: str
    """With the query."""
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, perhaps only the first ``cut`` bytes of it."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


class LocalServer:
    """Listens on a free port while its context is open, with TLS where it has ``certificates``.

    Each connection gets a thread and a ``handler``, which finds the server as its ``fake``.
    """

    def __init__(
        self, handler: type[BaseRequestHandler], *, certificates: Certificates | None = None
    ) -> None:
        bound = type("Handler", (handler,), {"fake": self})
        self._server = ThreadingTCPServer(("127.0.0.1", 0), bound)
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificates is not None:
            self._server.socket = certificates.wrapped(self._server.socket)
            self._scheme = "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"

    def running(self) -> Self:
        """Return the server, for a ``with`` that makes it and lets it run at once."""
        return self

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class HttpHandler(BaseHTTPRequestHandler):
    """Sends what the server answers, and is silent about it and about clients that go away."""

    fake: HttpServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the terminal clean."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.reply(self.fake.answer(self.note(self.rfile.read(length))))

    def do_GET(self) -> None:
        self.respond()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET  # noqa: N815

    def note(self, body: bytes = b"") -> Seen:
        """Remember the request."""
        headers = {key.lower(): value for key, value in self.headers.items()}
        seen = Seen(method=self.command, path=self.path, headers=headers, body=body)
        self.fake.seen.append(seen)
        return seen

    def reply(self, answer: Answer) -> None:
        """Send the answer; the connection ends where that was cut."""
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.send(answer.body[: answer.cut])
        if answer.cut is not None and len(answer.body) > answer.cut:
            self.close_connection = True

    def send(self, data: bytes) -> None:
        self.wfile.write(data)


class HttpServer(LocalServer):
    """Answers what ``answer`` returns, which is all that a server of this kind has to tell."""

    def __init__(
        self,
        handler: type[HttpHandler] = HttpHandler,
        *,
        certificates: Certificates | None = None,
    ) -> None:
        super().__init__(handler, certificates=certificates)
        self.seen: list[Seen] = []

    def answer(self, request: Seen) -> Answer:
        """Return what is said to ``request``, which is remembered already."""
        raise NotImplementedError
