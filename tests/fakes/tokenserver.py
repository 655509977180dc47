"""A token server as registries trust it: it signs what a user may do, with openssl."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.fakes.certificates import request as request_certificate
from tests.fakes.httpserver import Answer, HttpServer, basic
from tests.fakes.registry_content import error

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.httpserver import Seen

ISSUER, SERVICE = "condabox-tests", "a registry, of tests"


class TokenServer(HttpServer):
    """Gives tokens to one user, for ``life`` seconds each; what was asked is remembered."""

    def __init__(self, folder: Path, *, user: str, password: str, life: int) -> None:
        super().__init__()
        self.key, self.certificate = folder / "token.key", folder / "token.pem"
        self.life = life
        self.basic = basic(f"{user}:{password}")
        self.asked: list[list[str]] = []
        request_certificate(
            self.certificate, self.key, "-newkey", "rsa:2048", "-subj", "/CN=Tokens"
        )

    @property
    def auth(self) -> dict[str, object]:
        """The section ``auth`` of a registry that trusts this server."""
        return {
            "token": {
                "realm": f"{self.url}/token",
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

    def answer(self, request: Seen) -> Answer:
        if request.headers.get("authorization") != self.basic:
            return error(401, "UNAUTHORIZED", "who are you?")
        scopes = parse_qs(urlsplit(request.path).query).get("scope", [])
        document = {"token": self.token(scopes), "expires_in": self.life}
        return Answer(200, json.dumps(document).encode())


def _encoded(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
