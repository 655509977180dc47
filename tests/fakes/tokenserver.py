"""A token server as registries trust it: it signs what a user may do, with openssl."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUER, SERVICE = "condabox-tests", "a registry, of tests"


class TokenServer:
    """Gives tokens to one user, for ``life`` seconds each; what was asked is remembered."""

    def __init__(self, folder: Path, *, user: str, password: str, life: int) -> None:
        self.key, self.certificate = folder / "token.key", folder / "token.pem"
        self.life = life
        self.basic = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        self.asked: list[list[str]] = []
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=Tokens", "-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run(command, check=True, capture_output=True)
        handler = type("Handler", (_Handler,), {"tokens": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def auth(self) -> dict[str, object]:
        """The section ``auth`` of a registry that trusts this server."""
        return {
            "token": {
                "realm": f"http://127.0.0.1:{self._server.server_port}/token",
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.certificate),
            }
        }

    def token(self, scopes: list[str]) -> str:
        """Sign what the scopes ask for, as RFC 7515 wants it."""
        self.asked.append(scopes)
        lines = self.certificate.read_text().splitlines()
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines[1:-1])]}
        now = int(time.time())
        parts = [scope.split(":") for scope in scopes]
        claims = {
            "iss": ISSUER,
            "sub": "me",
            "aud": SERVICE,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.life,
            "access": [
                {"type": kind, "name": name, "actions": actions.split(",")}
                for kind, name, actions in parts
            ],
        }
        signed = f"{_encoded(json.dumps(header))}.{_encoded(json.dumps(claims))}"
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        done = subprocess.run(command, input=signed.encode(), check=True, capture_output=True)
        return f"{signed}.{_encoded(done.stdout)}"

    @contextmanager
    def running(self) -> Iterator[TokenServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    tokens: TokenServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the terminal clean."""

    def do_GET(self) -> None:
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        if self.headers.get("Authorization") != self.tokens.basic:
            self.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]})
        else:
            self.reply(200, {"token": self.tokens.token(scopes), "expires_in": self.tokens.life})

    def reply(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _encoded(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
