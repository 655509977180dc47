"""A registry in this process, on a real socket, that can be told to misbehave."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from condabox.oci.digest import Digest
from condabox.oci.image import index_of, read_document
from tests.fakes.httpserver import Answer, HttpHandler, HttpServer, basic
from tests.fakes.registry_behaviour import Behaviour
from tests.fakes.registry_content import Content, error, route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.oci.image import Image
    from tests.fakes.certificates import Certificates
    from tests.fakes.httpserver import Seen
    from tests.fakes.registry_behaviour import Fault

ISSUED = "what-only-the-token-server-gives"


class FakeRegistry(HttpServer, Content):
    """Serves what `add` was given or what was pushed, and remembers every request."""

    def __init__(self, *, certificates: Certificates | None = None) -> None:
        HttpServer.__init__(self, _Handler, certificates=certificates)
        Content.__init__(self)
        self.behaviour = Behaviour()
        self.issued: dict[str, frozenset[str]] = {}
        """Every token that is good, and its scopes."""

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

    def answer(self, request: Seen) -> Answer:
        found = self._refusal(request) or self._answered(request)
        return replace(found, headers={**self.behaviour.headers, **found.headers})

    def _refusal(self, request: Seen) -> Answer | None:
        """Return what is answered before the request is looked at."""
        behaviour = self.behaviour
        if request.path == "/v2/" or route(request) == "/token":
            return None
        if behaviour.failures:
            status, extra = behaviour.failures.pop(0)
            return error(status, "UNAVAILABLE", headers=extra)
        if behaviour.redirect and request.method in behaviour.redirect[0]:
            return Answer(307, headers={"Location": behaviour.redirect[1] + request.path})
        if behaviour.refused:
            return error(behaviour.refused, "TOOMANYREQUESTS", headers={"Retry-After": "86400"})
        if challenge := self._challenge(request):
            return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": challenge})
        return None

    def _challenge(self, request: Seen) -> str | None:
        given = request.headers.get("authorization", "")
        behaviour = self.behaviour
        if behaviour.token_realm:
            rights = self.issued.get(given.removeprefix("Bearer "), frozenset())
            if not _needed(request) <= rights:
                return f'Bearer realm="{behaviour.token_realm}",service="fake, really"'
        elif behaviour.basic and given != basic(":".join(behaviour.basic)):
            return 'Basic realm="fake"'
        return None

    def _answered(self, request: Seen) -> Answer:
        if request.path == "/v2/":
            return Answer(200, b"{}")
        if route(request) == "/token":
            return self._token(request)
        if request.method in {"GET", "HEAD"}:
            if "/blobs/sha256:" in route(request):
                return self._blob(request)
            if "/manifests/" in route(request):
                return self._manifest(request)
        return self.handle(request)

    def _token(self, request: Seen) -> Answer:
        behaviour = self.behaviour
        if request.method not in behaviour.token_methods:
            return error(405, "UNSUPPORTED")
        posted = request.method == "POST"
        form = parse_qs(request.body.decode() if posted else urlsplit(request.path).query)
        users = [basic(":".join(behaviour.basic))] if behaviour.basic else []
        if behaviour.identity:
            users.append(basic(f"<token>:{behaviour.identity}"))
        given = request.headers.get("authorization")
        good = form.get("service") == ["fake, really"] and (
            not given or not users or given in users
        )
        if posted and behaviour.identity:
            good = form.get("refresh_token") == [behaviour.identity]
        if not good:
            return error(401, "UNAUTHORIZED")
        scopes = [word for scope in form.get("scope", []) for word in scope.split(" ")]
        rights = frozenset(
            f"{scope.split(':')[1]}:{action}"
            for scope in scopes
            for action in scope.split(":")[2].split(",")
        )
        life = {"expires_in": behaviour.token_life} if behaviour.token_life else {}
        return Answer(200, json.dumps({"token": self.issue(rights), **life}).encode())

    def _manifest(self, request: Seen) -> Answer:
        repository, selector = route(request).split("/manifests/")
        raw = self.manifests.get((repository, unquote(selector)))
        if raw is None:
            return error(404, "MANIFEST_UNKNOWN")
        if request.method == "HEAD" and not self.behaviour.heads:
            return error(405, "UNSUPPORTED")
        stated = json.loads(raw).get("mediaType", "application/json")
        headers = {
            "Content-Type": self.behaviour.manifest_type or stated,
            "Docker-Content-Digest": str(Digest.of(raw)),
        }
        return Answer(200, raw, headers)

    def _blob(self, request: Seen) -> Answer:
        behaviour = self.behaviour
        repository, digest = route(request).split("/blobs/")
        if behaviour.blob_redirect:
            location = f"{behaviour.blob_redirect}/storage/blobs/{digest}?signature=secret"
            return Answer(307, headers={"Location": location})
        data = self.blob(repository, digest)
        if data is None:
            return error(404, "BLOB_UNKNOWN")
        if behaviour.flipped:
            data = bytes([data[0] ^ 1]) + data[1:]
        status, extra = 200, {"Docker-Content-Digest": digest}
        asked = request.headers.get("range")
        if asked and behaviour.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            extra["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            status, data = 206, data[start:]
        cut = behaviour.cuts.pop(0) if behaviour.cuts and request.method == "GET" else None
        return Answer(status, data, extra, cut=cut)


def _needed(request: Seen) -> set[str]:
    """Return the rights that a request needs, as ``repository:action``."""
    repository = re.split("/(?:manifests|blobs|tags|referrers)/", route(request))[0]
    action = "pull" if request.method in {"GET", "HEAD"} else "push"
    source = request.query.get("from")
    return {f"{repository}:{action}"} | ({f"{source}:pull"} if source else set())


class _Handler(HttpHandler):
    """Reads and sends in pieces, and with the faults that the registry was told to have."""

    fake: FakeRegistry
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        fault = self.fake.fault(self.command, self.path)
        if fault and fault.early:
            self.note()
            self.refuse(fault)
            self.close_connection = True
            return
        request = self.note(self.receive(fault))
        if fault and fault.until:
            fault.until.wait(120)
        if fault and fault.status:
            self.refuse(fault)
            return
        answer = self.fake.answer(request)
        if fault and (fault.unanswered or fault.cut is not None):
            self.close_connection = True
        else:
            self.reply(answer)

    def receive(self, fault: Fault | None) -> bytes:
        """Read the body, or what a fault leaves of it."""
        left = int(self.headers.get("Content-Length") or 0)
        if fault and fault.cut is not None:
            left = min(left, fault.cut)
        body = bytearray()
        while left:
            piece = self.rfile.read(min(left, self.fake.behaviour.pieces))
            if not piece:
                raise ConnectionResetError
            body += piece
            left -= len(piece)
        if fault and fault.flipped and body:
            body[len(body) // 2] ^= 1
        return bytes(body)

    def refuse(self, fault: Fault) -> None:
        status = fault.status or 500
        if fault.code:
            self.reply(error(status, fault.code, fault.message, headers=fault.headers))
        else:
            self.reply(Answer(status, fault.body, fault.headers))

    def send(self, data: bytes) -> None:
        pieces = self.fake.behaviour.pieces
        for start in range(0, len(data), pieces):
            super().send(data[start : start + pieces])
