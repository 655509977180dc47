"""What a registry asks for when it answers 401: the WWW-Authenticate header of RFC 9110 §11.6."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105  (RFC 9110 §5.6.2, no secret)
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(rf"({_TOKEN})(?: +[A-Za-z0-9\-._~+/]+=*)?(?=\s*(?:,|$))|({_TOKEN}) +")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to authenticate; the scheme and the parameters' names are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read every challenge of ``header``; what cannot be read ends the list."""
    challenges: list[Challenge] = []
    position = 0
    while True:
        while header[position : position + 1] in {" ", "\t", ","}:
            position += 1
        if challenges and (match := _PARAMETER.match(header, position)):
            quoted, plain = match.group(2), match.group(3)
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            last = challenges.pop()
            parameters = {**last.parameters, match.group(1).lower(): value}
            challenges.append(Challenge(scheme=last.scheme, parameters=parameters))
        elif match := _SCHEME.match(header, position):
            scheme = match.group(1) or match.group(2)
            challenges.append(Challenge(scheme=scheme.lower(), parameters={}))
        else:
            return tuple(challenges)
        position = match.end()
