"""A registry in this process, on a real socket, that can be told to misbehave."""

from __future__ import annotations

import base64
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from condabox.oci.digest import Digest
from condabox.oci.image import index_of, read_document
from tests.fakes.registry_behaviour import Behaviour
from tests.fakes.registry_content import Answer, Content, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.oci.image import Image
    from tests.fakes.registry_behaviour import Fault

ISSUED = "what-only-the-token-server-gives"


class FakeRegistry(Content):
    """Serves what `add` was given or what was pushed, and remembers every request."""

    def __init__(self) -> None:
        super().__init__()
        self.behaviour = Behaviour()
        self.seen: list[Seen] = []
        self.issued: dict[str, frozenset[str]] = {}
        """Every token that is good, and its scopes."""
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

    def requests(self, method: str, path: str = "") -> list[Seen]:
        """The requests of one method whose path ``path``, a regular expression, is found in."""
        return [each for each in self.seen if each.method == method and re.search(path, each.path)]

    def add(self, repository: str, tag: str, images: Sequence[Image]) -> Digest:
        """Store an image, or an index of several, and return the digest that ``tag`` has."""
        for image in images:
            for layer in image.manifest.layers:
                with image.blobs.open(layer) as stream:
                    self.link(repository, stream.read())
            self.link(repository, read_document(image.blobs, image.manifest.config))
            self.add_document(repository, image.manifest.raw)
        top = images[0].manifest.raw if len(images) == 1 else index_of(images).raw
        return self.tag(repository, tag, top)

    def issue(self, scopes: frozenset[str]) -> str:
        """Make a token; the first is always the same."""
        token = ISSUED if not self.issued else f"{ISSUED}-{len(self.issued)}"
        self.issued[token] = scopes
        return token

    def revoke(self) -> None:
        """Take no token any more that was issued until now."""
        self.issued = dict.fromkeys(self.issued, frozenset())

    def fault(self, method: str, path: str) -> Fault | None:
        """Take the fault that meets this request."""
        for fault in self.behaviour.faults:
            if fault.method == method and re.search(fault.path, path) and fault.times:
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

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

    def handle(self) -> None:
        """Be silent about clients that go away: some tests are about that."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def answer(self) -> None:
        fault = self.registry.fault(self.command, self.path)
        if fault and fault.early:
            self.note(b"")
            self.refuse(fault)
            self.close_connection = True
            return
        request = self.note(self.receive(fault))
        if fault and fault.until:
            fault.until.wait(120)
        if fault and fault.status:
            self.refuse(fault)
            return
        answer = self.refusal(request) or self.answered(request)
        if fault and (fault.unanswered or fault.cut is not None):
            self.close_connection = True
        else:
            self.reply(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def note(self, body: bytes) -> Seen:
        headers = {key.lower(): value for key, value in self.headers.items()}
        seen = Seen(method=self.command, path=self.path, headers=headers, body=body)
        self.registry.seen.append(seen)
        return seen

    def receive(self, fault: Fault | None) -> bytes:
        """Read the body, or what a fault leaves of it."""
        left = int(self.headers.get("Content-Length") or 0)
        if fault and fault.cut is not None:
            left = min(left, fault.cut)
        body = bytearray()
        while left:
            piece = self.rfile.read(min(left, self.registry.behaviour.pieces))
            if not piece:
                raise ConnectionResetError
            body += piece
            left -= len(piece)
        if fault and fault.flipped and body:
            body[len(body) // 2] ^= 1
        return bytes(body)

    def refusal(self, request: Seen) -> Answer | None:
        """Return what is answered before the request is looked at."""
        behaviour = self.registry.behaviour
        if request.path == "/v2/" or request.route == "/token":
            return None
        if behaviour.failures:
            status, extra = behaviour.failures.pop(0)
            return Answer.error(status, "UNAVAILABLE", headers=extra)
        if behaviour.redirect and self.command in behaviour.redirect[0]:
            return Answer(307, headers={"Location": behaviour.redirect[1] + self.path})
        if behaviour.refused:
            extra = {"Retry-After": "86400"}
            return Answer.error(behaviour.refused, "TOOMANYREQUESTS", headers=extra)
        if challenge := self.challenge(request):
            return Answer.error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": challenge})
        return None

    def challenge(self, request: Seen) -> str | None:
        given = self.headers.get("Authorization", "")
        behaviour = self.registry.behaviour
        if behaviour.token_realm:
            rights = self.registry.issued.get(given.removeprefix("Bearer "), frozenset())
            if not self.needed(request) <= rights:
                return f'Bearer realm="{behaviour.token_realm}",service="fake, really"'
        elif behaviour.basic and given != _basic(behaviour.basic):
            return 'Basic realm="fake"'
        return None

    def needed(self, request: Seen) -> set[str]:
        """Return the rights that a request needs, as ``repository:action``."""
        repository = re.split("/(?:manifests|blobs|tags|referrers)/", request.route)[0]
        action = "pull" if self.command in {"GET", "HEAD"} else "push"
        source = request.query.get("from")
        return {f"{repository}:{action}"} | ({f"{source}:pull"} if source else set())

    def answered(self, request: Seen) -> Answer:
        if request.path == "/v2/":
            return Answer(200, b"{}")
        if request.route == "/token":
            return self.token(request.body)
        if self.command in {"GET", "HEAD"}:
            if "/blobs/sha256:" in request.route:
                return self.blob(request.route)
            if "/manifests/" in request.route:
                return self.manifest(request.route)
        return self.registry.handle(request)

    def token(self, body: bytes) -> Answer:
        behaviour = self.registry.behaviour
        if self.command not in behaviour.token_methods:
            return Answer.error(405, "UNSUPPORTED")
        form = parse_qs(body.decode() if self.command == "POST" else urlsplit(self.path).query)
        users = [_basic(behaviour.basic)] if behaviour.basic else []
        if behaviour.identity:
            users.append(_basic(("<token>", behaviour.identity)))
        given = self.headers.get("Authorization")
        good = form.get("service") == ["fake, really"] and (
            not given or not users or given in users
        )
        if self.command == "POST" and behaviour.identity:
            good = form.get("refresh_token") == [behaviour.identity]
        if not good:
            return Answer.error(401, "UNAUTHORIZED")
        scopes = [word for scope in form.get("scope", []) for word in scope.split(" ")]
        rights = frozenset(
            f"{scope.split(':')[1]}:{action}"
            for scope in scopes
            for action in scope.split(":")[2].split(",")
        )
        life = {"expires_in": behaviour.token_life} if behaviour.token_life else {}
        document = {"token": self.registry.issue(rights), **life}
        return Answer(200, json.dumps(document).encode())

    def manifest(self, path: str) -> Answer:
        repository, selector = path.split("/manifests/")
        raw = self.registry.manifests.get((repository, unquote(selector)))
        if raw is None:
            return Answer.error(404, "MANIFEST_UNKNOWN")
        if self.command == "HEAD" and not self.registry.behaviour.heads:
            return Answer.error(405, "UNSUPPORTED")
        stated = json.loads(raw).get("mediaType", "application/json")
        headers = {
            "Content-Type": self.registry.behaviour.manifest_type or stated,
            "Docker-Content-Digest": str(Digest.of(raw)),
        }
        return Answer(200, raw, headers)

    def blob(self, path: str) -> Answer:
        behaviour = self.registry.behaviour
        repository, digest = path.split("/blobs/")
        if behaviour.blob_redirect:
            location = f"{behaviour.blob_redirect}/storage/blobs/{digest}?signature=secret"
            return Answer(307, headers={"Location": location})
        data = self.registry.blob(repository, digest)
        if data is None:
            return Answer.error(404, "BLOB_UNKNOWN")
        if behaviour.flipped:
            data = bytes([data[0] ^ 1]) + data[1:]
        status, extra = 200, {"Docker-Content-Digest": digest}
        asked = self.headers.get("Range")
        if asked and behaviour.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            extra["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            status, data = 206, data[start:]
        cut = behaviour.cuts.pop(0) if behaviour.cuts and self.command == "GET" else None
        return Answer(status, data, extra, cut=cut)

    def refuse(self, fault: Fault) -> None:
        status = fault.status or 500
        if fault.code:
            self.reply(Answer.error(status, fault.code, fault.message, headers=fault.headers))
        else:
            self.reply(Answer(status, fault.body, fault.headers))

    def reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            body = answer.body[: answer.cut]
            for start in range(0, len(body), self.registry.behaviour.pieces):
                self.wfile.write(body[start : start + self.registry.behaviour.pieces])
        if answer.cut is not None and len(answer.body) > answer.cut:
            self.close_connection = True


def _basic(user: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(user).encode()).decode()}"
