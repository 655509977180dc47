"""A registry's door: what it answers at /v2/, to whom, and its token server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.fakes.httpserver import Answer, HttpServer, basic

if TYPE_CHECKING:
    from tests.fakes.certificates import Certificates
    from tests.fakes.httpserver import Seen

TOKEN = "what-only-the-gate-gives"  # noqa: S105  (of nothing)


@dataclass(slots=True, kw_only=True)
class Rules:
    """Who may come in; at first everybody."""

    user: str | None = None
    """``user:password``, which is wanted."""
    tokens: bool = False
    """Whether a token server is to be asked, on the same host."""
    token_status: int | None = None
    """What the token server answers to everybody instead."""
    public: bool = False
    """Whether that gives tokens to strangers."""
    answer: Answer = field(default_factory=lambda: Answer(200, b"{}"))
    """What is said to who may come in."""


class Gate(HttpServer):
    """Answers at /v2/ and /token as its rules say."""

    def __init__(self, *, certificates: Certificates | None = None) -> None:
        super().__init__(certificates=certificates)
        self.rules = Rules()

    def answer(self, request: Seen) -> Answer:
        rules = self.rules
        given = request.headers.get("authorization")
        known = rules.user is not None and given == basic(rules.user)
        if urlsplit(request.path).path == "/token":
            if rules.token_status is not None:
                return Answer(rules.token_status)
            if known or (rules.public and given is None):
                return Answer(200, json.dumps({"token": TOKEN}).encode())
            return self.refused(None, message=f"who is {given}?")
        if rules.user is None:
            return rules.answer
        if rules.tokens:
            challenge = f'Bearer realm="{self.url}/token",service="gate"'
            return rules.answer if given == f"Bearer {TOKEN}" else self.refused(challenge)
        return rules.answer if known else self.refused('Basic realm="gate"')

    def refused(self, challenge: str | None, *, message: str = "who are you?") -> Answer:
        body = {"errors": [{"code": "UNAUTHORIZED", "message": message}]}
        headers = {"WWW-Authenticate": challenge} if challenge else {}
        return Answer(401, json.dumps(body).encode(), headers)
