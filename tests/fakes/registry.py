"""A registry in this process, on a real socket, that can be told to misbehave."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from condabox.oci.digest import Digest
from condabox.oci.image import index_of, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.oci.image import Image

ISSUED = "what-only-the-token-server-gives"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request, as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """What is wrong with the registry; all of it is right at first."""

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
    token_realm: str | None = None
    """The address of a token server: then nothing is answered without what it issues."""
    basic: tuple[str, str] | None = None
    """A user and a password, which nothing is answered without."""
    heads: bool = True
    """Whether HEAD works and tells the digest."""
    manifest_type: str | None = None


class FakeRegistry:
    """Serves what `add` was given, and remembers every request."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.seen: list[Seen] = []
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.blobs: dict[str, bytes] = {}
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def lines(self) -> list[str]:
        """The requests' first lines, without those that only find out how to speak."""
        return [seen.line for seen in self.seen if seen.path != "/v2/"]

    def add(self, repository: str, tag: str, images: Sequence[Image]) -> Digest:
        """Store an image, or an index of several, and return the digest that ``tag`` has."""
        for image in images:
            for layer in image.manifest.layers:
                with image.blobs.open(layer) as stream:
                    self.blobs[str(layer.digest)] = stream.read()
            config = image.manifest.config
            self.blobs[str(config.digest)] = read_document(image.blobs, config)
            self.add_document(repository, image.manifest.raw)
        top = images[0].manifest.raw if len(images) == 1 else index_of(images).raw
        return self.tag(repository, tag, top)

    def tag(self, repository: str, tag: str, raw: bytes) -> Digest:
        self.manifests[repository, tag] = raw
        return self.add_document(repository, raw)

    def add_document(self, repository: str, raw: bytes) -> Digest:
        digest = Digest.of(raw)
        self.manifests[repository, str(digest)] = raw
        return digest

    @contextmanager
    def running(self) -> Iterator[FakeRegistry]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    registry: FakeRegistry
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the terminal clean."""

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.registry.seen.append(
            Seen(
                method=self.command,
                path=self.path,
                headers=headers,
                body=self.rfile.read(length),
            )
        )
        behaviour = self.registry.behaviour
        path = urlsplit(self.path).path
        if path == "/v2/":
            self.reply(200, b"{}")
        elif path == "/token":
            self.give_token()
        elif behaviour.failures:
            status, extra = behaviour.failures.pop(0)
            self.fail(status, "UNAVAILABLE", extra)
        elif behaviour.refused:
            self.fail(behaviour.refused, "TOOMANYREQUESTS", {"Retry-After": "86400"})
        elif challenge := self.challenge():
            self.fail(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        elif "/manifests/" in path:
            self.give_manifest(*path.removeprefix("/v2/").split("/manifests/"))
        else:
            self.give_blob(path.rpartition("/")[2])

    def challenge(self) -> str | None:
        given = self.headers.get("Authorization")
        behaviour = self.registry.behaviour
        if behaviour.token_realm and given != f"Bearer {ISSUED}":
            return f'Bearer realm="{behaviour.token_realm}",service="fake, really"'
        if behaviour.basic and not behaviour.token_realm and given != _basic(behaviour.basic):
            return 'Basic realm="fake"'
        return None

    def give_token(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        good = self.command == "POST" or query.get("service") == ["fake, really"]
        given, wanted = self.headers.get("Authorization"), self.registry.behaviour.basic
        if (given and wanted and given != _basic(wanted)) or not good:
            self.fail(401, "UNAUTHORIZED", {})
        else:
            self.reply(200, json.dumps({"token": ISSUED}).encode())

    def give_manifest(self, repository: str, selector: str) -> None:
        raw = self.registry.manifests.get((repository, selector))
        if raw is None:
            self.fail(404, "MANIFEST_UNKNOWN", {})
        elif self.command == "HEAD" and not self.registry.behaviour.heads:
            self.fail(405, "UNSUPPORTED", {})
        else:
            stated = json.loads(raw).get("mediaType", "application/json")
            self.reply(
                200,
                raw,
                {
                    "Content-Type": self.registry.behaviour.manifest_type or stated,
                    "Docker-Content-Digest": str(Digest.of(raw)),
                },
            )

    def give_blob(self, digest: str) -> None:
        behaviour = self.registry.behaviour
        data = self.registry.blobs.get(digest)
        if behaviour.blob_redirect:
            location = f"{behaviour.blob_redirect}/storage/{digest}?signature=secret"
            self.reply(307, b"", {"Location": location})
            return
        if data is None:
            self.fail(404, "BLOB_UNKNOWN", {})
            return
        if behaviour.flipped:
            data = bytes([data[0] ^ 1]) + data[1:]
        status, extra = 200, {}
        asked = self.headers.get("Range")
        if asked and behaviour.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            extra["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            status, data = 206, data[start:]
        cut = behaviour.cuts.pop(0) if behaviour.cuts else None
        self.reply(status, data, extra, cut=cut)

    def reply(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None and len(body) > cut:
            self.close_connection = True

    def fail(self, status: int, code: str, headers: dict[str, str]) -> None:
        body = {"errors": [{"code": code, "message": f"{code.lower()} it is"}]}
        self.reply(status, json.dumps(body).encode(), headers)


def _basic(user: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(user).encode()).decode()}"
